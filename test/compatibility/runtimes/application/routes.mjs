// What every application here does, whatever has put it together and runs it.
import process from 'node:process';

const RUNS = 6;

/** The same statement again and again: its finding has to name this function. */
async function findItem(pool, n) {
  const { rows } = await pool.query('SELECT $1::int AS n', [n]);
  return rows[0].n;
}

async function findRow(sql, n) {
  const [row] = await sql`SELECT ${n}::int AS n`;
  return row.n;
}

async function repeat(find, database, text) {
  const found = [];
  for (let run = 0; run < RUNS; run += 1) found.push(await find(database, Number(text)));
  return { found };
}

export const findItems = async (pool, id) => repeat(findItem, pool, id);
export const findRows = async (sql, id) => repeat(findRow, sql, id);

/** @param others `sql` of postgres.js, a second `pool`, and `status` of hyperdjango. */
export function addRoutes(app, pool, { sql, second, status } = {}) {
  app.get('/items/:id', async (request, response) => {
    response.json(await findItems(pool, request.params.id));
  });
  if (second) {
    app.get('/others/:id', async (request, response) => {
      response.json(await findItems(second, request.params.id));
    });
  }
  if (sql) {
    app.get('/rows/:id', async (request, response) => {
      response.json(await findRows(sql, request.params.id));
    });
  }
  if (status) app.get('/status', (request, response) => response.json(status()));
}

/** Prints the port; ends by itself once it was told to. */
export function listen(app, ends) {
  const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
  process.once('SIGTERM', () => {
    server.close();
    server.closeAllConnections();
    void Promise.all(ends.map((end) => end()));
  });
}
