/** Where a request's time goes: the X-Profile header. */
import { type Database, HyperApp } from 'hyperdjango';
import { elapsedNanos, nanos, profileHandler } from 'hyperdjango/profiling';

/** Two routes that are profiled, each in its own way, and one that is not. */
export function createApp(db: Database): HyperApp {
  const app = new HyperApp('myapp');

  class UserRoutes {
    @app.route('GET', '/users')
    @profileHandler
    async listUsers(): Promise<Response> {
      return Response.json(await db.query('SELECT id, name FROM users'));
    }
  }
  app.register(new UserRoutes());

  app.get(
    '/count',
    profileHandler(async () => Response.json(await db.query('SELECT count(*) FROM users'))),
  );
  app.get('/plain', (c) => c.text('not profiled'));
  return app;
}

/** With one line, every route. */
export function createProfiledApp(db: Database): HyperApp {
  const app = createApp(db);
  app.profiling = true;
  return app;
}

/** Nanoseconds by hand. */
export async function timeQuery(db: Database): Promise<bigint> {
  const start = nanos();
  await db.query('SELECT 1');
  return elapsedNanos(start);
}
