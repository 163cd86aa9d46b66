/**
 * Call sites for Prisma. Its queries run where they are awaited, through an engine of its own, and
 * no stack leads back. For the calls of a model Prisma takes a stack itself, for its errors; for
 * raw queries it is taken here. Either goes with the context to the driver under Prisma, whose
 * hook sees the queries.
 */
import { type CapturedStack, getRecorder, NO_STACK, type Recorder } from '../recorder/index.ts';
import { patchOnce, replaceMethod, type Undo, unpatch } from './patch.ts';

interface Request {
  readonly model?: string;
  readonly action?: string;
  /** Without an error where `errorFormat` is `minimal`. */
  readonly callsite?: { readonly _error?: CapturedStack };
}

type Run = (transaction: unknown) => unknown;
type Ask = (sql: unknown, ...rest: readonly unknown[]) => unknown;

/** The prototype of a client of Prisma. */
export interface PrismaClient {
  _request(request: Request): unknown;
  _createPrismaPromise(run: Run, operation?: unknown): unknown;
  $queryRaw: Ask;
  $queryRawUnsafe: Ask;
  $executeRaw: Ask;
  $executeRawUnsafe: Ask;
}

const RAW = ['$queryRaw', '$queryRawUnsafe', '$executeRaw', '$executeRawUnsafe'] as const;

/** Hooks the class of a client; a second call does nothing. */
export function instrumentPrisma(clients: PrismaClient): void {
  const recorder = getRecorder();
  patchOnce(clients, () => [
    patchRequest(clients, recorder),
    ...RAW.map((name) => patchRaw(clients, name, recorder)),
  ]);
}

/** Puts Prisma's own functions back. */
export function uninstrumentPrisma(clients: PrismaClient): void {
  unpatch(clients);
}

function patchRequest(clients: PrismaClient, recorder: Recorder): Undo {
  return replaceMethod(clients, '_request', (original) => {
    return function _request(this: PrismaClient, request): unknown {
      const stack = request.callsite?._error;
      const { model, action } = request;
      // A raw query has none, and its stack has been taken further up.
      if (model === undefined) return original.call(this, request);
      const ask = (): unknown => recorder.runForModel(model, () => original.call(this, request));
      if (stack === undefined) return ask();
      const isDue = recorder.isStackDue(`${model}.${action}`);
      return recorder.runFrom(isDue ? belowClient(stack) : NO_STACK, ask);
    };
  });
}

/**
 * The client of Prisma 6 is generated into the application, or bundled with it, so that its frames
 * look like the application's. The last of them is the call of a model's method, on a proxy.
 */
function belowClient(captured: CapturedStack): CapturedStack {
  return {
    get stack(): unknown {
      const { stack } = captured;
      return typeof stack === 'string' ? stack.replace(CLIENT_FRAMES, '') : stack;
    },
  };
}

const CLIENT_FRAMES = /^(?:(?!\n +at Proxy\.)[^])*\n +at Proxy\.[^\n]*/;

function patchRaw(clients: PrismaClient, name: (typeof RAW)[number], recorder: Recorder): Undo {
  return replaceMethod(clients, name, (original) => {
    return function raw(this: PrismaClient, ...args: Parameters<Ask>): unknown {
      if (recorder.currentScope() === undefined) return original.apply(this, args);
      const stack = recorder.takeStack(textOf(args[0]), raw);
      const make: PrismaClient['_createPrismaPromise'] = (run, operation) =>
        this._createPrismaPromise(
          (transaction) => recorder.runFrom(stack, () => run(transaction)),
          operation,
        );
      const derived = Object.create(this, {
        _createPrismaPromise: { value: make },
      }) as PrismaClient;
      return original.apply(derived, args);
    };
  });
}

/** Of a template its first piece: enough to tell a further run from a first. */
function textOf(sql: unknown): string {
  if (typeof sql === 'string') return sql;
  const { strings } = (sql ?? {}) as { readonly strings?: readonly unknown[] };
  return String((Array.isArray(sql) ? sql : (strings ?? []))[0] ?? '');
}
