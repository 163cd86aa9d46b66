/** What the connection pool is doing, and connections that died. */
import { type Database, HyperApp } from 'hyperdjango';
import { PoolHealthChecker } from 'hyperdjango/pool';

export function createApp(db: Database): HyperApp {
  const app = new HyperApp('myapp');
  const checker = new PoolHealthChecker(db, { intervalSeconds: 30 });

  // In the background, every 30 seconds
  app.onStartup(() => checker.start());
  app.onShutdown(() => checker.stop());

  // By hand, as a health check endpoint may: { checked, dead, removed }, { total, idle, active, … }
  app.get('/health', async () =>
    Response.json({ connections: await checker.check(), pool: db.poolStats() }),
  );
  return app;
}
