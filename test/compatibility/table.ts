import { writeFileSync } from 'node:fs';

import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** How a framework's suite is called where nothing of ours is on the application. */
const OUTSIDE = ', register alone';

const HEAD = `# Compatibility

Written by \`npm run test:compatibility\`, which runs each case on a real socket and a real
PostgreSQL. How each framework is set up, and what does not hold, is in
[frameworks](frameworks.md).

## Frameworks

✓ holds, with \`performance()\` on the application and with \`register\` alone; *adapter* only
with \`performance()\`; ✗ does not; – there is no such thing.

`;

/** Writes the table of what was seen to the file that \`COMPATIBILITY_TABLE\` names. */
export default class CompatibilityTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const path = process.env['COMPATIBILITY_TABLE'];
    if (path === undefined) return;
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const seen = new Map(tests.map((test) => [test.fullName, test.ok()]));
    const frameworks = [...new Set(tests.map(suiteOf))].filter((name) => !name.endsWith(OUTSIDE));
    const cases = [...new Set(tests.map(({ name }) => name))];
    const cellOf = (framework: string, title: string): string => {
      const own = seen.get(`${framework} > ${title}`);
      const outside = seen.get(`${framework}${OUTSIDE} > ${title}`);
      if (own === undefined && outside === undefined) return '–';
      if (own !== true || outside === false) return '✗';
      return outside === true ? '✓' : '*adapter*';
    };
    const rows = [
      ['', ...frameworks],
      ['---', ...frameworks.map(() => '---')],
      ...cases.map((title) => [title, ...frameworks.map((name) => cellOf(name, title))]),
    ];
    writeFileSync(path, `${HEAD}${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`);
  }
}

function suiteOf(test: TestCase): string {
  return test.fullName.slice(0, -` > ${test.name}`.length);
}
