/** Headers, statistics and the JSON endpoint. */
import { type Database, HyperApp, PerformanceMiddleware, type PerformanceStats } from 'hyperdjango';

export const perf = new PerformanceMiddleware({
  slowQueryThresholdMs: 100, // at or over it, a query is slow (default: 100)
  nPlusOneThreshold: 5, // one statement that often in one request is an N+1 (default: 5)
  maxHistory: 1000, // requests that are kept (default: 1000)
  dashboardPath: '/debug/performance', // default
});

export function createApp(db: Database): HyperApp {
  const app = new HyperApp('myapp');
  app.db = db;
  app.use(perf);

  // X-Query-Count: 1, X-Query-Time: 0.4ms
  app.get('/users', async () => Response.json(await db.query('SELECT id, name FROM users')));

  // A query that no driver hook sees is recorded by hand.
  app.get('/remote', (c) => {
    perf.recordQuery('SELECT * FROM users WHERE id = $1', { durationMs: 2.3 });
    return c.text('recorded');
  });

  return app;
}

export function stats(): PerformanceStats {
  return perf.getStats();
}
