import { readFileSync, writeFileSync } from 'node:fs';

import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** How a framework's suite is called where nothing of ours is on the application. */
const OUTSIDE = ', register alone';

/** The files whose suites are frameworks. */
const TABLED = /[\\/](?:adapters|register)\.test\.ts$/;

const START = '<!-- frameworks: made by the suite -->';
const END = '<!-- end of frameworks -->';

/** Writes the table of what was seen to the file that \`COMPATIBILITY_TABLE\` names. */
export default class CompatibilityTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const path = process.env['COMPATIBILITY_TABLE'];
    if (path === undefined) return;
    const own = modules.filter(({ moduleId }) => TABLED.test(moduleId));
    const tests = own.flatMap((module) => [...module.children.allTests()]);
    const seen = new Map(tests.map((test) => [test.fullName, test.ok()]));
    const frameworks = [...new Set(tests.map(suiteOf))].filter((name) => !name.endsWith(OUTSIDE));
    const cases = [...new Set(tests.map(({ name }) => name))];
    const cellOf = (framework: string, title: string): string => {
      const adapter = seen.get(`${framework} > ${title}`);
      const outside = seen.get(`${framework}${OUTSIDE} > ${title}`);
      if (adapter === undefined && outside === undefined) return '–';
      if (adapter !== true || outside === false) return '✗';
      return outside === true ? '✓' : '*adapter*';
    };
    const rows = [
      ['', ...frameworks],
      ['---', ...frameworks.map(() => '---')],
      ...cases.map((title) => [title, ...frameworks.map((name) => cellOf(name, title))]),
    ];
    const page = readFileSync(path, 'utf8');
    const before = page.slice(0, page.indexOf(START) + START.length);
    const table = rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
    writeFileSync(path, `${before}\n\n${table}\n\n${page.slice(page.indexOf(END))}`);
  }
}

function suiteOf(test: TestCase): string {
  return test.fullName.slice(0, -` > ${test.name}`.length);
}
