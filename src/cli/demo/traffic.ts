import { setTimeout as delay } from 'node:timers/promises';

import { SHOP_ROWS } from './schema.ts';

export interface TrafficOptions {
  /** Of the shop, without a slash at the end. */
  readonly url: string;
  /**
   * The same seed gives the same visits, though not the same interleaving.
   *
   * @defaultValue 1
   */
  readonly seed?: number;
  /**
   * Visitors at a time.
   *
   * @defaultValue 4
   */
  readonly visitors?: number;
  /**
   * The most that a visitor thinks between two visits, in milliseconds.
   *
   * @defaultValue 40
   */
  readonly thinkTimeMs?: number;
  /**
   * The first visits see every kind of page once; after so many in all the traffic ends.
   *
   * @defaultValue Infinity: until the signal.
   */
  readonly visitCount?: number;
  /** Ends the traffic; requests under way are waited for. */
  readonly signal?: AbortSignal;
}

export interface TrafficReport {
  readonly requestCount: number;
  /** Requests that got no response at all. */
  readonly failureCount: number;
  /** How many responses had which status. */
  readonly statusCounts: Readonly<Record<number, number>>;
}

interface ShopRequest {
  readonly path: string;
  /** Makes it a POST. */
  readonly body?: object;
}

interface Visit {
  /** How often it comes, against the weights of the others. */
  readonly weight: number;
  /** The requests of one visit; they are sent at once. */
  readonly requests: (pick: Pick) => readonly ShopRequest[];
}

/** An integer from 1 to `max`. */
type Pick = (max: number) => number;

const CHECKOUT_RUSH_SIZE = 10;

const VISITS: readonly Visit[] = [
  { weight: 20, requests: (pick) => [{ path: `/products?page=${pick(30)}` }] },
  { weight: 30, requests: (pick) => [{ path: `/products/${pick(SHOP_ROWS.products)}` }] },
  { weight: 12, requests: (pick) => [{ path: `/customers/${pick(SHOP_ROWS.customers)}` }] },
  { weight: 10, requests: () => [{ path: '/orders/batched' }] },
  { weight: 8, requests: () => [{ path: '/orders' }] },
  { weight: 6, requests: () => [{ path: '/categories' }] },
  { weight: 5, requests: (pick) => [{ path: `/p/${pick(SHOP_ROWS.products)}` }] },
  { weight: 3, requests: () => [{ path: '/products/top-rated' }] },
  { weight: 3, requests: (pick) => [{ path: `/products/${SHOP_ROWS.products + pick(1_000)}` }] },
  { weight: 1, requests: () => [{ path: '/no-such-page' }] },
  { weight: 1, requests: () => [{ path: '/reports/refunds' }] },
  { weight: 4, requests: (pick) => [checkout(pick)] },
  {
    weight: 1,
    requests: (pick) => Array.from({ length: CHECKOUT_RUSH_SIZE }, () => checkout(pick)),
  },
];

/**
 * Visits the shop until the signal or the count ends it, with no more requests at a time than
 * there are visitors, a rush at the checkout aside.
 */
export async function generateTraffic({
  url,
  seed = 1,
  visitors = 4,
  thinkTimeMs = 40,
  visitCount = Number.POSITIVE_INFINITY,
  signal,
}: TrafficOptions): Promise<TrafficReport> {
  const random = seededRandom(seed);
  const pick: Pick = (max) => 1 + Math.floor(random() * max);
  const statusCounts: Record<number, number> = {};
  let requestCount = 0;
  let failureCount = 0;
  let visitIndex = 0;

  const send = async (request: ShopRequest): Promise<void> => {
    requestCount += 1;
    try {
      const status = await fetchStatus(url, request);
      statusCounts[status] = (statusCounts[status] ?? 0) + 1;
    } catch {
      failureCount += 1;
    }
  };
  const visitor = async (): Promise<void> => {
    while (signal?.aborted !== true && visitIndex < visitCount) {
      const visit = VISITS[visitIndex] ?? weightedVisit(random());
      visitIndex += 1;
      await Promise.all(visit.requests(pick).map(send));
      await delay(random() * thinkTimeMs, undefined, signal === undefined ? {} : { signal }).catch(
        () => undefined,
      );
    }
  };
  await Promise.all(Array.from({ length: visitors }, visitor));
  return { requestCount, failureCount, statusCounts };
}

async function fetchStatus(url: string, { path, body }: ShopRequest): Promise<number> {
  const response = await fetch(url + path, {
    redirect: 'manual',
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return response.status;
}

function checkout(pick: Pick): ShopRequest {
  const productIds = Array.from({ length: pick(3) }, () => pick(SHOP_ROWS.products));
  return { path: '/checkout', body: { customerId: pick(SHOP_ROWS.customers), productIds } };
}

const TOTAL_WEIGHT = VISITS.reduce((sum, { weight }) => sum + weight, 0);

/** @param point from 0 to 1, 1 excluded. */
function weightedVisit(point: number): Visit {
  let rest = point * TOTAL_WEIGHT;
  const chosen = VISITS.find(({ weight }) => (rest -= weight) < 0);
  if (chosen === undefined) throw new RangeError(`expected a point from 0 to 1, got ${point}`);
  return chosen;
}

/** Weyl's sequence through a 32-bit mixing function: from 0 to 1, 1 excluded. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e37_79b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
