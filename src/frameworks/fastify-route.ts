/** The pattern of the route that a Fastify application chose. */
import { channel } from 'node:diagnostics_channel';

import { observedOf } from './observed-request.ts';

interface FastifyRequest {
  readonly raw: object;
  /** Builds its result at each look. */
  readonly routeOptions?: { readonly url?: string };
}

/** @returns undefined where no route fits, as for a 404. */
export function fastifyRoute(request: object): string | undefined {
  return (request as FastifyRequest).routeOptions?.url;
}

let isWatching = false;

/**
 * Learns the routes of every Fastify application in this process, where no hook of ours is on it:
 * Fastify tells each run of a handler on a diagnostics channel.
 */
export function watchFastifyRoutes(): void {
  if (isWatching) return;
  isWatching = true;
  channel('tracing:fastify.request.handler:start').subscribe((message) => {
    const { request } = message as { readonly request: FastifyRequest };
    const route = fastifyRoute(request);
    if (route !== undefined) observedOf(request.raw)?.chooseRoute(route);
  });
}
