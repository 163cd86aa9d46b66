/**
 * The pattern of the route that an Express application chose. `req.route` tells its last part
 * only, and `req.baseUrl`, where routers are mounted, is a path and no pattern: the rest is read
 * off the layers between the application and the route, once for each route.
 */
import { getRecorder } from '../recorder/index.ts';
import { whenLoaded } from './loaded-modules.ts';
import { observedOf } from './observed-request.ts';
import { namedPath } from './route-values.ts';

interface ExpressRoute {
  readonly path?: unknown;
}

/** A layer of Express 4, or of the package `router` that Express 5 stands on. */
interface Layer {
  readonly route?: ExpressRoute | undefined;
  readonly handle?: { readonly stack?: readonly Layer[] };
  /** Express 4: what the path became. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean };
  readonly keys?: readonly { readonly name: string | number }[];
  /** Express 5: the path as it was given, and functions that match it. */
  readonly rawPath?: unknown;
  readonly slash?: boolean;
  readonly matchers?: readonly ((path: string) => Omit<Match, 'index'> | false)[];
}

interface Match {
  readonly path: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Which of the layer's paths it is. */
  readonly index: number;
}

interface ExpressApp {
  readonly parent?: ExpressApp;
  readonly mountpath?: unknown;
  /** Express 4; its `router` throws. */
  readonly _router?: { readonly stack: readonly Layer[] };
  readonly router?: { readonly stack: readonly Layer[] };
}

interface ExpressRequest {
  readonly app?: ExpressApp;
  readonly route?: ExpressRoute;
  readonly url?: string;
  readonly originalUrl?: string;
}

/** The layers that a request passes on its way to a route: of the routers that it lies in. */
interface Way {
  readonly layers: readonly Layer[];
  pattern: string | undefined;
}

/** Routers within routers; what lies deeper has no name. */
const DEPTH_MAX = 16;

const waysTo = new WeakMap<ExpressRoute, Way[]>();

/** Of Express 4, and of the package `router` that Express 5 stands on. */
const ROUTE_FILE = /[\\/](?:router[\\/]lib|express[\\/]lib[\\/]router)[\\/]route\.js$/;

type Dispatch = (this: ExpressRoute, request: object, ...rest: unknown[]) => unknown;

let isWatching = false;

/** Tells which route a request takes when it takes it: its handler may block, and ask for nothing. */
export function watchExpressRoutes(): void {
  if (isWatching) return;
  isWatching = true;
  whenLoaded(ROUTE_FILE, (exports) => {
    const { prototype } = exports as { readonly prototype?: { dispatch?: Dispatch } };
    const original = prototype?.dispatch;
    if (prototype === undefined || typeof original !== 'function') return;
    prototype.dispatch = function dispatch(request, response, done) {
      noteRoute(request, this);
      return original.call(this, request, response, done);
    };
  });
}

function noteRoute(request: object, route: ExpressRoute): void {
  try {
    const observed = observedOf(request);
    const pattern = observed === undefined ? undefined : patternFor(request, route);
    if (pattern !== undefined) observed?.chooseRoute(pattern);
  } catch (error) {
    getRecorder().reportFault(error);
  }
}

/** @returns undefined where no route was chosen, or the application is none of Express. */
export function expressRoute(request: object): string | undefined {
  return patternFor(request, (request as ExpressRequest).route);
}

function patternFor(request: object, route: ExpressRoute | undefined): string | undefined {
  const { app, originalUrl, url = '/' } = request as ExpressRequest;
  if (route?.path === undefined || app === undefined) return undefined;
  let ways = waysTo.get(route);
  if (ways === undefined) {
    ways = findWays((app._router ?? app.router)?.stack ?? [], route, []);
    if (ways.length > 0) waysTo.set(route, ways);
  }
  const path = (originalUrl ?? url).split('?', 1)[0] ?? '/';
  const [way] = ways;
  if (way !== undefined && ways.length === 1) return patternOf(way, app, route, path);
  for (const other of ways) {
    // Mounted at several places: the one that the path fits.
    const pattern = follow(other.layers, pathIn(app, path));
    if (pattern !== undefined) return join(mountOf(app), pattern, textOf(route.path)) || '/';
  }
  return undefined;
}

