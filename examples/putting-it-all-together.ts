/** Everything at once: what a production set-up looks like. */
import { Database, HyperApp, PerformanceMiddleware } from 'hyperdjango';
import { PoolHealthChecker, QueryTimer, SlowQueryLog } from 'hyperdjango/pool';

export function createApp(databaseUrl = 'postgres://localhost/mydb'): HyperApp {
  const app = new HyperApp('myapp');

  app.onStartup(async function setUp() {
    const db = new Database(databaseUrl);
    await db.connect();
    app.db = db;

    // Persistent slow query log
    const slowLog = new SlowQueryLog(db, { thresholdMs: 100 });
    await slowLog.ensureTable();

    // Auto-timing on all queries
    const timer = new QueryTimer(db, { slowLog, thresholdMs: 100 });
    timer.install();

    // Connection health checks every 30 seconds
    const checker = new PoolHealthChecker(db, { intervalSeconds: 30 });
    checker.start();

    // Per-request query tracking, N+1 detection and dashboard
    app.use(
      new PerformanceMiddleware({
        slowQueryThresholdMs: 100,
        nPlusOneThreshold: 5,
        dashboardPath: '/debug/performance',
      }),
    );

    // Profiling in development
    if (app.debug) app.profiling = true;

    app.onShutdown(async function tearDown() {
      checker.stop();
      await timer.drain({ timeoutSeconds: 30 });
      timer.uninstall();
      await slowLog.close();
      await db.close();
    });
  });

  app.get('/users', async () => Response.json(await app.db.query('SELECT id, name FROM users')));

  return app;
}
