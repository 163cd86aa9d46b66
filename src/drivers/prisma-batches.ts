/**
 * Whose the statements are that Prisma puts together. All `findUnique` calls of one tick, whoever
 * asks, wait for one another in its loader, and so do the queries of a `$transaction([])`. What it
 * then sends in one go is
 *
 *   one statement for several calls: it is told in the scope of the first, with their number;
 *   a plan for each call, one after the other: each is told in the scope of its own call, and what
 *   begins and ends their transaction in that of the first.
 *
 * Which it is the loader does not say. The engine begins a transaction where there are several
 * plans, and looks at a call's `modelName` each time before it runs the call's plan.
 */
import { type Context, getRecorder, type Recorder, sharedContext } from '../recorder/index.ts';
import { patchOnce, replaceMethod, unpatch } from './patch.ts';

interface Call {
  readonly transaction?: object;
  readonly protocolQuery: { readonly modelName?: string };
}

interface Loaders {
  singleLoader(call: Call): unknown;
  batchLoader(calls: readonly Call[]): unknown;
}

/** The prototype of what collects the calls of one tick. */
export interface PrismaLoader {
  readonly options: Loaders;
  request(call: Call): unknown;
  dispatchBatches(): unknown;
}

/** The prototype of what runs their plans. */
export interface PrismaEngine {
  transaction(...args: unknown[]): unknown;
}

interface Batch {
  /** Of what is done for all of its calls. */
  readonly context: Context;
  /** Whether each call has a plan of its own. */
  isInTurns: boolean;
}

const contexts = new WeakMap<Call, Context>();
const batches = new WeakMap<object, Batch>();

/** Hooks the loader of a client; a second call does nothing. */
export function instrumentPrismaLoader(loaders: PrismaLoader): void {
  const recorder = getRecorder();
  patchOnce(loaders, () => [
    replaceMethod(loaders, 'request', (original) => {
      return function request(this: PrismaLoader, call): unknown {
        if (typeof call === 'object') contexts.set(call, recorder.captureContext());
        return original.call(this, call);
      };
    }),
    replaceMethod(loaders, 'dispatchBatches', (original) => {
      return function dispatchBatches(this: PrismaLoader): unknown {
        const options = inOwnContexts(recorder, this.options);
        return original.call(Object.create(this, { options: { value: options } }) as PrismaLoader);
      };
    }),
  ]);
}

/** Hooks the engine of a client; a second call does nothing. */
export function instrumentPrismaEngine(engines: PrismaEngine): void {
  const recorder = getRecorder();
  patchOnce(engines, () => [
    replaceMethod(engines, 'transaction', (original) => {
      return function transaction(this: PrismaEngine, ...args: unknown[]): unknown {
        const context = recorder.captureContext();
        const batch = typeof context === 'object' ? batches.get(context) : undefined;
        if (batch === undefined) return original.apply(this, args);
        batch.isInTurns = true;
        return recorder.runIn(batch.context, () => original.apply(this, args));
      };
    }),
  ]);
}

/** Puts Prisma's own functions back. */
export function uninstrumentPrismaPart(prototype: object): void {
  unpatch(prototype);
}

function inOwnContexts(recorder: Recorder, options: Loaders): Loaders {
  const loaders: Loaders = {
    singleLoader: (call) => recorder.runIn(contexts.get(call), () => options.singleLoader(call)),
    batchLoader(calls) {
      const { context, turns } = takeTurns(recorder, calls);
      return recorder.runIn(context, () => options.batchLoader(turns));
    },
  };
  return Object.assign(Object.create(options) as Loaders, loaders);
}

interface Turns {
  readonly context: Context;
  readonly turns: readonly Call[];
}

function takeTurns(recorder: Recorder, calls: readonly Call[]): Turns {
  const here = recorder.captureContext();
  try {
    const own = calls.map((call) => contexts.get(call));
    const context = sharedContext(own);
    // Where nobody asks from a scope there is nothing to tell apart.
    if (typeof context !== 'object') return { context, turns: calls };
    // Those of a transaction have turns from its start.
    const batch = { context, isInTurns: calls[0]?.transaction !== undefined };
    batches.set(context, batch);
    const turns = calls.map((call, index) => {
      const turn = sharedContext([own[index]]);
      if (typeof turn === 'object') batches.set(turn, batch);
      return watched(call, () => {
        if (batch.isInTurns) recorder.enter(turn);
      });
    });
    return { context, turns };
  } catch (error) {
    recorder.reportFault(error);
    return { context: here, turns: calls };
  }
}

/** A copy of the call that says when its model is looked at. */
function watched(call: Call, onLook: () => void): Call {
  const { modelName } = call.protocolQuery;
  const protocolQuery = Object.defineProperty({ ...call.protocolQuery }, 'modelName', {
    enumerable: true,
    get() {
      onLook();
      return modelName;
    },
  });
  return { ...call, protocolQuery };
}