function patternOf(way: Way, app: ExpressApp, route: ExpressRoute, path: string): string {
  if (way.pattern !== undefined) return way.pattern;
  const mounted = follow(way.layers, pathIn(app, path));
  const pattern = join(mountOf(app), mounted ?? '', textOf(route.path)) || '/';
  if (!way.layers.some(hasSeveralPaths)) way.pattern = pattern;
  return pattern;
}

function findWays(stack: readonly Layer[], route: ExpressRoute, above: readonly Layer[]): Way[] {
  const ways: Way[] = [];
  for (const layer of stack) {
    if (layer.route === route) {
      ways.push({ layers: above, pattern: undefined });
    } else if (layer.handle?.stack !== undefined && above.length < DEPTH_MAX) {
      ways.push(...findWays(layer.handle.stack, route, [...above, layer]));
    }
  }
  return ways;
}

/** @returns the patterns that the layers are mounted at; undefined where the path fits not. */
function follow(layers: readonly Layer[], path: string): string | undefined {
  let rest = path;
  let pattern = '';
  for (const layer of layers) {
    if (layer.slash === true || layer.regexp?.fast_slash === true) continue;
    const match = matchOf(layer, rest);
    if (match === undefined) return undefined;
    pattern = join(pattern, mountPatternOf(layer, match));
    rest = rest.slice(match.path.length);
    if (!rest.startsWith('/')) rest = `/${rest}`;
  }
  return pattern;
}

function mountPatternOf({ rawPath, regexp }: Layer, match: Match): string {
  const given: unknown = [rawPath].flat(Infinity)[match.index];
  if (given !== undefined) return textOf(given);
  const named = namedPath(match.path, match.params, (key) => `:${key}`);
  // A path that stands in the expression as it is was given as a text.
  const isText = regexp?.source.includes(match.path.replaceAll('/', String.raw`\/`)) ?? true;
  return named === match.path && !isText ? '/(pattern)' : named;
}

/** Not by the layer's own method: it keeps the result on the layer. */
function matchOf({ matchers = [], regexp, keys = [] }: Layer, path: string): Match | undefined {
  for (const [index, matches] of matchers.entries()) {
    const match = matches(path);
    if (match !== false) return { ...match, index };
  }
  const values = regexp?.exec(path);
  if (values === undefined || values === null) return undefined;
  const params = keys.map(({ name }, index) => [String(name), values[index + 1]] as const);
  return { path: values[0], params: Object.fromEntries(params), index: 0 };
}

function hasSeveralPaths({ rawPath, regexp }: Layer): boolean {
  return Array.isArray(rawPath) || regexp?.source.includes('|^') === true;
}

/** The patterns at which an application is mounted in others. */
function mountOf({ parent, mountpath }: ExpressApp): string {
  return parent === undefined ? '' : join(mountOf(parent), textOf(mountpath));
}

/** The part of a path that a mounted application routes; its mount has as many segments. */
function pathIn(app: ExpressApp, path: string): string {
  const count = mountOf(app).split('/').length - 1;
  return count === 0
    ? path
    : `/${path
        .split('/')
        .slice(count + 1)
        .join('/')}`;
}

/** Express takes texts, regular expressions and lists of both. */
function textOf(path: unknown): string {
  if (Array.isArray(path)) return path.map(textOf).join('|');
  return path instanceof RegExp ? `/(${path.source})` : String(path);
}

/** As Express joins paths: `/users` and `/` are `/users`; nothing and `/` are nothing. */
function join(...parts: readonly string[]): string {
  return parts
    .map((part) => part.replace(/\/$/, ''))
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('/') ? part : `/${part}`))
    .join('');
}
