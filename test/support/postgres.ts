import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import type {} from './global-setup.ts';

/** A login role without a password; the server trusts every local connection. */
export interface TestRole {
  readonly name: string;
  drop(): Promise<void>;
}

/** A database of one test file, so that files cannot see each other's tables and counts. */
export interface TestDatabase {
  readonly name: string;
  /** As the superuser `postgres`. */
  readonly url: string;
  /** As a role of {@link createRole}, which may use and create everything in `public`. */
  urlFor(role: TestRole): string;
  /** Runs one statement as the superuser, on a connection of its own. */
  query<Row extends pg.QueryResultRow>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
  /** Ends the connections that are left, and removes the database. */
  drop(): Promise<void>;
}

/**
 * Creates an empty database on the server of this test run.
 *
 * @example
 * ```ts
 * let database: TestDatabase;
 * beforeAll(async () => { database = await createDatabase(); });
 * afterAll(async () => database.drop());
 * ```
 */
export async function createDatabase(): Promise<TestDatabase> {
  const name = uniqueName('db');
  await runAt(serverUrl(), `CREATE DATABASE ${name}`);
  const url = urlOf({ database: name });
  await runAt(url, 'GRANT ALL ON SCHEMA public TO PUBLIC');
  return {
    name,
    url,
    urlFor: (role) => urlOf({ database: name, user: role.name }),
    query: async (sql, params) => runAt(url, sql, params),
    drop: async () => {
      await runAt(serverUrl(), awaitLeaving(name));
      await runAt(serverUrl(), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/**
 * `pool.end()` has ended before the server has let go of its connections: one that is killed on its
 * way out tells its pool of an error, which is one of nobody. For those that stay, a second.
 */
function awaitLeaving(database: string): string {
  return `DO $$ BEGIN
    FOR attempt IN 1..50 LOOP
      EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '${database}');
      PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
    END LOOP;
  END $$`;
}

/** Creates a login role. Drop it after the databases in which it owns something. */
export async function createRole(): Promise<TestRole> {
  const name = uniqueName('role');
  await runAt(serverUrl(), `CREATE ROLE ${name} LOGIN`);
  return {
    name,
    drop: async () => {
      await runAt(serverUrl(), `DROP ROLE IF EXISTS ${name}`);
    },
  };
}

/** The superuser's connection string of the server itself: for what no database isolates. */
export function serverUrl(): string {
  return inject('postgresUrl');
}

function urlOf(parts: { readonly database: string; readonly user?: string }): string {
  const url = new URL(serverUrl());
  url.pathname = `/${parts.database}`;
  if (parts.user !== undefined) url.username = parts.user;
  return url.href;
}

function uniqueName(kind: string): string {
  return `${kind}_${randomBytes(6).toString('hex')}`;
}

async function runAt<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  params: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'test-support' });
  await client.connect();
  try {
    return (await client.query<Row>(sql, [...params])).rows;
  } finally {
    await client.end();
  }
}
