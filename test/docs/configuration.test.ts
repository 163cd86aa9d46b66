import { describe, expect, it } from 'vitest';

import { HyperApp, PerformanceMiddleware } from 'hyperdjango';
import { Database } from 'hyperdjango/database';
import { PoolHealthChecker, QueryTimer, SlowQueryLog } from 'hyperdjango/pool';
import { Profiler, ProfileStore } from 'hyperdjango/profiling';

import { documents, readText, sourceFiles } from './support/files.ts';
import { publicSymbols, tagText } from './support/public-api.ts';

const page = readText('docs/configuration.md');
const symbols = publicSymbols();
const optionTypes = symbols.filter(
  ({ kind, name }) => kind === 'interface' && name.endsWith('Options'),
);

const db = new Database('postgres://localhost/mydb');

/** What takes the options; nothing here reaches a server, as each is refused. */
const takers: Readonly<Record<string, (options: object) => unknown>> = {
  ListenOptions: (options) => new HyperApp('docs').listen(options),
  PerformanceOptions: (options) => new PerformanceMiddleware(options),
  SlowQueryLogOptions: (options) => new SlowQueryLog(db, options),
  GetRecentOptions: (options) => new SlowQueryLog(db).getRecent(options),
  QueryTimerOptions: (options) => new QueryTimer(db, options),
  DrainOptions: (options) => new QueryTimer(db).drain(options),
  PoolHealthCheckerOptions: (options) => new PoolHealthChecker(db, options),
  ProfilerOptions: (options) => new Profiler('docs', options),
  ProfileStoreOptions: (options) => new ProfileStore(options),
};

const RANGE = /\b[\d,.]+ to [\d,]*\d/;

/** The range that an option's error names, such as `1 to 1000`. */
async function rangeInError(owner: string, option: string): Promise<string | undefined> {
  try {
    await takers[owner]?.({ [option]: Number.NaN });
    return undefined;
  } catch (error) {
    return RANGE.exec((error as Error).message)?.[0];
  }
}

/** The cells of the tables below the heading that begins with the name, without backticks. */
function rowsUnder(heading: string): string[][] {
  const [, section = ''] = page.split(`### \`${heading}\``);
  const [own = ''] = section.split(/^#/m);
  return [...own.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) =>
    row.split('|').map((cell) => cell.trim().replaceAll('`', '')),
  );
}

/** An interface's members by their own names. */
function membersOf(owner: string): (typeof symbols)[number][] {
  return symbols.filter(({ kind, name }) => kind === 'member' && name.startsWith(`${owner}.`));
}

function ownName(name: string): string {
  return name.slice(name.indexOf('.') + 1);
}

/** What `@defaultValue` says, up to its explanation. */
function defaultOf(text: string | undefined): string | undefined {
  return text?.replaceAll('`', '').replace(/[:.](?:\s[^]*)?$/, '');
}

describe('docs/configuration.md', () => {
  it('has a section for the options of everything, and no other', () => {
    const headings = [...page.matchAll(/^### `(\w+)`/gm)].map(([, name]) => name ?? '');
    expect(headings.sort()).toEqual(optionTypes.map(({ name }) => name).sort());
  });

  it.each(optionTypes.map(({ name }) => name))('lists %s with their defaults', (owner) => {
    const documented = rowsUnder(owner).map(([name, value]) => [name, value]);
    const declared = membersOf(owner).map(({ name, declaration }) => [
      ownName(name),
      defaultOf(tagText(declaration, 'defaultValue')),
    ]);
    expect(documented).toEqual(declared);
  });

  it.each(optionTypes.map(({ name }) => name))(
    'gives the ranges of %s as docstrings do',
    (owner) => {
      const documented = rowsUnder(owner).map(([, , cell = '']) => RANGE.exec(cell)?.[0]);
      const declared = membersOf(owner).map(
        ({ documentation }) => RANGE.exec(documentation.replaceAll('\n', ' '))?.[0],
      );
      expect(documented).toEqual(declared);
    },
  );

  it.each(Object.keys(takers))('gives the ranges of %s that hold', async (owner) => {
    const documented = rowsUnder(owner).map(([, , cell = '']) =>
      RANGE.exec(cell)?.[0].replaceAll(',', ''),
    );
    const held = rowsUnder(owner).map(([option = '']) => rangeInError(owner, option));
    expect(await Promise.all(held)).toEqual(documented);
  });

  it('lists every environment variable of ours, and no other', () => {
    const read = sourceFiles()
      .map(readText)
      .join('\n')
      .matchAll(/\benv(?:\.|\[')(HYPERDJANGO_\w+)/g);
    const listed = page.matchAll(/^\| `(HYPERDJANGO_\w+)` \|/gm);
    expect([...listed].map(([, name]) => name ?? '').sort()).toEqual(
      [...new Set([...read].map(([, name]) => name ?? ''))].sort(),
    );
  });

  it('explains every environment variable that a page sets', () => {
    const set = documents()
      .map(readText)
      .join('\n')
      .matchAll(/\b(HYPERDJANGO_\w+)=/g);
    const unexplained = [...set]
      .map(([, name]) => name ?? '')
      .filter((name) => !page.includes(`| \`${name}\` |`));
    expect(unexplained).toEqual([]);
  });
});
