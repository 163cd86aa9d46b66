import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { type AppIdentity, appIdentityOf } from '../../src/recorder/app-identity.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'hyperdjango-names-')));
afterAll(() => rmSync(root, { recursive: true }));

function write(path: string, content: object | string = ''): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

write('shop/package.json', { name: 'shop', private: true, main: './server.mjs' });
const server = write('shop/server.mjs');
const worker = write('shop/dist/worker.mjs');
// A build's own manifest says only how its modules are written.
write('shop/dist/package.json', { type: 'module' });
const next = write('shop/node_modules/next/dist/bin/next');
write('shop/node_modules/next/package.json', { name: 'next' });
const container = write('pm2/node_modules/pm2/lib/ProcessContainerFork.js');
const clusterContainer = write('pm2/node_modules/pm2/lib/ProcessContainer.js');
mkdirSync(join(root, 'shop/node_modules/.bin'));
symlinkSync(next, join(root, 'shop/node_modules/.bin/next'));

interface Given {
  readonly script?: string;
  readonly args?: readonly string[];
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

function identity({ script, args = [], flags = [], env = {}, cwd = root }: Given): AppIdentity {
  const argv = ['node', ...(script === undefined ? [] : [script]), ...args];
  return appIdentityOf({ argv, execArgv: flags, env, cwd: () => join(root, cwd) });
}

const nameOf = (given: Given): string => identity({ cwd: '.', ...given }).name;

describe('the name of an application', () => {
  it.each<[string, string, Given]>([
    ['the main script of a package', 'shop', { script: server }],
    ['the folder of a package', 'shop', { script: join(root, 'shop') }],
    ['another script of it', 'shop/dist/worker.mjs', { script: worker }],
    [
      'a tool of the working folder',
      'shop/next',
      { script: join(root, 'shop/node_modules/.bin/next'), args: ['start'], cwd: 'shop' },
    ],
    [
      'a tool that is given a script',
      'shop/dist/worker.mjs',
      { script: next, args: ['--watch', 'dist/worker.mjs'], cwd: 'shop' },
    ],
    ['text of the command line', 'shop/-', { flags: ['-e', '0'], script: 'argument', cwd: 'shop' }],
    ['no script at all', 'shop/-', { cwd: 'shop' }],
    [
      'HYPERDJANGO_APP, whatever else there is',
      'web',
      {
        script: container,
        env: { HYPERDJANGO_APP: 'web', pm_exec_path: server, name: 'api', pm_id: '0' },
      },
    ],
    [
      'PM2, by its name',
      'api',
      { script: container, env: { pm_exec_path: server, name: 'api', pm_id: '0' } },
    ],
    ['PM2 without a name', 'shop', { script: container, env: { pm_exec_path: server } }],
    [
      "PM2's cluster mode, before its container runs",
      'api',
      {
        script: clusterContainer,
        env: { pm2_env: JSON.stringify({ pm_exec_path: server, name: 'api', pm_id: 0 }) },
      },
    ],
    [
      'a process that an application under PM2 has started',
      'shop/dist/worker.mjs',
      { script: worker, env: { pm_exec_path: server, name: 'api', pm_id: '0' } },
    ],
    [
      'a script of a package under PM2',
      'api',
      { script: server, env: { pm_exec_path: '/usr/bin/npm', name: 'api', pm_id: '0' } },
    ],
    [
      'the same without a name of its own',
      'shop',
      { script: server, env: { pm_exec_path: '/usr/bin/npm', name: 'npm', pm_id: '0' } },
    ],
  ])('is that of %s', (_, name, given) => {
    expect(nameOf(given)).toBe(name);
  });

  it('is that of the folder where a package has none, but never that of a release', () => {
    write('stall/releases/42/package.json', { dependencies: {} });
    expect(nameOf({ script: write('stall/releases/42/server.js') })).toBe('stall/server.js');
  });

  it('is that of the folder where there is no package', () => {
    expect(nameOf({ script: write('alone/server.js') })).toBe('alone/server.js');
  });

  it('keeps both ends of a long place in 55 bytes, whole characters of them', () => {
    const script = write(`shop/${'é'.repeat(30)}/worker.mjs`);
    const name = nameOf({ script });
    expect(name).toMatch(/^shop\/é+…é+\/worker\.mjs$/);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(55);
  });

  it('tells two long names apart that begin alike', () => {
    const names = ['a', 'b'].map((end) =>
      nameOf({ env: { HYPERDJANGO_APP: 'x'.repeat(80) + end } }),
    );
    expect(names[0]).not.toBe(names[1]);
    expect(names.map((name) => name.length)).toEqual([64, 64]);
  });
});

describe('the place of an application', () => {
  it('is another one in another folder, and for another script', () => {
    write('copy/package.json', { name: 'shop', main: 'server.mjs' });
    const other = identity({ script: write('copy/server.mjs'), cwd: '.' });
    const own = identity({ script: server, cwd: '.' });
    expect(other.name).toBe(own.name);
    expect(other.place).not.toBe(own.place);
    expect(identity({ script: worker, cwd: '.' }).place).not.toBe(own.place);
  });

  it('stays where a link leads to the next release', () => {
    write('linked/releases/42/package.json', { name: 'linked' });
    write('linked/releases/43/package.json', { name: 'linked' });
    const current = join(root, 'linked/current');
    const places = ['42', '43'].map((release) => {
      rmSync(current, { force: true });
      symlinkSync(join(root, 'linked/releases', release), current);
      return identity({ script: join(current, 'index.js'), cwd: '.' }).place;
    });
    expect(places[0]).toBe(places[1]);
  });
});
