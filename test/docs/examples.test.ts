import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { runNode } from '../support/processes.ts';
import {
  assertionCount,
  docstringExamples,
  type Example,
  pageExamples,
  toProgram,
  typeErrors,
} from './support/examples.ts';
import { publicSymbols } from './support/public-api.ts';

const symbols = publicSymbols();
const examples = [...docstringExamples(symbols), ...pageExamples()];
const errorsOf = new Map(
  typeErrors(examples).map((errors, index) => [examples[index], errors] as const),
);

/** A block that imports what it shows. */
const FENCED = /^```ts(?: no-run)?\n[^]* from 'hyperdjango[^]*\n```$/;

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  // What the examples speak of.
  await database.query('CREATE TABLE users (id int PRIMARY KEY, name text, age int)');
  await database.query('CREATE TABLE orders (id int PRIMARY KEY, user_id int, total int)');
  await database.query("INSERT INTO users VALUES (1, 'Ann', 30), (2, 'Ben', 17)");
  await database.query('INSERT INTO orders VALUES (1, 1, 20), (2, 1, 5), (3, 2, 8)');
});

afterAll(async () => database.drop());

async function run(code: string): ReturnType<typeof runNode> {
  const program = toProgram(code, database.url);
  return runNode(['--input-type=module', '--eval', program], {
    env: { DATABASE_URL: database.url },
  });
}

async function expectToHold(example: Example): Promise<void> {
  expect(errorsOf.get(example)).toEqual([]);
  if (!example.runs) return;
  expect(await run(example.code)).toMatchObject({ stderr: '', code: 0 });
}

describe('an example', () => {
  it.each(examples.map((example) => [example.title, example] as const))('%s', async (_, example) =>
    expectToHold(example),
  );
});

describe('what users can import', () => {
  it('has an example, each class and function', () => {
    const without = symbols
      .filter(({ kind }) => kind === 'class' || kind === 'function')
      .filter(({ examples: own }) => !own.some((text) => FENCED.test(text)));
    expect(without.map(nameOf)).toEqual([]);
  });

  it('has a docstring, all of it but the members of plain data', () => {
    const isPlainData = new Set(symbols.filter(({ kind }) => kind === 'interface').map(nameOf));
    const bare = symbols
      .filter(({ documentation }) => documentation === '')
      .map(nameOf)
      .filter((name) => !isPlainData.has(name.split('.')[0] ?? ''));
    expect(bare).toEqual([]);
  });
});

describe('the run of examples', () => {
  it('fails where a value in a comment is another one', async () => {
    expect(await run('1 + 1; // 2')).toMatchObject({ code: 0, stderr: '' });
    const wrong = await run('console.log({ a: [1 + 1] }); // { a: [3] }');
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('AssertionError');
  });

  it('takes a comment for a value where it is a literal, and for prose elsewhere', () => {
    expect(assertionCount("f(); // 'a'\nf(); // -1\nf(); // [{ a: null }]\nf(); // 5n")).toBe(4);
    expect(assertionCount("f(); // 'a', or 'b'\nf(); // a\nf(); // 5 ms\nf(); // 1; 2")).toBe(0);
  });

  it('finds an error of types', () => {
    const code = "import { status } from 'hyperdjango';\nconst engine: number = status().engine;";
    const [errors] = typeErrors([{ title: 'wrong', code, runs: false }]);
    expect(errors).toEqual([expect.stringMatching(/^line 2: Type .* not assignable/)]);
  });
});

function nameOf({ name }: { readonly name: string }): string {
  return name;
}
