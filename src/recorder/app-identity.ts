/** What an application is called that nobody has given a name, and what tells it from others. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { isMainThread } from 'node:worker_threads';

import { cutName, cutPlace, hashOf } from '../segments/index.ts';

export interface AppIdentity {
  readonly name: string;
  /** Whether `HYPERDJANGO_APP` says it: then no other name holds, and no folder matters. */
  readonly isFixed: boolean;
  /** A hash of its folder and of its name before that was cut; 0 where the name is fixed. */
  readonly place: bigint;
  /** File name of the script, without its folder. */
  readonly scriptName: string;
}

/** What is known of a process: `process` itself, but for tests. */
export interface ProcessFacts {
  readonly argv: readonly string[];
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
}

interface Package {
  readonly folder: string;
  readonly name: string;
  /** The path of its main script. */
  readonly main: string;
}

/** The scripts of PM2 in which it loads an application; it tells the application's only later. */
const PM2_CONTAINER = /[\\/]ProcessContainer(?:Fork)?(?:Bun)?\.js$/;
/** Under these PM2 starts a script of a package, whose process is another one. */
const PACKAGE_RUNNER = /^(?:npm|npx|pnpm|pnpx|yarn|bun|bunx|corepack)(?:-cli)?(?:\.c?js|\.cmd)?$/;
const INLINE_FLAG = /^(?:-[ep]+|--eval|--print)(?:=|$)/;
const SCRIPT = /\.[cm]?[jt]sx?$/;
/** Folders that tell of a release, or of a build, and not of an application. */
const RELEASE_FOLDER = /^(?:releases?|current|dist|build|src|v?\d[\w.-]*|[0-9a-f]{7,40})$/i;

/** `HYPERDJANGO_APP`, else PM2's name, else the nearest package's name and the script's place in it. */
export function appIdentityOf(facts: ProcessFacts): AppIdentity {
  const pm2 = pm2Of(facts.env);
  const script = scriptOf(facts, pm2.script);
  const scriptName = basename(script ?? '');
  const given = facts.env['HYPERDJANGO_APP'];
  if (given !== undefined && given !== '') {
    return { name: cutName(given), isFixed: true, place: 0n, scriptName };
  }
  const isPm2 = script === pm2.script || PACKAGE_RUNNER.test(basename(pm2.script ?? ''));
  const { folder, name } = locate(facts, script);
  const whole = (isPm2 ? pm2.name : undefined) ?? name;
  return {
    name: cutPlace(whole),
    isFixed: false,
    place: hashOf(`${folder}\0${whole}`),
    scriptName,
  };
}

/** Of the process, whichever thread asks: a worker's own arguments name the worker's file. */
export function processFacts(): ProcessFacts {
  const { argv, execArgv, env } = process;
  const facts = { argv, execArgv, env, cwd: () => process.cwd() };
  if (isMainThread) return facts;
  try {
    const words = readFileSync('/proc/self/cmdline', 'utf8').split('\0').slice(0, -1);
    const isSameStart = execArgv.every((flag, index) => words[index + 1] === flag);
    const [script, ...rest] = words.slice(1 + execArgv.length);
    if (!isSameStart || script?.startsWith('-') === true) return facts;
    return { ...facts, argv: [argv[0] ?? '', ...(script === undefined ? [] : [script]), ...rest] };
  } catch {
    return facts;
  }
}

/** In which folder it is, and what it is called there. */
function locate(facts: ProcessFacts, script: string | undefined): { folder: string; name: string } {
  const cwd = workingFolder(facts);
  if (script !== undefined) {
    // It may be a folder itself.
    const own = packageAbove(script);
    if (!isTool(script) && (own !== undefined || packageAbove(cwd) === undefined)) {
      return placeIn(own ?? unnamed(dirname(script)), script);
    }
  }
  // A tool that runs the application of the working folder, or text that is no file.
  const own = packageAbove(cwd) ?? unnamed(cwd);
  const argument = facts.argv.slice(2).find((text) => isScriptFile(cwd, text));
  if (script !== undefined && argument !== undefined) return placeIn(own, resolve(cwd, argument));
  const what = script === undefined ? '-' : basename(script).replace(SCRIPT, '');
  return { folder: own.folder, name: `${own.name}/${what}` };
}

