import { OptionError } from '../errors/index.ts';
import { describeValue, functionOption, quoted } from '../util/options.ts';
import { isCrossSiteFetch, localRefusal } from './auth.ts';
import type { Authorize, ClientSocket } from './auth.ts';
import type { DashboardSource, StatsScope } from './data.ts';

export interface DashboardHandlerOptions {
  /** Where the page is, such as `/debug/performance`, with `/json` and `/data` under it; false for nowhere. */
  readonly path: string | false;
  readonly source: DashboardSource;
  /**
   * Decides on every request, in production and in development alike.
   *
   * @defaultValue undefined: loopback clients in development, nobody in production.
   */
  readonly authorize?: Authorize | undefined;
  /** @defaultValue whether `NODE_ENV` is anything but `production`. */
  readonly isDevelopment?: boolean | undefined;
  /**
   * Takes the line on the first refusal, and on the first fault of each kind.
   *
   * @defaultValue `process.emitWarning`
   */
  readonly warn?: ((message: string) => void) | undefined;
}

export interface DashboardHandler {
  /** Whether a path, without its query, is the dashboard's. Such requests are not counted. */
  owns(path: string): boolean;

  /**
   * Answers a request; undefined where its path is not the dashboard's. Never rejects.
   *
   * @param socket where the request came from; undefined only for a request that came over
   * no socket at all, which then counts as a local one.
   */
  handle(request: Request, socket: ClientSocket): Promise<Response> | undefined;

  counts(): DashboardCounts;
}

export interface DashboardCounts {
  /** Requests that were answered by 404 as their sender may not see the dashboard. */
  readonly refused: number;
  /** How often `authorize` threw or rejected; each is among `refused`. */
  readonly authorizeFailed: number;
  /** Bodies that could not be made; each was answered by 500. */
  readonly bodyFailed: number;
}

