/** Stands for a pattern that is not known: a path would be a name for every visitor. */
export const UNKNOWN_ROUTE = '(unknown route)';

/** By method and route, which are few: to put a name together costs more than to find it. */
const names = new Map<string, Map<string, string>>();
const METHODS_MAX = 16;
const ROUTES_MAX = 1_024;

/**
 * What a request is called, such as `GET /users/:id`.
 *
 * @param route a pattern, not a path.
 */
export function requestName(method: string | undefined, route: string): string {
  const verb = method ?? 'GET';
  let ofMethod = names.get(verb);
  if (ofMethod === undefined) {
    // Where no HTTP parser stands in between, a client may send any method.
    if (names.size === METHODS_MAX) names.clear();
    names.set(verb, (ofMethod = new Map()));
  }
  let name = ofMethod.get(route);
  if (name === undefined) {
    if (ofMethod.size === ROUTES_MAX) ofMethod.clear();
    ofMethod.set(route, (name = `${verb} ${route}`));
  }
  return name;
}
