/** The declarations, as users' compilers read them: every entry, and nothing skipped. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Cell, type Row, writeTable } from '../compatibility/drivers/table.ts';
import { ROOT } from '../support/processes.ts';
import { RUNS_ALL, runProgram, toolFolder } from './support/tools.ts';

let folder: string;

const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>;
};
const SUBPATHS = Object.keys(exports).filter((subpath) => subpath !== './package.json');

const USE = `
const app: root.HyperApp = new root.HyperApp('typed');
app.get('/', (c) => c.json({ id: c.req.param('id') }));
const db = new root.Database({ host: 'localhost', max: 3 });
const rows: Promise<{ id: number }[]> = db.query<{ id: number }>('SELECT 1 AS id');
db.pool.query<{ id: number }>('SELECT 1').then(({ rows: [first] }) => first.id.toFixed());
// @ts-expect-error: durations carry their unit, and nothing here is any
new root.PerformanceMiddleware({ slowQueryThreshold: 100 });
// @ts-expect-error
db.pool.query(1);
// @ts-expect-error
app.get('/', () => 1);
void rows;
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperdjango-types-'));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@types'), { recursive: true });
  // As a package manager that keeps to itself what nobody asked for: no types of pg.
  for (const name of ['hono', 'undici-types', '@types/node']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  cpSync(join(ROOT, 'dist'), join(modules, 'hyperdjango/dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(modules, 'hyperdjango/package.json'));
  const names = SUBPATHS.map((subpath, index) => ({ name: join('hyperdjango', subpath), index }));
  const imports = names.map(({ name, index }) =>
    name === 'hyperdjango'
      ? `import * as root from '${name}';`
      : `import * as m${index} from '${name}';`,
  );
  const uses = names.map(({ name, index }) => (name === 'hyperdjango' ? '' : `void m${index};`));
  for (const extension of ['ts', 'cts', 'mts']) {
    writeFileSync(join(folder, `user.${extension}`), [...imports, USE, ...uses, ''].join('\n'));
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Setting {
  readonly moduleResolution: string;
  readonly module: string;
  readonly files: readonly `user.${'ts' | 'cts' | 'mts'}`[];
}

const OLD: Setting = { moduleResolution: 'node10', module: 'commonjs', files: ['user.ts'] };
const BUNDLER: Setting = { moduleResolution: 'bundler', module: 'esnext', files: ['user.ts'] };
const [NODE16, NODENEXT] = ['node16', 'nodenext'].map((module): Setting => ({
  moduleResolution: module,
  module,
  files: ['user.cts', 'user.mts'],
})) as [Setting, Setting];
const SETTINGS = [OLD, NODE16, NODENEXT, BUNDLER];

const VERSIONS = [
  { version: '5.4.5', settings: SETTINGS },
  { version: '5.9.3', settings: SETTINGS },
  { version: '6.0.3', settings: RUNS_ALL ? SETTINGS : [OLD, NODE16, BUNDLER] },
  { version: '7.0.2', settings: [NODE16, NODENEXT, BUNDLER] },
].filter(({ version }) => RUNS_ALL || version.startsWith('6.'));

const rows: Row[] = [];

describe.each(VERSIONS)('TypeScript $version', ({ version, settings }) => {
  const proven = new Set<Setting>();

  it.each(settings)(
    '$moduleResolution, $files',
    async (setting) => {
      const { module, moduleResolution, files } = setting;
      const typescript = version.startsWith('6.')
        ? join(ROOT, 'node_modules/typescript')
        : toolFolder('typescript', version);
      const config = {
        compilerOptions: {
          ...{ module, moduleResolution, target: 'es2022', lib: ['es2022'], types: ['node'] },
          ...{ strict: true, noEmit: true, skipLibCheck: false, esModuleInterop: true },
          ...(version.startsWith('6.') && { ignoreDeprecations: '6.0' }),
        },
        files,
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
      const lines = await runProgram([join(typescript, 'bin/tsc'), '--pretty', 'false'], {
        cwd: folder,
      }).catch(({ message }: Error) => {
        // It has read the files, and did not merely fail to start.
        expect(message).toMatch(/error TS\d+/);
        return message;
      });
      // Those of others are theirs.
      const ours = lines.split('\n').filter((line) => /error TS/.test(line) && !isOfOthers(line));
      expect(ours).toEqual([]);
      proven.add(setting);
    },
    120_000,
  );

  afterAll(() => {
    if (proven.size < settings.length) return;
    const cells = SETTINGS.map((setting): [string, Cell] => [
      `\`${setting.moduleResolution}\``,
      proven.has(setting)
        ? { isProven: true }
        : { isProven: false, why: 'TypeScript 7 knows it no more.' },
    ]);
    rows.push({ label: `TypeScript ${version}`, cells: Object.fromEntries(cells) });
  });
});

afterAll(async () => {
  if (!RUNS_ALL || rows.length < VERSIONS.length) return;
  const columns = SETTINGS.map(({ moduleResolution }) => `\`${moduleResolution}\``);
  await writeTable('compilers', columns, rows);
});

function isOfOthers(line: string): boolean {
  return /node_modules\/(?!hyperdjango\/)/.test(line.split('(')[0] ?? '');
}
