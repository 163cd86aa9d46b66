import pg from 'pg';

export async function open({ url, max, ...options }) {
  const pool = new pg.Pool({ connectionString: url, max, ...options });
  const ask = (sql, values, answer = (result) => result) =>
    new Promise((resolve, reject) => {
      pool.connect((error, client, release) => {
        if (error) return reject(error);
        client.query(sql, values, (failure, result) => {
          release();
          if (failure) reject(failure);
          else resolve(answer(result));
        });
      });
    });
  return {
    one: (n) => ask('SELECT $1::int AS n', [n], ({ rows }) => rows[0].n),
    findItem: (id) =>
      new Promise((resolve, reject) => {
        (function findItem() {
          pool.query('SELECT id, name FROM items WHERE id = $1', [id], (error, result) =>
            error ? reject(error) : resolve(result.rows[0]),
          );
        })();
      }),
    below: (id) => ask('SELECT id, name FROM items WHERE id < $1', [id], ({ rows }) => rows),
    sleep: (seconds) => ask('SELECT pg_sleep($1)', [seconds]),
    fail: () => ask('SELECT 1 / $1::int AS failed', [0]),
    inTransaction: (n) =>
      new Promise((resolve, reject) => {
        pool.connect((error, client, release) => {
          if (error) return reject(error);
          client.query('BEGIN', () => {
            client.query('SELECT $1::int AS n', [n], (failure, result) => {
              client.query('COMMIT', () => {
                release();
                if (failure) reject(failure);
                else resolve(result.rows[0].n);
              });
            });
          });
        });
      }),
    emitter: pool,
    close: () => pool.end(),
  };
}
