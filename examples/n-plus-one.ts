/** An N+1, and the way out of it. */
import { type Database, HyperApp, PerformanceMiddleware } from 'hyperdjango';

interface User {
  readonly id: number;
  readonly name: string;
}

interface Order {
  readonly user_id: number;
  readonly total: number;
}

export function createApp(db: Database, perf = new PerformanceMiddleware()): HyperApp {
  const app = new HyperApp('myapp');
  app.use(perf);

  // This is reported: one query for the users, and one more for each of them.
  app.get('/before', async () => {
    const users = await db.query<User>('SELECT id, name FROM users');
    const result = [];
    for (const user of users) {
      const orders = await db.query<Order>('SELECT total FROM orders WHERE user_id = $1', [
        user.id,
      ]);
      result.push({ ...user, orders });
    }
    return Response.json(result);
  });

  // Two queries, however many users there are.
  app.get('/after', async () => {
    const users = await db.query<User>('SELECT id, name FROM users');
    const orders = await db.query<Order>(
      'SELECT user_id, total FROM orders WHERE user_id = ANY($1)',
      [users.map(({ id }) => id)],
    );
    const ordersOf = ({ id }: User): Order[] => orders.filter((order) => order.user_id === id);
    return Response.json(users.map((user) => ({ ...user, orders: ordersOf(user) })));
  });

  return app;
}
