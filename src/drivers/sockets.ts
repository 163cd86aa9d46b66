/**
 * Connections to PostgreSQL as they are opened, whatever driver opens them: a client's first packet
 * is known. A socket that is new is looked at until it has sent that, which takes microseconds; what
 * is sent later passes nothing of ours.
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
   * A client of PostgreSQL has begun to talk.
   *
   * @param packet its first one; without parameters where it asks for encryption.
   * @param below the function below whose frame the driver's are.
   */
  onStartup(packet: Buffer, below: unknown): void;
}

/** On the class, which other module systems of the process share. */
const WATCHER: unique symbol = Symbol.for('hyperdjango.sockets@0') as never;
const shared = Socket as { [WATCHER]?: SocketWatcher };

/** There is one watcher: the last one, as tests in other realms leave theirs behind. */
export function watchSockets(watcher: SocketWatcher): void {
  const isPatched = shared[WATCHER] !== undefined;
  Object.defineProperty(shared, WATCHER, { value: watcher, configurable: true, writable: true });
  if (isPatched) return;
  type Connect = (this: Socket, ...args: unknown[]) => Socket;
  const sockets = Socket.prototype as unknown as { connect: Connect };
  replaceMethod(sockets, 'connect', (original) => {
    return function connect(this: Socket, ...args) {
      const isLookedAt = ask(args[0]);
      const result = original.apply(this, args);
      if (isLookedAt && Object.getPrototypeOf(this) === Socket.prototype) {
        Object.setPrototypeOf(this, FIRST_WRITE);
      }
      return result;
    };
  });
}

function ask(to: unknown): boolean {
  try {
    return shared[WATCHER]?.onConnect(to) === true;
  } catch {
    return false;
  }
}

/**
 * The prototype of a socket until it sends something. A function on the socket itself would have to
 * be deleted, which makes V8 slow with it for as long as it lives.
 */
const FIRST_WRITE: object = Object.create(Socket.prototype, {
  write: {
    configurable: true,
    writable: true,
    value: function write(this: Socket, ...args: unknown[]): unknown {
      if (Object.getPrototypeOf(this) === FIRST_WRITE) {
        Object.setPrototypeOf(this, Socket.prototype);
        look(args[0], write);
      }
      return Reflect.apply(Socket.prototype.write, this, args);
    },
  },
});

function look(chunk: unknown, below: unknown): void {
  try {
    if (!(chunk instanceof Uint8Array)) return;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (isStartup(bytes)) shared[WATCHER]?.onStartup(bytes, below);
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
