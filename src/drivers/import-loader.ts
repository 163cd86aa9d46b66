/**
 * Module hooks for what is imported as ECMAScript modules, whose classes nobody but the importer
 * can reach. A module that has something to hook gets two lines at its end, which hand it to this
 * package. The file stands alone, as Node 20 runs it in a thread of its own.
 */

/** The function that a changed module calls with its address and its exports. */
export const IMPORTED_KEY = 'hyperdjango.imported@0';

/** Those that have something to hook, by the ends of their paths. */
export const IMPORTED_FILES: readonly RegExp[] = [
  // Of a package: the application may have a file of that name.
  /\/node_modules\/.+\/src\/query\.js$/,
  /\/pglite\/dist\/index\.js$/,
  /\/@neondatabase\/serverless\/index\.mjs$/,
  /\/node_modules\/.+\/pg-core\/(?:async\/)?db\.js$/,
  /\/node_modules\/.+\/pg-core\/query-builders\/(?:query|select)\.js$/,
  /\/pqb\/dist\/index\.mjs$/,
  /\/@mikro-orm\/(?:sql|knex)\/query\/QueryBuilder\.js$/,
];

interface Loaded {
  readonly format: string;
  readonly source?: string | ArrayBuffer | NodeJS.ArrayBufferView | null;
}

/** Node's asynchronous `load` hook. */
export async function load<Context>(
  url: string,
  context: Context,
  nextLoad: (url: string, context: Context) => Loaded | Promise<Loaded>,
): Promise<Loaded> {
  return changed(url, await nextLoad(url, context));
}

/** Node's synchronous one. */
export function loadSync<Context>(
  url: string,
  context: Context,
  nextLoad: (url: string, context: Context) => Loaded,
): Loaded {
  return changed(url, nextLoad(url, context));
}

function changed(url: string, loaded: Loaded): Loaded {
  const { format, source } = loaded;
  if (format !== 'module' || source === null || source === undefined) return loaded;
  if (!IMPORTED_FILES.some((pattern) => pattern.test(withoutQuery(url)))) return loaded;
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
  return { ...loaded, source: withLines(url, text) };
}

/**
 * @param address of the module, by which it can be imported.
 * @returns the text as it is where it has the lines.
 */
export function withLines(address: string, text: string): string {
  // With `-r` Node 20 runs this in the thread of its hooks too, which then come twice.
  if (text.includes(IMPORTED_KEY)) return text;
  const quoted = JSON.stringify(address);
  const name = 'hyperdjango$exports';
  return (
    `${text}\nimport * as ${name} from ${quoted};\n` +
    `globalThis[Symbol.for('${IMPORTED_KEY}')]?.(${JSON.stringify(withoutQuery(address))}, ${name});\n`
  );
}

/** By which loaders mark what is theirs. */
function withoutQuery(address: string): string {
  return address.replace(/\?.*$/, '');
}
