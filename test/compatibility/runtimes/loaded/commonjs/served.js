// The same without types.
const http = require('node:http');
const pg = require('pg');

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
const server = http.createServer(async ({ url }, response) => {
  for (let left = Number(url.slice(1)); left > 0; left -= 1) await pool.query('SELECT 1');
  response.end();
});
server.listen(0, '127.0.0.1', async () => {
  const told = [3, 1, 0, 4, 2, 5, 3, 1].map(async (count) => {
    const { headers } = await fetch(`http://127.0.0.1:${server.address().port}/${count}`);
    return [count, headers.get('x-query-count')];
  });
  const wrong = (await Promise.all(told)).filter(([count, seen]) => seen !== String(count));
  console.log(JSON.stringify(wrong));
  process.exit();
});