interface Body {
  /** @defaultValue 200 */
  readonly status?: number;
  readonly type: 'text/html' | 'application/json' | 'text/plain';
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const NOT_FOUND: Body = { type: 'text/plain', text: 'Not Found\n' };
const METHOD_NOT_ALLOWED: Body = {
  type: 'text/plain',
  text: 'Method Not Allowed\n',
  headers: { allow: 'GET, HEAD' },
};
const BAD_SCOPE: Body = {
  status: 400,
  type: 'text/plain',
  text: 'scope: expected "process" or "host"\n',
};
const SERVER_ERROR: Body = { type: 'text/plain', text: 'Internal Server Error\n' };

/**
 * The dashboard over HTTP, for any framework that has web-standard requests:
 * `{path}` is the page, `{path}/json` the figures ({@link StatsJson}), `{path}/data` all that the
 * page shows ({@link DashboardData}); with `?scope=host` those of all processes of the application
 * on this host.
 *
 * @throws {OptionError} where an option is not what it has to be.
 *
 * @example
 * ```ts
 * const dashboard = createDashboardHandler({ path: '/debug/performance', source });
 * const response = await dashboard.handle(request, incoming.socket);
 * ```
 */
export function createDashboardHandler(options: DashboardHandlerOptions): DashboardHandler {
  checkOptions(options);
  const { source, authorize } = options;
  // No path begins with this.
  const basePath = options.path === false ? '\0' : options.path;
  const isDevelopment = options.isDevelopment ?? process.env['NODE_ENV'] !== 'production';
  const warnOnce = createWarnOnce(options.warn ?? emitWarning);
  const counts = { refused: 0, authorizeFailed: 0, bodyFailed: 0 };

  function owns(path: string): boolean {
    return (
      path.startsWith(basePath) &&
      (path.length === basePath.length || path[basePath.length] === '/')
    );
  }

  async function isAllowed(request: Request, socket: ClientSocket): Promise<boolean> {
    if (authorize === undefined) {
      const refusal = isDevelopment
        ? localRefusal(request, socket)
        : 'the application runs in production';
      if (refusal === undefined) return true;
      warnOnce(
        'refused',
        `hyperdjango: the dashboard at ${basePath} answered 404 because ${refusal}. ` +
          'To show it beyond local clients in development, pass the option "authorize".',
      );
      return false;
    }
    if (isCrossSiteFetch(request.headers)) return false;
    try {
      // Only a plain true lets anyone in: a forgotten `await` inside is a truthy promise.
      return (await authorize(request)) === true;
    } catch (error) {
      counts.authorizeFailed += 1;
      warnOnce(
        'authorize',
        `hyperdjango: "authorize" threw ${errorName(error)}; the dashboard at ${basePath} stays shut.`,
      );
      return false;
    }
  }

  async function createBody(path: string, url: string): Promise<Body | undefined> {
    switch (path.slice(basePath.length)) {
      case '':
      case '/':
        return createPageBody();
      case '/json':
        return createJsonBody(scopeOf(url), (scope) => source.stats(scope));
      case '/data':
        return createJsonBody(scopeOf(url), (scope) => source.data(scope));
      default:
        return undefined;
    }
  }

  async function respond(request: Request, path: string, socket: ClientSocket): Promise<Response> {
    const isHead = request.method === 'HEAD';
    // Before anything else, so that a stranger cannot tell which paths exist.
    if (!(await isAllowed(request, socket))) {
      counts.refused += 1;
      return createResponse(404, NOT_FOUND, isHead);
    }
    try {
      if (request.method !== 'GET' && !isHead)
        return createResponse(405, METHOD_NOT_ALLOWED, false);
      const body = await createBody(path, request.url);
      return body === undefined
        ? createResponse(404, NOT_FOUND, isHead)
        : createResponse(body.status ?? 200, body, isHead);
    } catch (error) {
      counts.bodyFailed += 1;
      warnOnce(
        'body',
        `hyperdjango: the dashboard at ${basePath} failed with ${errorName(error)}.`,
      );
      return createResponse(500, SERVER_ERROR, isHead);
    }
  }

  return {
    owns,
    handle(request, socket) {
      const path = new URL(request.url).pathname;
      return owns(path) ? respond(request, path, socket) : undefined;
    },
    counts: () => ({ ...counts }),
  };
}

function createJsonBody(
  scope: StatsScope | undefined,
  bodyOf: (scope: StatsScope) => object,
): Body {
  if (scope === undefined) return BAD_SCOPE;
  return { type: 'application/json', text: JSON.stringify(bodyOf(scope)) };
}

/** @returns undefined where the query asks for another one than there is. */
function scopeOf(url: string): StatsScope | undefined {
  const scope = new URL(url).searchParams.get('scope') ?? 'process';
  return scope === 'process' || scope === 'host' ? scope : undefined;
}

async function createPageBody(): Promise<Body> {
  // Loaded with the first visit: most processes never show their dashboard.
  const { PAGE, PAGE_SCRIPT_SHA256, PAGE_STYLE_SHA256 } = await import('./page.generated.ts');
  return {
    type: 'text/html',
    text: PAGE,
    headers: {
      'content-security-policy': [
        "default-src 'none'",
        `script-src 'sha256-${PAGE_SCRIPT_SHA256}'`,
        `style-src 'sha256-${PAGE_STYLE_SHA256}'`,
        // The icon is a data URL: without one, browsers ask the application for /favicon.ico.
        'img-src data:',
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        // No string ever becomes markup, whatever a statement's text holds.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ].join('; '),
    },
  };
}

function createResponse(status: number, body: Body, isHead: boolean): Response {
  return new Response(isHead ? null : body.text, {
    status,
    headers: {
      'cache-control': 'no-store',
      'content-length': String(Buffer.byteLength(body.text)),
      'content-type': `${body.type}; charset=utf-8`,
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      ...body.headers,
    },
  });
}

function checkOptions({ path, authorize }: DashboardHandlerOptions): void {
  checkDashboardPath(path);
  if (authorize !== undefined) functionOption('authorize', authorize);
}

/** @throws {OptionError} unless it is false, or a path that URLs can carry. */
export function checkDashboardPath(path: unknown): void {
  if (path === false || (typeof path === 'string' && isCanonicalPath(path))) return;
  throw new OptionError(
    'dashboardPath',
    'a path that begins with "/" and does not end with it, such as "/debug/performance", or false for no page',
    typeof path === 'string' ? quoted(path) : describeValue(path),
  );
}

/** Whether URLs carry the path as it stands: no query, no `..`, nothing to be escaped. */
function isCanonicalPath(path: string): boolean {
  if (!path.startsWith('/') || path.endsWith('/')) return false;
  return (
    URL.canParse(path, 'http://localhost') && new URL(path, 'http://localhost').pathname === path
  );
}

/** Not its message, which may hold what the user's data holds. */
function errorName(error: unknown): string {
  return error instanceof Error && /^\w{1,64}$/.test(error.name) ? error.name : 'an error';
}

function createWarnOnce(warn: (message: string) => void): (kind: string, message: string) => void {
  const warned = new Set<string>();
  return (kind, message) => {
    if (warned.has(kind)) return;
    warned.add(kind);
    try {
      warn(message);
    } catch {
      // A logger that fails must not shut the dashboard.
    }
  };
}

function emitWarning(message: string): void {
  process.emitWarning(message, { code: 'HYPERDJANGO_DASHBOARD' });
}
