/** The dashboard on `node:http` and whatever is built on it. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { localRefusal } from './auth.ts';
import type { DashboardHandler } from './handler.ts';

/** As Express and Connect extend it; they cut the mount path off `url`. */
type MountedMessage = IncomingMessage & { readonly originalUrl?: string };

/** A host that no check takes for a local one. */
const UNKNOWN_HOST = 'unknown.invalid';

/** Nothing that would reach into the rest of a URL. */
const HOST_AND_PORT = /^[^\s/?#@\\]+$/;

/**
 * Answers a request if its path is the dashboard's.
 *
 * @returns false where the path is not the dashboard's, and nothing was done.
 *
 * @example
 * ```ts
 * createServer((incoming, outgoing) => {
 *   if (serveDashboard(dashboard, incoming, outgoing)) return;
 *   outgoing.end('hello');
 * });
 * ```
 */
export function serveDashboard(
  dashboard: DashboardHandler,
  incoming: MountedMessage,
  outgoing: ServerResponse,
): boolean {
  const target = incoming.originalUrl ?? incoming.url ?? '/';
  const url = toUrl(target, incoming);
  if (url === undefined || !dashboard.owns(url.pathname)) return false;
  const request = toRequest(url, incoming);
  if (request === undefined) {
    outgoing.writeHead(404).end();
    return true;
  }
  // Never undefined, as the path is owned; `handle` never rejects, a broken connection may.
  void dashboard
    .handle(request, incoming.socket)
    ?.then((response) => sendResponse(response, outgoing))
    .catch(() => outgoing.destroy?.());
  return true;
}

/** Whether a request is one that sees the dashboard in development without being asked. */
export function isLocalVisit(incoming: MountedMessage): boolean {
  const url = toUrl(incoming.originalUrl ?? incoming.url ?? '/', incoming);
  const request = url === undefined ? undefined : toRequest(url, incoming);
  return request !== undefined && localRefusal(request, incoming.socket) === undefined;
}

function toUrl(target: string, incoming: IncomingMessage): URL | undefined {
  if (!target.startsWith('/')) return parseUrl(target);
  const host = incoming.headers.host ?? String(incoming.headers[':authority'] ?? '');
  // Put together as text: as a relative reference, `//name/path` would name a host.
  return parseUrl(`http://${HOST_AND_PORT.test(host) ? host : UNKNOWN_HOST}${target}`);
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Undefined for what the web standard has no request for, such as the method TRACE. */
function toRequest(url: URL, incoming: IncomingMessage): Request | undefined {
  try {
    const headers = new Headers();
    for (const [name, values] of Object.entries(headersOf(incoming))) {
      // HTTP/2's pseudo headers.
      if (name.startsWith(':')) continue;
      for (const value of [values ?? []].flat()) headers.append(name, value);
    }
    return new Request(url, { method: incoming.method ?? 'GET', headers });
  } catch {
    return undefined;
  }
}

/** HTTP/2 and the test tools of frameworks have them joined only. */
function headersOf(incoming: IncomingMessage): NodeJS.Dict<string | string[]> {
  const { headersDistinct } = incoming as Partial<IncomingMessage>;
  return headersDistinct ?? incoming.headers;
}

async function sendResponse(response: Response, outgoing: ServerResponse): Promise<void> {
  const body = response.body === null ? undefined : Buffer.from(await response.arrayBuffer());
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(body);
}
