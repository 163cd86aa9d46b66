/**
 * A PostgreSQL pool whose queries are recorded.
 *
 * @module
 */
export { Database, type PoolStats, type Queryable, type Row } from './database.ts';
export type {
  PgClientConfig,
  PgPool,
  PgPoolClient,
  PgPoolConfig,
  PgQueryArrayConfig,
  PgQueryConfig,
  PgQueryResult,
  PgTypes,
} from '../types/pg.ts';
