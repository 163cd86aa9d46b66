/**
 * Who may see the dashboard. Without `authorize`: in development, a client on this machine
 * whose browser was not sent here by somebody else's page. With `authorize`: whoever it
 * lets in, everywhere.
 *
 * A loopback address alone proves nothing. A reverse proxy on this machine has one, and so
 * has the developer's own browser while it shows a hostile page whose name was rebound to
 * 127.0.0.1. The headers tell both apart.
 */
import { BlockList, isIP } from 'node:net';

/**
 * Decides on one request for the dashboard; its headers are as the client sent them.
 *
 * @example
 * ```ts
 * import { type Authorize, PerformanceMiddleware } from 'hyperdjango/performance';
 *
 * const token = process.env.DASHBOARD_TOKEN;
 * const authorize: Authorize = (request) =>
 *   token !== undefined && request.headers.get('authorization') === `Bearer ${token}`;
 * new PerformanceMiddleware({ authorize });
 * ```
 */
export type Authorize = (request: Request) => boolean | Promise<boolean>;

/**
 * The connection a request came over, as `IncomingMessage.socket` has it. Undefined stands
 * for a request that came over none, as `app.fetch(new Request(…))` in a test.
 */
export type ClientSocket = { readonly remoteAddress?: string | undefined } | undefined;

/** Why a request is not taken for a local one. A fixed text: safe to log. */
export type Refusal =
  | 'the application runs in production'
  | 'the client has no IP address'
  | 'the client is not on this machine'
  | 'a proxy stands in between'
  | 'the request is not addressed to localhost, 127.0.0.1 or [::1]'
  | 'a page of another site sent the request';

const loopbackAddresses = createLoopbackList();

// Exactly these names, so that `localhost.evil.example` and `localhost6` are others.
const LOCAL_AUTHORITY = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
const LOCAL_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/** Beside every header whose name begins with `x-forwarded`. */
const PROXY_HEADERS: ReadonlySet<string> = new Set([
  'cdn-loop',
  'cf-connecting-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'forwarded',
  'true-client-ip',
  'via',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-envoy-external-address',
  'x-original-forwarded-for',
  'x-original-host',
  'x-real-ip',
]);

/**
 * Why a request may not see the dashboard where no `authorize` is given; undefined where it
 * may. Says nothing about production: see {@link Refusal}.
 *
 * @param socket a unix socket has no address, so a proxy may well be behind it: refused.
 */
export function localRefusal(request: Request, socket: ClientSocket): Refusal | undefined {
  if (socket !== undefined) {
    if (socket.remoteAddress === undefined) return 'the client has no IP address';
    if (!isLoopbackAddress(socket.remoteAddress)) return 'the client is not on this machine';
  }
  if (hasProxyHeader(request.headers)) return 'a proxy stands in between';
  if (!isAddressedToLoopback(request)) {
    return 'the request is not addressed to localhost, 127.0.0.1 or [::1]';
  }
  if (isSentByAnotherSite(request.headers)) return 'a page of another site sent the request';
  return undefined;
}

/**
 * Whether a page of another site is fetching from the dashboard. Following a link from
 * there to the page itself is no such thing: the page holds no data.
 */
export function isCrossSiteFetch(headers: Headers): boolean {
  return (
    headers.get('sec-fetch-site') === 'cross-site' && headers.get('sec-fetch-mode') !== 'navigate'
  );
}

function isLoopbackAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 0) return false;
  return loopbackAddresses.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

function hasProxyHeader(headers: Headers): boolean {
  for (const name of headers.keys()) {
    if (PROXY_HEADERS.has(name) || name.startsWith('x-forwarded')) return true;
  }
  return false;
}

/** The URL counts too: an absolute request target, or HTTP/2, may name a host of its own. */
function isAddressedToLoopback(request: Request): boolean {
  const host = request.headers.get('host');
  if (host !== null && !LOCAL_AUTHORITY.test(host)) return false;
  return LOCAL_AUTHORITY.test(new URL(request.url).host);
}

function isSentByAnotherSite(headers: Headers): boolean {
  const origin = headers.get('origin');
  if (origin !== null && !LOCAL_ORIGIN.test(origin)) return true;
  return headers.get('sec-fetch-site') === 'cross-site';
}

function createLoopbackList(): BlockList {
  const list = new BlockList();
  list.addSubnet('127.0.0.0', 8, 'ipv4');
  list.addAddress('::1', 'ipv6');
  return list;
}
