/** Drivers that talk to a server and were reached by no hook, told by the code that does it. */
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { getRecorder } from '../recorder/index.ts';
import { countLoaded } from '../util/loaded-modules.ts';
import { replaceMethod } from './patch.ts';
import { watchSockets } from './sockets.ts';

/** Where the files of hooked libraries lie: what is beside them is hooked too. */
const hookedFolders = new Set<string>();
/** Files of drivers that were seen at work and are not known to be hooked, by the driver's name. */
const filesOf = new Map<string, Set<string>>();
/** How many copies of a driver were hooked by one of their objects. */
const copiesOf = new Map<string, number>();

/** The file is one of a library that is hooked. */
export function noteHookedFile(file: string): void {
  const folder = dirname(pathOf(file));
  if (hookedFolders.has(folder)) return;
  hookedFolders.add(folder);
  for (const [name, files] of filesOf) {
    for (const known of files) if (dirname(known) === folder) files.delete(known);
    settle(name);
  }
}

/** One copy more of the driver is hooked, or one less; which one its objects do not tell. */
export function countHookedCopy(driver: string, change: 1 | -1): void {
  copiesOf.set(driver, Math.max(0, (copiesOf.get(driver) ?? 0) + change));
  for (const name of filesOf.keys()) settle(name);
}

/**
 * From now on a driver that opens a connection without a hook on it is noted.
 *
 * @param lookAgain hooks what is loaded and was not told of, as by another module system than Node's.
 */
export function watchForUnhooked(lookAgain: () => void): void {
  let loadedCount = countLoaded();
  watchSockets({
    onConnect(to) {
      if (getRecorder().isUnrecorded()) return false;
      // As drivers write it; `net.connect` and all that stands on it gives a list.
      if (typeof to !== 'object' && countLoaded() !== loadedCount) {
        loadedCount = countLoaded();
        lookAgain();
      }
      return true;
    },
    onClient(bytes, below) {
      noteUnlessHooked(framesBelow(below), lookAgain, (frame) => nameOf(bytes, frame));
    },
  });
  watchPglite(lookAgain);
}

/** PGlite talks to no socket, and starts as WebAssembly. */
function watchPglite(lookAgain: () => void): void {
  const { WebAssembly: assembly } = globalThis as unknown as {
    readonly WebAssembly?: { instantiate(...args: readonly unknown[]): unknown };
  };
  if (assembly === undefined || Object.isFrozen(assembly)) return;
  replaceMethod(assembly, 'instantiate', (original) => {
    return function instantiate(this: unknown, ...args): unknown {
      try {
        const frames = framesBelow(instantiate).filter(({ file }) => PGLITE.test(file));
        noteUnlessHooked(frames, lookAgain, () => 'PGlite');
      } catch (error) {
        getRecorder().reportFault(error);
      }
      return Reflect.apply(original, this, args);
    };
  });
}

const PGLITE = /[\\/]pglite[\\/]dist[\\/]/;

function noteUnlessHooked(
  frames: readonly Frame[],
  lookAgain: () => void,
  nameOfDriver: (nearest: Frame) => string,
): void {
  const [nearest] = frames;
  if (nearest === undefined) return;
  const isHooked = (): boolean => frames.some(({ file }) => hookedFolders.has(dirname(file)));
  if (isHooked()) return;
  lookAgain();
  if (isHooked()) return;
  const name = nameOfDriver(nearest);
  const files = filesOf.get(name) ?? new Set();
  filesOf.set(name, files.add(nearest.file));
  settle(name);
}

/** Whether there are more copies of the driver at work than hooked ones. */
function settle(name: string): void {
  const { unseen } = getRecorder();
  let hooked = copiesOf.get(name) ?? 0;
  // In a bundle, whatever was hooked may be this one.
  if (name.startsWith(SOMETHING)) for (const count of copiesOf.values()) hooked += count;
  if ((filesOf.get(name)?.size ?? 0) > hooked) unseen.noteDriver(name);
  else unseen.forgetDriver(name);
}

const SOMETHING = 'a driver in';
/** By which the connection of node-postgres writes: property names stay when a bundle is made short. */
const PG_FUNCTIONS = /^(?:startup|requestSsl|query|parse|bind|_send)$/;
/** Its default, which few change. */
const POSTGRES_JS = Buffer.from('application_name\0postgres.js\0');
/** The last one in the path is the package's own. */
const PACKAGE = /^.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/;
const PACKAGE_NAMES: Readonly<Record<string, string>> = { postgres: 'postgres.js' };

/** Such as `postgres.js`, the name of a package, or `a driver in server.mjs`. */
function nameOf(bytes: Buffer, { file, functionName }: Frame): string {
  const packageName = PACKAGE.exec(file)?.[1];
  if (packageName !== undefined) return PACKAGE_NAMES[packageName] ?? packageName;
  if (bytes.includes(POSTGRES_JS)) return 'postgres.js';
  return PG_FUNCTIONS.test(functionName) ? 'pg' : `${SOMETHING} ${basename(file)}`;
}

interface Frame {
  readonly file: string;
  readonly functionName: string;
}

const FRAMES_MAX = 16;

/**
 * As they are, and not as a source map would have them; without those of Node. Empty where what is
 * sent comes from no code at all, as through a pipe.
 */
function framesBelow(below: unknown): Frame[] {
  const { stackTraceLimit } = Error;
  const own = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  const captured: { readonly stack?: readonly NodeJS.CallSite[] | string } = {};
  try {
    // `Error` may be frozen: then its own text has to do.
    Reflect.set(Error, 'stackTraceLimit', FRAMES_MAX);
    Reflect.set(Error, 'prepareStackTrace', (_: unknown, sites: readonly unknown[]) => sites);
    // oxlint-disable-next-line typescript/no-unsafe-function-type -- what captureStackTrace takes
    Error.captureStackTrace(captured, below as Function);
    const { stack = [] } = captured;
    const frames = typeof stack === 'string' ? framesIn(stack) : stack.map(frameOf);
    return frames.filter(({ file }) => /[\\/]/.test(file) && !/^(?:node:|internal\/)/.test(file));
  } finally {
    if (own === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Reflect.defineProperty(Error, 'prepareStackTrace', own);
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

function frameOf(site: NodeJS.CallSite): Frame {
  const functionName = /[^.]*$/.exec(site.getFunctionName() ?? '')?.[0] ?? '';
  return { file: pathOf(site.getFileName() ?? ''), functionName };
}

function framesIn(stack: string): Frame[] {
  return Array.from(stack.matchAll(/ at (?:.*\()?(.+):\d+:\d+\)?$/gm), ([, file = '']) => ({
    file: pathOf(file),
    functionName: '',
  }));
}

function pathOf(file: string): string {
  const plain = file.replace(/\?[^?]*$/, '');
  return plain.startsWith('file://') ? fileURLToPath(plain) : plain;
}
