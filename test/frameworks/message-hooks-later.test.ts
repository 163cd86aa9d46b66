import { EventEmitter, once } from 'node:events';
import { createServer, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

/** A property and no method, as it is called on other objects. */
interface Emitter {
  emit: (...args: Parameters<EventEmitter['emit']>) => boolean;
}

it('whoever has hooked emit before us sees every event, heard or not', async () => {
  const prototype = EventEmitter.prototype as Emitter;
  const { emit } = prototype;
  onTestFinished(() => void (prototype.emit = emit));
  const seen: unknown[] = [];
  prototype.emit = function hook(this: EventEmitter, ...args): boolean {
    if (this instanceof ServerResponse) seen.push(args[0]);
    return emit.apply(this, args);
  };
  const { performance } = await import('../../src/frameworks/node.ts');
  const observe = performance();
  const server = createServer((request, response) => {
    observe(request, response, () => response.end());
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect(answer.headers.get('X-Query-Count')).toBe('0');
  await answer.text();
  await expect.poll(() => seen).toContain('close');
  // Nobody hears it.
  expect(seen).toContain('prefinish');
});
