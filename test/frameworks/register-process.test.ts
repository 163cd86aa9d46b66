import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { type FinishedProcess, ROOT, runNode } from '../support/processes.ts';

const REGISTER = join(ROOT, 'dist/register.cjs');
const IMPORT = ['--import', pathToFileURL(join(ROOT, 'dist/register.mjs')).href];

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => database.drop());

async function run(
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<FinishedProcess> {
  return runNode([...flags, 'test/fixtures/register/servers.mjs'], {
    env: { DATABASE_URL: database.url, HYPERDJANGO_ENGINE: undefined, ...env },
  });
}

function outputOf({ stdout, stderr }: FinishedProcess): {
  seen: Record<string, [string | null, string | null]>;
  /** Of the dashboard's page over HTTP/2. */
  type: string | null;
  stats: Record<string, unknown> | null;
} {
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as never;
}

const COUNTED = ['1', expect.stringMatching(/^\d+\.\dms$/)];
const EVERYWHERE = { http: COUNTED, https: COUNTED, http2: COUNTED };
const NOWHERE = { http: [null, null], https: [null, null], http2: [null, null] };

describe('hyperdjango/register', () => {
  it.each([
    ['--import', IMPORT],
    ['-r', ['-r', REGISTER]],
    ['both at once', [...IMPORT, '-r', REGISTER]],
  ])('observes servers of every kind, by %s', async (_, flags) => {
    const { seen, stats, type } = outputOf(await run(flags));
    expect(seen).toEqual(EVERYWHERE);
    expect(stats).toMatchObject({ total_requests: 3, total_queries: 3, unscoped_queries: 0 });
    expect(type).toBe('text/html; charset=utf-8');
  });

  it('says in one line what it does, and can be quiet', async () => {
    const { stderr } = await run(IMPORT);
    expect(stderr).toMatch(
      /^hyperdjango: watching HTTP requests and queries of pg, postgres\.js and PGlite \((?:native|portable) engine\), dashboard at \/debug\/performance [^\n]*HYPERDJANGO_QUIET=1[^\n]*\n$/,
    );
    expect(await run(IMPORT, { HYPERDJANGO_QUIET: '1' })).toMatchObject({ stderr: '', code: 0 });
  });

  it('takes its options from the environment', async () => {
    const { seen, stats } = outputOf(
      await run(IMPORT, {
        HYPERDJANGO_DASHBOARD_PATH: '/db',
        HYPERDJANGO_HEADERS: 'false',
        HYPERDJANGO_SLOW_QUERY_THRESHOLD_MS: '0',
        HYPERDJANGO_N_PLUS_ONE_THRESHOLD: '',
      }),
    );
    expect(seen).toEqual(NOWHERE);
    expect(stats).toMatchObject({ total_requests: 3, slow_query_count: 3 });
  });

  it.each([
    ['HYPERDJANGO_SLOW_QUERY_THRESHOLD_MS', 'fast', 'expected a number from 0 to 86400000'],
    ['HYPERDJANGO_HEADERS', 'maybe', 'expected true or false'],
    ['HYPERDJANGO_QUIET', 'hush', 'expected 1, true, yes, on, or 0, false, no, off'],
    ['HYPERDJANGO_MAX_HISTORY', '0', 'expected an integer from 1 to 100000'],
    ['HYPERDJANGO_DASHBOARD_PATH', 'stats', 'expected a path that begins with "/"'],
  ])('says in one line that %s=%s is of no use, and goes on', async (variable, value, expected) => {
    const quiet = variable === 'HYPERDJANGO_QUIET' ? {} : { HYPERDJANGO_QUIET: 'yes' };
    const finished = await run(IMPORT, { ...quiet, [variable]: value });
    expect(outputOf(finished).seen).toEqual(EVERYWHERE);
    const lines = finished.stderr.split('\n').filter((line) => line.includes(variable + ':'));
    expect(lines).toEqual([expect.stringContaining(expected)]);
    expect(lines[0]).toContain(JSON.stringify(value));
  });

  it('says that a variable is none of its own, and which one may be meant', async () => {
    const env = { HYPERDJANGO_QUIET: '1', HYPERDJANGO_HEADER: 'secret', HYPERDJANGO_XYZ: '' };
    const { stderr } = await run(IMPORT, env);
    expect(stderr.trim().split('\n').sort()).toEqual([
      'hyperdjango: HYPERDJANGO_HEADER is no variable of ours, and does nothing; did you mean HYPERDJANGO_HEADERS?',
      'hyperdjango: HYPERDJANGO_XYZ is no variable of ours, and does nothing',
    ]);
  });

  it.each(['yes', 'ON', 'True'])('is off under HYPERDJANGO_DISABLED=%s', async (value) => {
    const disabled = await run(IMPORT, { HYPERDJANGO_DISABLED: value });
    expect(outputOf(disabled).seen).toEqual(NOWHERE);
    expect(disabled.stderr).toBe('');
  });

  it('is off where HYPERDJANGO_DISABLED is no answer, and says so', async () => {
    const disabled = await run(IMPORT, { HYPERDJANGO_DISABLED: 'perhaps' });
    expect(outputOf(disabled).seen).toEqual(NOWHERE);
    expect(disabled.stderr).toMatch(
      /^hyperdjango: HYPERDJANGO_DISABLED: .*"perhaps"; everything is off\n$/,
    );
  });

  it.each(['no', '0', 'false'])('is on under HYPERDJANGO_DISABLED=%s', async (value) => {
    expect(outputOf(await run(IMPORT, { HYPERDJANGO_DISABLED: value })).seen).toEqual(EVERYWHERE);
  });

  it('has no dashboard where its path is false', async () => {
    const off = outputOf(await run(IMPORT, { HYPERDJANGO_DASHBOARD_PATH: 'false' }));
    expect(off.seen).toEqual(EVERYWHERE);
    expect(off.stats).toBeNull();
    expect(off.type).not.toBe('text/html; charset=utf-8');
  });

  it('leaves the dashboard to the application in production', async () => {
    const { seen, stats } = outputOf(await run(IMPORT, { NODE_ENV: 'production' }));
    expect(seen).toEqual(EVERYWHERE);
    expect(stats).toBeNull();
  });

  it('does nothing at all under HYPERDJANGO_DISABLED=1', async () => {
    const disabled = await run(IMPORT, { HYPERDJANGO_DISABLED: '1', HYPERDJANGO_HEADERS: '?' });
    expect(outputOf(disabled)).toEqual({ seen: NOWHERE, stats: null, type: null });
    expect(disabled).toMatchObject({ stderr: '', code: 0 });
  });
});
