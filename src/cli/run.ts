import { readFileSync } from 'node:fs';
import { debuglog } from 'node:util';

import { closest } from '../util/closest.ts';
import { type Command, type CommandIo, UsageError } from './command.ts';

/** `NODE_DEBUG=hyperdjango` shows where an error came from. */
const debug = debuglog('hyperdjango');

interface CommandEntry {
  readonly summary: string;
  /** A command's code is loaded when it runs: `--help` needs no database driver. */
  readonly load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  demo: {
    summary: 'run the example shop with traffic, and its dashboard',
    load: async () => (await import('./demo/index.ts')).demo,
  },
  top: {
    summary: 'watch running processes from outside, also those that are stuck',
    load: async () => (await import('./top/index.ts')).top,
  },
  postmortem: {
    summary: 'show what a dead process was doing',
    load: async () => (await import('./postmortem/index.ts')).postmortem,
  },
};

/** Exit codes: all went well, the command failed, the command line cannot be used. */
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * Runs one command line. It never throws: what goes wrong is one line on the error stream.
 *
 * @param args without the names of Node.js and of the program.
 */
export async function run(args: readonly string[], io: CommandIo): Promise<ExitCode> {
  const [name, ...rest] = args;
  const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name ?? ''] : undefined;
  try {
    if (name === 'help' && rest[0] !== undefined) {
      return await run([rest[0], '--help'], io);
    } else if (name === '--help' || name === '-h' || name === 'help') {
      io.stdout.write(help());
    } else if (name === '--version' || name === '-v') {
      io.stdout.write(`${packageVersion()}\n`);
    } else if (command === undefined) {
      throw new UsageError(name === undefined ? 'which command?' : unknownWord(name));
    } else {
      await runCommand(await command.load(), rest, io);
    }
    return EXIT.ok;
  } catch (error) {
    const program = command === undefined ? 'hyperdjango' : `hyperdjango ${name}`;
    if (error instanceof UsageError) {
      io.stderr.write(`${program}: ${error.message}; see ${program} --help\n`);
      return EXIT.usage;
    }
    io.stderr.write(`${program}: ${describeError(error)}\n`);
    debug('%s', error instanceof Error ? error.stack : error);
    return EXIT.failure;
  }
}

async function runCommand(command: Command, args: readonly string[], io: CommandIo): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    io.stdout.write(command.help);
  } else {
    await command.run(args, io);
  }
}

function help(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const commands = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}\n`,
  );
  return `hyperdjango: database instrumentation for Node.js and PostgreSQL

Usage: hyperdjango <command> [options]

Commands:
${commands.join('')}
Options:
  -h, --help     show this help; after a command, the help of that command
  -v, --version  show the version

hyperdjango help <command> shows the help of that command, too.
`;
}

function unknownWord(word: string): string {
  const isOption = word.startsWith('-');
  const known = isOption ? ['--help', '--version'] : [...Object.keys(COMMANDS), 'help'];
  const near = closest(word, known);
  const hint = near === undefined ? '' : `, did you mean ${near}?`;
  return `unknown ${isOption ? 'option' : 'command'} '${word}'${hint}`;
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** One line, whatever the message. */
function describeError(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.trim().replaceAll(/\s*\n\s*/g, ' ');
}
