import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { ROOT, runNode } from '../support/processes.ts';

type Answer = readonly [path: string, count: string | null, hasTime: boolean, profile: string];

interface Seen {
  readonly before: readonly Answer[];
  readonly noted: Look;
  readonly after: readonly Answer[];
  readonly later: Look;
}

interface Look {
  readonly status: readonly string[];
  readonly isReason: boolean;
  readonly json: readonly string[];
  readonly notes: readonly string[];
  /** Null where no other process can look. */
  readonly top: readonly string[] | null;
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => database.drop());

async function see(...args: readonly string[]): Promise<{ seen: Seen; stderr: string }> {
  const [when = ''] = args;
  const script = 'test/fixtures/drivers/unseen.mjs';
  const { stdout, stderr, code } = await runNode([script, database.url, when, ROOT]);
  if (code !== 0) throw new Error(stderr);
  return { seen: JSON.parse(stdout) as Seen, stderr };
}

/** What a request says of `count` queries, and of none that anybody can vouch for. */
function told(path: string, count: number): Answer {
  return [path, String(count), true, `total=ms, handler=ms, db=ms, pool=ms, queries=${count}`];
}

function untold(path: string): Answer {
  return [path, null, false, 'total=ms, handler=ms'];
}

const isOutside = process.env['HYPERDJANGO_ENGINE'] === 'native';
const NOTHING: Look = {
  status: [],
  isReason: false,
  json: [],
  notes: [],
  top: isOutside ? [] : null,
};

describe('a driver that no hook has reached', () => {
  it.each([['late'], ['early']])('is no zero: a driver in a bundle, connected %s', async (when) => {
    const { seen, stderr } = await see(when);
    expect(seen.before).toEqual([
      told('', 0),
      told('pg', 1),
      untold('hidden'),
      untold(''),
      told('pg+hidden', 1),
    ]);
    const note = expect.stringMatching(
      /^pid \d+: queries of pg are not recorded: .+instrument\(\)/,
    );
    expect(seen.noted).toEqual({
      status: ['pg'],
      isReason: true,
      json: ['pg'],
      notes: [note],
      top: isOutside ? ['pg'] : null,
    });
    expect(stderr.match(/HYPERDJANGO_UNSEEN.+/g)).toEqual([
      expect.stringContaining('queries of pg are not recorded'),
    ]);
    expect(seen.after).toEqual([told('', 0), told('hidden', 1), told('pg', 1)]);
    expect(seen.later).toEqual(NOTHING);
  });

  it('is told though nobody knows it, and to hook another driver changes nothing', async () => {
    const { seen } = await see('raw');
    expect(seen.before).toEqual([
      told('', 0),
      told('pg', 1),
      untold('raw'),
      untold(''),
      told('pg+raw', 1),
    ]);
    expect(seen.noted).toMatchObject({ status: ['a driver in raw-driver.mjs'], isReason: true });
    expect(seen.noted.top).toEqual(isOutside ? ['another driver'] : null);
    expect(seen.after).toEqual([untold(''), untold('raw'), told('pg', 1)]);
    expect(seen.later).toEqual(seen.noted);
  });
});

describe('the look at new sockets', () => {
  it('leaves nothing behind on them, and is passed by once', async () => {
    const { stdout, stderr } = await runNode(['test/fixtures/drivers/socket-looks.mjs']);
    expect([stdout.split('\n'), stderr]).toEqual([
      [
        'true true true',
        'true true true',
        'true true true',
        'ERR_SOCKET_BAD_PORT true',
        'ababab true',
        'true true',
        '',
      ],
      '',
    ]);
  });
});
