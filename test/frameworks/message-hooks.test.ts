import { EventEmitter, once } from 'node:events';
import { createServer, IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { nodeMiddleware } from '../../src/frameworks/node-http.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';

/** A property and no method, as it is called on other objects. */
interface Emitter {
  emit: (...args: Parameters<EventEmitter['emit']>) => boolean;
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

it('an event that nobody hears says so, and one that somebody hears passes all its arguments', async () => {
  const observe = nodeMiddleware(new PerformanceMiddleware(), () => undefined);
  const said: unknown[] = [];
  const url = await serve((request, response) => {
    observe(request, response, () => {
      said.push(request.emit('unheard', 1, 2), response.emit('unheard', 1, 2));
      response.on('heard', (...args) => said.push(args));
      said.push(response.emit('heard', 1, 'two', null));
      try {
        response.emit('error', new RangeError('nobody hears me'));
      } catch (error) {
        said.push(error);
      }
      response.end();
    });
  });
  await (await fetch(url)).text();
  expect(said).toEqual([false, false, [1, 'two', null], true, new RangeError('nobody hears me')]);
});

it('whoever hooks the parent’s emit later sees every event, heard or not', async () => {
  const observe = nodeMiddleware(new PerformanceMiddleware(), () => undefined);
  const url = await serve((request, response) => {
    observe(request, response, () => response.end());
  });
  await (await fetch(url)).text();
  const prototype = EventEmitter.prototype as Emitter;
  const { emit } = prototype;
  const seen: string[] = [];
  onTestFinished(() => void (prototype.emit = emit));
  prototype.emit = function hook(this: EventEmitter, ...args): boolean {
    if (this instanceof IncomingMessage) seen.push(`request ${String(args[0])}`);
    if (this instanceof ServerResponse) seen.push(`response ${String(args[0])}`);
    return emit.apply(this, args);
  };
  await (await fetch(url)).text();
  await expect.poll(() => seen).toContain('response close');
  // Nobody hears the first of them.
  expect(seen).toContain('response prefinish');
  expect(seen).toContain('response finish');
});
