import type { PgPoolClient, PgQueryResult, PgTypes } from '../types/pg.ts';

const TABLE = 'hyper_slow_queries';
const TIMESTAMP_INDEX = `${TABLE}_timestamp_idx`;
const DURATION_INDEX = `${TABLE}_duration_ms_idx`;

const COLUMNS = `(
  id SERIAL PRIMARY KEY,
  sql_text TEXT NOT NULL,
  duration_ms REAL NOT NULL,
  params_summary TEXT,
  timestamp TIMESTAMPTZ NOT NULL DEFAULT NOW()
)`;

/** Another process creates the same things at this moment: they will be there at the next look. */
const RACE_CODES: ReadonlySet<unknown> = new Set([
  '23505', // unique_violation, in the catalogue: IF NOT EXISTS does not exclude it
  '42P07', // duplicate_table, for indexes too
  '42710', // duplicate_object
  '40P01', // deadlock_detected
  'XX000', // "tuple concurrently updated"
]);
const RACE_ATTEMPTS_MAX = 5;

/** How long the server may work on one batch; less than what {@link writeRows}' callers wait. */
const STATEMENT_TIMEOUT_MS = 2_000;

/** One row before it is written. */
export interface SlowQueryRow {
  /** Normalised, and cut. */
  readonly sqlText: string;
  readonly durationMs: number;
  readonly paramsSummary: string | null;
  /** How long ago the query ended, when the row is written. */
  readonly ageMs: number;
}

/** One row as it is read back. */
export interface LoggedSlowQuery {
  readonly id: number;
  /** Normalised: no value of yours is in it. At most 2,000 characters. */
  readonly sql: string;
  readonly durationMs: number;
  /** Types and shapes of the parameters; null where there were none. */
  readonly paramsSummary: string | null;
  /** When the query ended, by the server's clock. */
  readonly timestamp: Date;
}

/** Creates what is missing of the table and its indexes. */
export async function createTable(client: PgPoolClient): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await createMissing(client);
      return;
    } catch (error) {
      if (attempt === RACE_ATTEMPTS_MAX || !RACE_CODES.has(codeOf(error))) throw error;
    }
  }
}

async function createMissing(client: PgPoolClient): Promise<void> {
  // A role that may only write rows is refused even where IF NOT EXISTS had nothing to do.
  const existing = await existingNames(client);
  if (!existing.has(TABLE)) await createEitherTable(client);
  const indexes = [
    [TIMESTAMP_INDEX, 'timestamp DESC'],
    [DURATION_INDEX, 'duration_ms DESC'],
  ] as const;
  for (const [name, order] of indexes) {
    if (existing.has(name)) continue;
    await run(client, `CREATE INDEX IF NOT EXISTS ${name} ON ${TABLE} (${order})`);
  }
}

async function existingNames(client: PgPoolClient): Promise<ReadonlySet<unknown>> {
  const { rows } = await run(
    client,
    `SELECT relname FROM pg_catalog.pg_class
     WHERE oid = to_regclass('${TABLE}') OR oid IN (
       SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = to_regclass('${TABLE}'))`,
  );
  return new Set(rows.map(([relname]) => relname));
}

/** Unlogged tables write no WAL; some services and policies refuse them. */
async function createEitherTable(client: PgPoolClient): Promise<void> {
  try {
    await run(client, `CREATE UNLOGGED TABLE IF NOT EXISTS ${TABLE} ${COLUMNS}`);
  } catch (error) {
    if (codeOf(error) === undefined || RACE_CODES.has(codeOf(error))) throw error;
    await run(client, `CREATE TABLE IF NOT EXISTS ${TABLE} ${COLUMNS}`);
  }
}

/** Writes all rows or none, by one statement that is the same for any number of them. */
export async function writeRows(
  client: PgPoolClient,
  rows: readonly SlowQueryRow[],
): Promise<void> {
  // SET LOCAL is what a pooler between us and the server lets through without side effects. A
  // log is worth no wait for a lock, a disk or a standby.
  await client.query(
    `BEGIN; SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}; SET LOCAL synchronous_commit = off`,
  );
  // By age, so that the server's clock dates all rows, whatever the clocks of its clients show.
  await run(
    client,
    `INSERT INTO ${TABLE} (sql_text, duration_ms, params_summary, timestamp)
     SELECT sql_text, duration_ms, params_summary, now() - age_ms * interval '1 millisecond'
     FROM unnest($1::text[], $2::real[], $3::text[], $4::float8[])
       AS slow (sql_text, duration_ms, params_summary, age_ms)`,
    [
      rows.map((row) => row.sqlText),
      rows.map((row) => row.durationMs),
      rows.map((row) => row.paramsSummary),
      rows.map((row) => row.ageMs),
    ],
  );
  await client.query('COMMIT');
}

/** Leaves the newest rows, `rowsMax` of them at most. */
export async function pruneRows(client: PgPoolClient, rowsMax: number): Promise<void> {
  await run(client, `DELETE FROM ${TABLE} WHERE id <= (SELECT max(id) FROM ${TABLE}) - $1::int`, [
    rowsMax,
  ]);
}

/** Newest first. */
export async function readRecent(client: PgPoolClient, limit: number): Promise<LoggedSlowQuery[]> {
  const { rows } = await run(
    client,
    `SELECT id, sql_text, duration_ms, params_summary, extract(epoch FROM timestamp) * 1000
     FROM ${TABLE} ORDER BY timestamp DESC, id DESC LIMIT $1`,
    [limit],
  );
  return rows.map(([id, sql, durationMs, paramsSummary, timestampMs]) => ({
    id: Number(id),
    sql: sql ?? '',
    durationMs: Number(durationMs),
    paramsSummary: paramsSummary ?? null,
    timestamp: new Date(Number(timestampMs)),
  }));
}

/** SQLSTATE of the server's errors; undefined for others. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  // Errors of the system have a code too, such as EPIPE, but no severity.
  return typeof code === 'string' && typeof severity === 'string' ? code : undefined;
}

/** Unnamed, and with values as the server spells them, whatever parsers the application has set. */
function run(
  client: PgPoolClient,
  text: string,
  values: readonly unknown[] = [],
): Promise<PgQueryResult<(string | null)[]>> {
  const types: PgTypes = { getTypeParser: () => (value: string) => value };
  return client.query<(string | null)[]>({ text, values: [...values], types, rowMode: 'array' });
}
