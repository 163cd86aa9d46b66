/** An Express application that is watched by one line. */
import express, { type Express } from 'express';

import { type Database, PerformanceMiddleware } from 'hyperdjango';
import { performance } from 'hyperdjango/express';

const perf = new PerformanceMiddleware({ slowQueryThresholdMs: 50 });

export function createApp(db: Database): Express {
  const app = express();
  app.use(performance(perf));

  const users = express.Router();
  users.get('/:id', async (request, response) => {
    const [user] = await db.query('SELECT id, name FROM users WHERE id = $1', [request.params.id]);
    if (user === undefined) response.status(404).json({ error: 'no such user' });
    else response.json(user);
  });
  app.use('/users', users);
  return app;
}

/** What the middleware has counted so far. */
export function stats(): { totalRequests: number; totalQueries: number } {
  return perf.getStats();
}
