/** The pattern of the route that Next.js chose, from the notes that it keeps on a request. */
const NOTES = Symbol.for('NextInternalRequestMeta');

interface NextRequest {
  readonly [NOTES]?: {
    readonly match?: { readonly definition?: { readonly pathname?: unknown } };
  };
}

/** @returns undefined where no route was chosen, or the request is none of Next.js. */
export function nextRoute(request: object): string | undefined {
  const pathname = (request as NextRequest)[NOTES]?.match?.definition?.pathname;
  return typeof pathname === 'string' ? pathname : undefined;
}