function placeIn(own: Package, script: string): { folder: string; name: string } {
  const place = relative(own.folder, script).split(sep).join('/');
  const isMain = script === own.folder || withoutEnd(script) === withoutEnd(own.main);
  return { folder: own.folder, name: isMain ? own.name : `${own.name}/${place}` };
}

/** Undefined for text from the command line or the standard input, and where somebody types. */
function scriptOf(facts: ProcessFacts, pm2Script: string | undefined): string | undefined {
  const [, script] = facts.argv;
  if (script === undefined || script === '-' || script === '[eval]') return undefined;
  if (facts.execArgv.some((flag) => INLINE_FLAG.test(flag))) return undefined;
  if (PM2_CONTAINER.test(script) && pm2Script !== undefined) return pm2Script;
  // Not the real path: a link such as `current` stays the same from release to release.
  return resolve(facts.cwd(), script);
}

function pm2Of(env: ProcessFacts['env']): { script?: string; name?: string } {
  const told = pm2Told(env);
  const script = textOf(told['pm_exec_path']);
  if (script === undefined) return {};
  const name = textOf(told['name']);
  const isNamed = name !== undefined && textOf(told['pm_id']) !== undefined;
  // Its name for what it starts by a package runner is that of the runner, if it was given none.
  return isNamed && !PACKAGE_RUNNER.test(name) ? { script, name } : { script };
}

/** In cluster mode all is in one variable until the container has run. */
function pm2Told(env: ProcessFacts['env']): Readonly<Record<string, unknown>> {
  const text = env['pm2_env'];
  if (text === undefined) return env;
  return parseObject(text) ?? env;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The nearest package; a manifest that names only a module format is none. */
function packageAbove(folder: string): Package | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const manifest = readManifest(at);
    if (manifest !== undefined && Object.keys(manifest).some((key) => key !== 'type')) {
      const name = textOf(manifest['name']);
      const main = typeof manifest['main'] === 'string' ? manifest['main'] : 'index.js';
      return { folder: at, name: name ?? folderName(at), main: join(at, main) };
    }
    if (dirname(at) === at) return undefined;
  }
}

function unnamed(folder: string): Package {
  return { folder, name: folderName(folder), main: join(folder, 'index.js') };
}

function folderName(folder: string): string {
  let at = folder;
  while (RELEASE_FOLDER.test(basename(at)) && dirname(at) !== at) at = dirname(at);
  return basename(at) || basename(folder) || 'app';
}

function readManifest(folder: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return parseObject(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** What somebody else has written to run applications: its own package says nothing of them. */
function isTool(script: string): boolean {
  const isInstalled = (path: string): boolean => /[\\/]node_modules[\\/]/.test(path);
  if (isInstalled(script)) return true;
  try {
    return isInstalled(realpathSync(script));
  } catch {
    return false;
  }
}

function isScriptFile(folder: string, text: string): boolean {
  if (!SCRIPT.test(text)) return false;
  return statSync(resolve(folder, text), { throwIfNoEntry: false })?.isFile() === true;
}

/** As the shell has come to it, where it says so: by links that stay the same. */
function workingFolder(facts: ProcessFacts): string {
  const cwd = facts.cwd();
  const logical = facts.env['PWD'];
  try {
    if (logical !== undefined && realpathSync(logical) === realpathSync(cwd)) return logical;
  } catch {
    // It names a folder that is no more.
  }
  return cwd;
}

function withoutEnd(path: string): string {
  return path.replace(SCRIPT, '');
}
