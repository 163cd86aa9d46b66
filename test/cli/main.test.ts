import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { OutputStream } from '../../src/cli/command.ts';
import { painter } from '../../src/cli/paint.ts';
import { type FinishedProcess, ROOT, type RunOptions, runNode } from '../support/processes.ts';

const MAIN = join(ROOT, 'dist/cli/main.js');

async function hyperdjango(
  args: readonly string[],
  env: RunOptions['env'] = {},
): Promise<FinishedProcess> {
  return runNode([MAIN, ...args], { env });
}

describe('hyperdjango', () => {
  it('names its commands with --help, -h and for each command', async () => {
    const general = await hyperdjango(['--help']);
    expect(general).toMatchObject({ code: 0, stderr: '' });
    expect(general.stdout).toMatch(/^Usage: hyperdjango <command> \[options\]$/m);
    for (const command of ['demo', 'top', 'postmortem']) {
      expect(general.stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    }
    expect(await hyperdjango(['-h'])).toEqual(general);

    const demo = await hyperdjango(['demo', '--seconds', '1', '--help']);
    expect(demo).toMatchObject({ code: 0, stderr: '' });
    expect(demo.stdout).toMatch(/^Usage: hyperdjango demo \[options\]$/m);
    for (const option of ['--seconds', '--port', '--json', 'DATABASE_URL']) {
      expect(demo.stdout).toContain(option);
    }
    for (const [command, options] of [
      ['top', ['--app', '--json', 'HYPERDJANGO_DIR']],
      ['postmortem', ['--app', '--all', '--json', 'HYPERDJANGO_DIR']],
    ] as const) {
      const { code, stdout } = await hyperdjango([command, '-h']);
      expect(code).toBe(0);
      for (const option of options) expect(stdout).toContain(option);
    }
  });

  it('prints the version of its package', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    for (const option of ['--version', '-v']) {
      expect(await hyperdjango([option])).toMatchObject({
        code: 0,
        stdout: `${version}\n`,
        stderr: '',
      });
    }
  });

  it.each([
    [[], 'hyperdjango: which command?; see hyperdjango --help'],
    [['dmeo'], "hyperdjango: unknown command 'dmeo', did you mean demo?; see hyperdjango --help"],
    [['toString'], "hyperdjango: unknown command 'toString'; see hyperdjango --help"],
    [['--colour'], "hyperdjango: unknown option '--colour'; see hyperdjango --help"],
    [
      ['demo', '--second', '5'],
      "hyperdjango demo: unknown option '--second'; see hyperdjango demo --help",
    ],
    [
      ['top', '--interval', '5'],
      "hyperdjango top: unknown option '--interval'; see hyperdjango top --help",
    ],
    [
      ['postmortem', '--app'],
      "hyperdjango postmortem: option '--app <value>' argument missing; see hyperdjango postmortem --help",
    ],
    [['demo', 'now'], "hyperdjango demo: unexpected argument 'now'; see hyperdjango demo --help"],
    [
      ['demo', '--seconds'],
      "hyperdjango demo: option '--seconds <value>' argument missing; see hyperdjango demo --help",
    ],
    [
      ['demo', '--seconds', 'five'],
      'hyperdjango demo: --seconds: expected a number from 0.1 to 86400, got "five"; see hyperdjango demo --help',
    ],
    [
      ['demo', '--seconds='],
      'hyperdjango demo: --seconds: expected a number from 0.1 to 86400, got ""; see hyperdjango demo --help',
    ],
    [
      ['demo', '--seconds=-1'],
      'hyperdjango demo: --seconds: expected a number from 0.1 to 86400, got "-1"; see hyperdjango demo --help',
    ],
    [
      ['demo', '--port', '70000'],
      'hyperdjango demo: --port: expected an integer from 0 to 65535, got "70000"; see hyperdjango demo --help',
    ],
    [
      ['demo', '--port', '80.5'],
      'hyperdjango demo: --port: expected an integer from 0 to 65535, got "80.5"; see hyperdjango demo --help',
    ],
    [
      ['demo', '--json=yes'],
      "hyperdjango demo: option '--json' does not take an argument; see hyperdjango demo --help",
    ],
  ])('answers %j with one line and exit code 2', async (args, line) => {
    expect(await hyperdjango(args)).toMatchObject({ code: 2, stdout: '', stderr: `${line}\n` });
  });

  it.each(['not a url', 'mysql://user:hush@localhost/shop'])(
    'refuses the DATABASE_URL %j without repeating it',
    async (url) => {
      const { code, stdout, stderr } = await hyperdjango(['demo'], { DATABASE_URL: url });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toBe(
        'hyperdjango demo: DATABASE_URL: expected postgres://user@host:5432/database; see hyperdjango demo --help\n',
      );
    },
  );

  it('does not run a demo of nothing', async () => {
    const disabled = await hyperdjango(['demo'], { HYPERDJANGO_DISABLED: '1' });
    expect(disabled).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'hyperdjango demo: HYPERDJANGO_DISABLED is set: there would be nothing to see\n',
    });
  });

  it('says in one line, with exit code 1, that a server is not there', async () => {
    const { code, stdout, stderr } = await hyperdjango(['demo', '--seconds', '1'], {
      // Port 1 is the port of nobody.
      DATABASE_URL: 'postgres://somebody:hush@127.0.0.1:1/shop',
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^hyperdjango demo: .*127\.0\.0\.1:1\/shop.*ECONNREFUSED.*\n$/);
    expect(stderr).not.toContain('hush');
  });
});

describe('painter', () => {
  const stream = (isTTY: boolean, colors: boolean): OutputStream => ({
    write: () => true,
    isTTY,
    hasColors: () => colors,
  });

  it('writes colour to a terminal that has it, and nowhere else', () => {
    expect(painter(stream(true, true))('bold', 'x')).toBe('\u001B[1mx\u001B[22m');
    expect(painter(stream(true, false))('bold', 'x')).toBe('x');
    expect(painter(stream(false, true))('bold', 'x')).toBe('x');
    expect(painter({ write: () => true })('bold', 'x')).toBe('x');
  });
});
