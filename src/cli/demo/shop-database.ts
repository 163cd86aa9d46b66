import { Database } from '../../database/index.ts';
import { SHOP_SCHEMA, SHOP_STATEMENTS } from './schema.ts';

export interface ShopDatabase {
  /** Whether the schema was not there before. */
  readonly isCreated: boolean;
  /** Removes the schema, if {@link prepareShop} created it. */
  remove(): Promise<void>;
}

/**
 * Creates the shop's schema, or finds the one that is there.
 *
 * @throws {Error} where the server does not let us in, or has something else of that name.
 */
export async function prepareShop(url: string): Promise<ShopDatabase> {
  const isCreated = await withDatabase(url, createUnlessThere);
  return {
    isCreated,
    remove: async () => {
      if (!isCreated) return;
      await withDatabase(url, async (database) => {
        await database.execute(`DROP SCHEMA IF EXISTS ${SHOP_SCHEMA} CASCADE`);
      });
    },
  };
}

/** Connects to the shop: its tables need no schema before their names. */
export function openShop(url: string, connectionsMax: number): Database {
  const connection = new URL(url);
  const options = connection.searchParams.get('options') ?? '';
  connection.searchParams.set('options', `${options} -c search_path=${SHOP_SCHEMA}`.trim());
  return new Database({ connectionString: connection.href, max: connectionsMax });
}

async function createUnlessThere(database: Database): Promise<boolean> {
  const [found] = await database.query<{ schema: string | null; orders: string | null }>(
    'SELECT to_regnamespace($1)::text AS schema, to_regclass($2)::text AS orders',
    [SHOP_SCHEMA, `${SHOP_SCHEMA}.orders`],
  );
  if (found?.schema === null) {
    await database.transaction(async (transaction) => {
      for (const statement of SHOP_STATEMENTS) await transaction.execute(statement);
    });
    return true;
  }
  // The shop is created in one transaction, so one of its tables stands for all.
  if (found?.orders !== null) return false;
  throw new Error(
    `the database has a schema ${SHOP_SCHEMA} that is not the demo's: drop it, or use another database`,
  );
}

async function withDatabase<T>(url: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = new Database({ connectionString: url, max: 1 });
  try {
    await database.connect();
    return await work(database);
  } finally {
    await database.close();
  }
}
