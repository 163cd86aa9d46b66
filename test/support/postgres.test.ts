import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDatabase, createRole, type TestDatabase, type TestRole } from './postgres.ts';

async function newDatabase(): Promise<TestDatabase> {
  const database = await createDatabase();
  onTestFinished(async () => database.drop());
  return database;
}

describe('createDatabase', () => {
  it('gives every caller an empty database of its own', async () => {
    const [first, second] = await Promise.all([newDatabase(), newDatabase()]);
    await first.query('CREATE TABLE notes (id int)');
    expect(await second.query("SELECT to_regclass('notes') AS notes")).toEqual([{ notes: null }]);
  });

  it('drops the database although a client is connected', async () => {
    const database = await newDatabase();
    const other = await newDatabase();
    const client = new pg.Client(database.url);
    const ended = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    await database.drop();
    await expect(ended).resolves.toMatchObject({ code: '57P01' });
    const left = 'SELECT count(*)::int AS left FROM pg_database WHERE datname = $1';
    expect(await other.query(left, [database.name])).toEqual([{ left: 0 }]);
  });

  it('lets a role of its own in, which may create tables', async () => {
    const role: TestRole = await createRole();
    onTestFinished(async () => role.drop());
    const database = await newDatabase();
    const client = new pg.Client(database.urlFor(role));
    await client.connect();
    await client.query('CREATE TABLE notes (id int)');
    const { rows } = await client.query('SELECT tableowner FROM pg_tables WHERE tablename = $1', [
      'notes',
    ]);
    await client.end();
    expect(rows).toEqual([{ tableowner: role.name }]);
  });
});
