import { setTimeout as delay } from 'node:timers/promises';

import type { Context } from 'hono';

import { HyperApp } from '../../app/index.ts';
import type { Database } from '../../database/index.ts';
import type { PerformanceMiddleware } from '../../performance/index.ts';

export interface ShopOptions {
  /** With the tables of `schema.ts` on its search path. */
  readonly database: Database;
  readonly performance: PerformanceMiddleware;
  /**
   * How long the payment service takes to answer, in milliseconds.
   *
   * @defaultValue 120
   */
  readonly paymentMs?: number;
}

interface Order {
  readonly id: number;
  readonly customer_id: number;
  readonly status: string;
  readonly created_at: Date;
}

interface OrderItem {
  readonly order_id: number;
  readonly product_id: number;
  readonly quantity: number;
  readonly price_cents: number;
}

const PAGE_SIZE = 20;

/**
 * A shop as one finds them: some routes are good, and some have the mistakes that this package is
 * there to find. Each of those says which one it is.
 */
export function createShop({ database, performance, paymentMs = 120 }: ShopOptions): HyperApp {
  const app = new HyperApp('shop');
  app.db = database;
  app.use(performance);

  addCatalogue(app);
  addOrders(app);
  addCheckout(app, paymentMs);
  return app;
}

function addCatalogue(app: HyperApp): void {
  app.get('/', (c) => c.json({ shop: 'hyperdjango demo', products: '/products' }));

  app.get('/products', async (c) => {
    const page = Math.max(1, Number.parseInt(c.req.query('page') ?? '1', 10) || 1);
    const products = await app.db.query(
      'SELECT id, name, price_cents, stock FROM products ORDER BY id LIMIT $1 OFFSET $2',
      [PAGE_SIZE, (page - 1) * PAGE_SIZE],
    );
    return c.json({ page, products });
  });

  // Slow: it reads all reviews again for each product, as `reviews.product_id` has no index.
  app.get('/products/top-rated', async (c) => {
    const products = await app.db.query(
      `SELECT p.id, p.name,
              (SELECT avg(r.rating) FROM reviews AS r WHERE r.product_id = p.id) AS rating
       FROM products AS p
       ORDER BY rating DESC NULLS LAST, p.id
       LIMIT 10`,
    );
    return c.json({ products });
  });

  app.get('/products/:id', async (c) => {
    const [product] = await app.db.query(
      `SELECT p.id, p.name, p.price_cents, p.stock, c.name AS category
       FROM products AS p JOIN categories AS c ON c.id = p.category_id
       WHERE p.id = $1`,
      [idOf(c)],
    );
    if (product === undefined) return c.json({ error: 'no such product' }, 404);
    return c.json(product);
  });

  app.get('/p/:id', async (c) => {
    const [product] = await app.db.query<{ id: number }>('SELECT id FROM products WHERE id = $1', [
      idOf(c),
    ]);
    return c.redirect(product === undefined ? '/products' : `/products/${product.id}`);
  });

  // N+1, all at once: one query for each category, where one GROUP BY would do.
  app.get('/categories', async (c) => {
    const categories = await app.db.query<{ id: number; name: string }>(
      'SELECT id, name FROM categories ORDER BY name',
    );
    const counted = categories.map(async (category) => {
      const [count] = await app.db.query<{ products: number }>(
        'SELECT count(*)::int AS products FROM products WHERE category_id = $1',
        [category.id],
      );
      return { ...category, ...count };
    });
    return c.json({ categories: await Promise.all(counted) });
  });
}

function addOrders(app: HyperApp): void {
  const latestOrders = (): Promise<Order[]> =>
    app.db.query<Order>(
      `SELECT id, customer_id, status, created_at FROM orders
       ORDER BY created_at DESC, id DESC LIMIT $1`,
      [PAGE_SIZE],
    );

  app.get('/customers/:id', async (c) => {
    const id = idOf(c);
    const [customers, orders] = await Promise.all([
      app.db.query('SELECT id, email, country, created_at FROM customers WHERE id = $1', [id]),
      app.db.query<Order>(
        `SELECT id, customer_id, status, created_at FROM orders
         WHERE customer_id = $1 ORDER BY created_at DESC LIMIT $2`,
        [id, PAGE_SIZE],
      ),
    ]);
    const [customer] = customers;
    if (customer === undefined) return c.json({ error: 'no such customer' }, 404);
    return c.json({ ...customer, orders });
  });

  // N+1, one after another: one query for the orders, and one more for the items of each.
  app.get('/orders', async (c) => {
    const orders = [];
    for (const order of await latestOrders()) {
      const items = await app.db.query<OrderItem>(
        'SELECT order_id, product_id, quantity, price_cents FROM order_items WHERE order_id = $1',
        [order.id],
      );
      orders.push({ ...order, items });
    }
    return c.json({ orders });
  });

  // The same page with two queries, however many orders it shows.
  app.get('/orders/batched', async (c) => {
    const orders = await latestOrders();
    const items = await app.db.query<OrderItem>(
      `SELECT order_id, product_id, quantity, price_cents FROM order_items
       WHERE order_id = ANY($1)`,
      [orders.map(({ id }) => id)],
    );
    return c.json({
      orders: orders.map((order) => ({
        ...order,
        items: items.filter((item) => item.order_id === order.id),
      })),
    });
  });

  // Broken: it reads a column that a migration was to add.
  app.get('/reports/refunds', async (c) => {
    try {
      const refunds = await app.db.query(
        'SELECT status, sum(refunded_cents) AS refunded_cents FROM orders GROUP BY status',
      );
      return c.json({ refunds });
    } catch {
      return c.json({ error: 'the report failed' }, 500);
    }
  });
}

function addCheckout(app: HyperApp, paymentMs: number): void {
  // Starves the pool: the transaction keeps its connection, and the rows it has locked, while it
  // waits for another service. Items are written one by one, too.
  app.post('/checkout', async (c) => {
    const { customerId, productIds } = await c.req.json<{
      customerId: number;
      productIds: readonly number[];
    }>();
    // Everybody locks products in the same order, or two checkouts may wait for each other.
    const sortedIds = [...new Set(productIds)].sort((a, b) => a - b);
    const orderId = await app.db.transaction(async (tx) => {
      const [order] = await tx.query<{ id: number }>(
        'INSERT INTO orders (customer_id) VALUES ($1) RETURNING id',
        [customerId],
      );
      for (const productId of sortedIds) {
        await tx.execute(
          `INSERT INTO order_items (order_id, product_id, quantity, price_cents)
           SELECT $1, id, 1, price_cents FROM products WHERE id = $2`,
          [order?.id, productId],
        );
        await tx.execute('UPDATE products SET stock = stock - 1 WHERE id = $1', [productId]);
      }
      await delay(paymentMs);
      await tx.execute(`UPDATE orders SET status = 'paid' WHERE id = $1`, [order?.id]);
      return order?.id;
    });
    return c.json({ orderId }, 201);
  });
}

/** @returns 0, which no row has, where the path holds no id. */
function idOf(c: Context): number {
  const id = Number(c.req.param('id'));
  return Number.isInteger(id) && id > 0 && id < 2 ** 31 ? id : 0;
}
