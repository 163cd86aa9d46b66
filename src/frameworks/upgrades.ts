/**
 * Requests that ask for another protocol, such as WebSockets: they end when the answer to them is
 * written, or the connection is lost before. What goes over the connection then is no request.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { putObserver } from './message-hooks.ts';
import { Observed } from './observed.ts';

export class ObservedUpgrade extends Observed {
  note(): void {}

  /** @param head the first that is written; undefined where the connection is lost before. */
  answer(head: unknown): void {
    this.close(head === undefined ? 0 : statusIn(head), head === undefined);
  }
}

export function observeUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  name: string | undefined,
): ObservedUpgrade {
  const observed = new ObservedUpgrade(request.method, name);
  putObserver(request, observed);
  whenAnswered(socket, (head) => observed.answer(head));
  return observed;
}

type Method = (...args: unknown[]) => unknown;

/** By which a stream passes on what is written, and comes to its end. */
const METHODS = ['_write', '_writev', '_destroy'] as const;

/**
 * Tells what is written first. The stream has methods of its own for it until then: `end` with a
 * text never calls `write`, and to hook the class would cost every socket of the process.
 */
function whenAnswered(socket: Duplex, tell: (head: unknown) => void): void {
  const target = socket as unknown as Record<string, Method | undefined>;
  const own = METHODS.map((name) => Object.getOwnPropertyDescriptor(target, name));
  const restore = (): void => {
    for (const [index, name] of METHODS.entries()) {
      const before = own[index];
      if (before === undefined) delete target[name];
      else Object.defineProperty(target, name, before);
    }
  };
  for (const name of METHODS) {
    const original = target[name];
    // Some streams cannot take several pieces at once.
    if (typeof original !== 'function') continue;
    const value = function (this: unknown, ...args: unknown[]): unknown {
      restore();
      const [first] = args;
      if (name === '_destroy') tell(undefined);
      else tell(name === '_write' ? first : (first as { chunk: unknown }[])[0]?.chunk);
      return original.apply(this, args);
    };
    Object.defineProperty(target, name, { configurable: true, writable: true, value });
  }
}

/** @returns 0 where it is no head of HTTP. */
function statusIn(head: unknown): number {
  const text =
    head instanceof Uint8Array ? Buffer.from(head.subarray(0, 16)).toString('latin1') : head;
  return typeof text === 'string' ? Number(/^HTTP\/1\.\d (\d{3})/.exec(text)?.[1] ?? 0) : 0;
}
