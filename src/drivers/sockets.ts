/**
 * Connections to PostgreSQL, whatever driver has opened them: what a client sends first is known. A
 * socket that is new is looked at until it has sent that, which takes microseconds; what is sent
 * later passes nothing of ours. Of sockets that are open already it is what they send next.
 */
import { Socket } from 'node:net';

import { replaceMethod } from './patch.ts';

export interface SocketWatcher {
  /**
   * A socket is about to connect.
   *
   * @param to what `socket.connect` was given.
   * @returns whether to look at what it sends first.
   */
  onConnect(to: unknown): boolean;
  /**
   * A client of PostgreSQL talks.
   *
   * @param bytes what it has sent first.
   * @param below the function below whose frame the driver's are.
   */
  onClient(bytes: Buffer, below: unknown): void;
}

/** On the class, which other module systems of the process share. */
const WATCHER: unique symbol = Symbol.for('hyperdjango.sockets@0') as never;
const shared = Socket as { [WATCHER]?: SocketWatcher };

/** There is one watcher: the last one, as tests in other realms leave theirs behind. */
export function watchSockets(watcher: SocketWatcher): void {
  const isPatched = shared[WATCHER] !== undefined;
  Object.defineProperty(shared, WATCHER, { value: watcher, configurable: true, writable: true });
  if (isPatched) return;
  for (const socket of openSockets()) lookAtNext(socket);
  type Connect = (this: Socket, ...args: unknown[]) => Socket;
  replaceMethod(Socket.prototype as unknown as { connect: Connect }, 'connect', (original) => {
    return function connect(this: Socket, ...args) {
      // Node puts a `write` on a socket whose own is another than it knows.
      stopLooking(this);
      const isLookedAt = isToBeLookedAt(this, args[0]);
      const result = original.apply(this, args);
      if (isLookedAt) lookAtNext(this);
      return result;
    };
  });
}

/** Those that this process has opened, as far as they keep it alive. */
function openSockets(): Socket[] {
  const { _getActiveHandles: handles } = process as unknown as {
    readonly _getActiveHandles?: () => readonly unknown[];
  };
  const isOpened = (socket: unknown): socket is Socket =>
    socket instanceof Socket &&
    // Neither a server's nor the standard streams.
    !(socket as { server?: unknown }).server &&
    typeof (socket as { fd?: unknown }).fd !== 'number';
  return handles?.call(process).filter(isOpened) ?? [];
}

function isToBeLookedAt(socket: Socket, to: unknown): boolean {
  try {
    // What is encrypted from the start on is no driver's, but for a few that ask for that.
    return !('encrypted' in socket) && shared[WATCHER]?.onConnect(to) === true;
  } catch {
    return false;
  }
}

/**
 * Prototypes of sockets until they send something, by their own. A function on the socket itself
 * would have to be deleted, which makes V8 slow with it for as long as it lives.
 */
const lookers = new WeakMap<object, object>();
/** The prototypes themselves, and what they stand in for. */
const originals = new WeakMap<object, object>();

interface Writes {
  readonly write: (this: Socket, ...args: unknown[]) => unknown;
}

function lookAtNext(socket: Socket): void {
  const own = Object.getPrototypeOf(socket) as Writes;
  if (originals.has(own)) return;
  let looker = lookers.get(own);
  if (looker === undefined) {
    const value = function write(this: Socket, ...args: unknown[]): unknown {
      if (stopLooking(this)) look(args[0], write);
      return Reflect.apply(own.write, this, args);
    };
    looker = Object.create(own, { write: { configurable: true, writable: true, value } }) as object;
    lookers.set(own, looker);
    originals.set(looker, own);
  }
  Object.setPrototypeOf(socket, looker);
}

/** @returns whether it was looked at. */
function stopLooking(socket: Socket): boolean {
  const original = originals.get(Object.getPrototypeOf(socket) as object);
  if (original === undefined) return false;
  Object.setPrototypeOf(socket, original);
  return true;
}

function look(chunk: unknown, below: unknown): void {
  try {
    if (!(chunk instanceof Uint8Array)) return;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (isStartup(bytes) || isQuery(bytes)) shared[WATCHER]?.onClient(bytes, below);
  } catch {
    // Who looks must not keep the socket from writing.
  }
}

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const USER = Buffer.from('\0user\0');

/** A StartupMessage of protocol 3, or what asks for encryption before it. */
function isStartup(bytes: Buffer): boolean {
  if (bytes.length < 8) return false;
  const length = bytes.readUInt32BE(0);
  const code = bytes.readUInt32BE(4);
  if (code === SSL_REQUEST || code === GSS_REQUEST) return length === 8;
  return code >>> 16 === 3 && length <= bytes.length && bytes.includes(USER, 7);
}

/** Query, Parse, Bind, Describe, Execute, Close, Sync, Flush. */
const MESSAGES = Buffer.from('QPBDECSH');

/** Whole messages of a client to the last byte, as on a connection that has been open before. */
function isQuery(bytes: Buffer): boolean {
  let at = 0;
  while (at + 5 <= bytes.length && MESSAGES.includes(bytes[at] ?? 0)) {
    const length = bytes.readUInt32BE(at + 1);
    if (length < 4) return false;
    at += 1 + length;
  }
  return at > 0 && at === bytes.length;
}
