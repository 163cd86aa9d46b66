/**
 * Hooks on the classes of requests and responses, set when the first request is observed. For a
 * message that nobody observes they cost one look at a private field.
 */
import { EventEmitter } from 'node:events';
import { IncomingMessage, type ServerResponse } from 'node:http';

import { Stamped } from '../util/stamp.ts';
import type { HeadArguments } from './response-head.ts';

/** What is told of a message; the classes are those that extend `Observed`. */
export interface MessageObserver {
  /** Undefined where there is none whose class is hooked here. */
  readonly response?: object;
  beforeHead?(args: HeadArguments): HeadArguments;
  /** Hears of the end of either of the two, before anybody else. */
  note(target: EventEmitter, event: 'close' | 'finish'): void;
  /** Called in place of `emit`, where somebody hears the event. */
  emit(
    target: EventEmitter,
    emit: EventEmitter['emit'],
    args: Parameters<EventEmitter['emit']>,
  ): boolean;
}

/** A request or response, with who is told of what happens to it. */
class StampedMessage extends Stamped {
  #observer: MessageObserver | undefined;

  static of(target: object): MessageObserver | undefined {
    return #observer in target ? target.#observer : undefined;
  }

  static put(target: object, observer: MessageObserver | undefined): void {
    if (#observer in target) target.#observer = observer;
    else new StampedMessage(target).#observer = observer;
  }
}

type ObserverStore = Pick<typeof StampedMessage, 'of' | 'put'>;

// By name on globals: two copies of this package must not hook one class twice.
const HOOKED: unique symbol = Symbol.for('hyperdjango.messages.hooked@0') as never;
const REGISTRY_KEY = Symbol.for('hyperdjango.messages@0');
const registry = globalThis as { [REGISTRY_KEY]?: ObserverStore };

/** Made at first use, as importing a module must leave nothing behind. */
let observers: ObserverStore | undefined;

/** Of a request; undefined where nobody observes it. */
export function observerOf(request: object): MessageObserver | undefined {
  return observers?.of(request);
}

/** What stands for a response: to be kept on another object costs as much again. */
function keeperOf(response: { readonly req?: object }): object {
  return response.req ?? response;
}

function observerOfResponse(response: object): MessageObserver | undefined {
  const observer = observers?.of(keeperOf(response));
  // An application may make further responses of a request, to hold back what is written on them.
  return observer?.response === response ? observer : undefined;
}

/** For {@link observerOf}: whatever is told of the object is the caller's to hook. */
export function putObserver(target: object, observer: MessageObserver): void {
  observers ??= registry[REGISTRY_KEY] ??= StampedMessage;
  observers.put(target, observer);
}

/** Everything that happens to the two is told to the observer. {@link hookMessages} comes first. */
export function observeMessages(
  request: IncomingMessage,
  response: ServerResponse,
  observer: MessageObserver,
): void {
  putObserver(request, observer);
  const keeper = keeperOf(response);
  if (keeper !== request) putObserver(keeper, observer);
}

/** Those of the last two messages, which are hooked: the next ones are most often the same. */
let requests: unknown;
let responses: unknown;

/**
 * HTTP/2's messages, and those of test tools, are of classes of their own.
 *
 * @returns whether what happens to the two will be told: nothing is of a response whose methods are
 * its own, as are a stub's in a unit test.
 */
export function hookMessages(request: IncomingMessage, response: ServerResponse): boolean {
  const ofRequest: unknown = Object.getPrototypeOf(request);
  const ofResponse: unknown = Object.getPrototypeOf(response);
  if (ofRequest === requests && ofResponse === responses) return true;
  if (!(HOOKED in response)) {
    const root = rootOf(response, 'writeHead');
    if (root === response || !(response instanceof EventEmitter)) return false;
    hookResponses(root);
  }
  requests = ofRequest;
  responses = ofResponse;
  if (!(HOOKED in request) && request instanceof IncomingMessage) {
    mark(IncomingMessage.prototype);
    hookEmit(IncomingMessage.prototype, observerOf);
  }
  return true;
}

/** The class at the end of the chain that has the method: Express and others extend it. */
function rootOf<T extends object>(message: T, method: keyof T): T {
  let root = message;
  let next = Object.getPrototypeOf(message) as T | null;
  while (next !== null) {
    if (Object.hasOwn(next, method)) root = next;
    next = Object.getPrototypeOf(next) as T | null;
  }
  return root;
}

function mark(prototype: object): void {
  Object.defineProperty(prototype, HOOKED, { value: true });
}

function hookResponses(prototype: ServerResponse): void {
  mark(prototype);
  hookEmit(prototype, observerOfResponse);
  const { writeHead: original } = prototype as unknown as {
    writeHead: (...args: HeadArguments) => unknown;
  };
  const hook = function writeHead(this: object, ...args: HeadArguments): unknown {
    const observed = observerOfResponse(this);
    const head = observed?.beforeHead === undefined ? args : observed.beforeHead(args);
    // With its arguments spelled out the engine can compile the original into this one.
    return head.length === 2 ? original.call(this, head[0], head[1]) : original.apply(this, head);
  };
  // `writeHeader` is its old name.
  for (const name of ['writeHead', 'writeHeader']) {
    const own: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
    if (own === original) replace(prototype, name, hook, original.length);
  }
}

/** `emit` as a property and no method, as it is called on other objects. */
interface Emitter {
  readonly emit: (...args: Parameters<EventEmitter['emit']>) => boolean;
  /** By event, where Node keeps them; undefined before the first one. */
  readonly _events?: Readonly<Record<string | symbol, unknown>>;
}

/** Undefined where somebody has hooked it already, who is to hear what nobody else does. */
const emitOfNode = ofNode((EventEmitter.prototype as Emitter).emit);

/** Node's own function is told by a name in it; where its text cannot be read, it is not used. */
function ofNode(emit: Emitter['emit']): Emitter['emit'] | undefined {
  return Function.prototype.toString.call(emit).includes('kErrorMonitor') ? emit : undefined;
}

/** An error that nobody hears is thrown, and a pipe is looked after by ourselves. */
function isUnheard({ _events: events }: Emitter, event: string | symbol): boolean {
  if (event === 'error' || event === 'pipe') return false;
  return events !== undefined && events[event] === undefined;
}

export function hookEmit(prototype: Emitter, find: typeof observerOf): void {
  const own = Object.hasOwn(prototype, 'emit') ? prototype.emit : undefined;
  const parent = Object.getPrototypeOf(prototype) as Emitter;
  const hook = function emit(this: EventEmitter, event: string | symbol): boolean {
    // A hook of somebody else's on the parent, set later than ours, is to be heard.
    const original = own ?? parent.emit;
    // Most of what Node tells is heard by nobody: Node's own function would say so.
    const isSkipped = original === emitOfNode && isUnheard(this, event);
    const isOfInterest = event === 'close' || event === 'finish';
    if (isSkipped && !isOfInterest) return false;
    const observed = find(this);
    if (isOfInterest) observed?.note(this, event);
    if (isSkipped) return false;
    // oxlint-disable-next-line prefer-rest-params -- a list would be made for each event
    const args = arguments as unknown as Parameters<Emitter['emit']>;
    if (observed === undefined) return original.apply(this, args);
    return observed.emit(this, original, args);
  };
  replace(prototype, 'emit', hook, parent.emit.length);
}

/** By a function of the same name and length. */
export function replace(
  prototype: object,
  name: string | symbol,
  hook: object,
  length: number,
): void {
  const own = Object.getOwnPropertyDescriptor(prototype, name);
  Object.defineProperty(hook, 'length', { value: length, configurable: true });
  Object.defineProperty(prototype, name, {
    configurable: true,
    writable: true,
    enumerable: own?.enumerable ?? false,
    value: hook,
  });
}
