/**
 * Module hooks for what is imported as ECMAScript modules, whose classes nobody but the importer
 * can reach. A module that has something to hook gets two lines at its end, which hand it to this
 * package. The file stands alone, as Node 20 runs it in a thread of its own.
 */

/** The function that a changed module calls with its address and its exports. */
export const IMPORTED_KEY = 'hyperdjango.imported@0';

const HOOKED: readonly RegExp[] = [
  // Of a package: the application may have a file of that name.
  /\/node_modules\/.+\/src\/query\.js$/,
  /\/pglite\/dist\/index\.js$/,
  /\/drizzle-orm\/pg-core\/db\.js$/,
  /\/drizzle-orm\/pg-core\/query-builders\/(?:query|select)\.js$/,
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
  return withLines(url, await nextLoad(url, context));
}

/** Node's synchronous one. */
export function loadSync<Context>(
  url: string,
  context: Context,
  nextLoad: (url: string, context: Context) => Loaded,
): Loaded {
  return withLines(url, nextLoad(url, context));
}

function withLines(url: string, loaded: Loaded): Loaded {
  const { format, source } = loaded;
  if (format !== 'module' || source === null || source === undefined) return loaded;
  if (!HOOKED.some((pattern) => pattern.test(url))) return loaded;
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
  const address = JSON.stringify(url);
  const name = 'hyperdjango$exports';
  // Another copy of this package has been here.
  if (text.includes(name)) return loaded;
  return {
    ...loaded,
    source:
      `${text}\nimport * as ${name} from ${address};\n` +
      `globalThis[Symbol.for('${IMPORTED_KEY}')]?.(${address}, ${name});\n`,
  };
}
