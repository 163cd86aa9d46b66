/**
 * Compiles `src/` to `dist/`, from scratch: a file that is gone must not be shipped.
 *
 *   index.js   one module for each source, for bundlers and the command line
 *   index.cjs  the same code in few files: what Node runs, whichever way it is loaded
 *   index.mjs  hands on what index.cjs has, to `import`: one copy of everything in a process
 *
 * The declarations are those of the CommonJS form; `import` gets them through a door as well.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, posix, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { rollup } from 'rollup';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const require = createRequire(import.meta.url);

/** How CommonJS refers to types of an ECMAScript module. */
const ESM_TYPES = "import type { $1 } from 'hono' with { 'resolution-mode': 'import' };";

/** The names of the entries, such as `database/index`. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.values(exports)
    .map((target) => target.module)
    .filter((path) => path !== undefined)
    .map((path) => /^\.\/dist\/(.+)\.js$/.exec(path)[1]);
}

/**
 * A module keeps its own address, so that it finds what lies beside it. Where a bundler has taken
 * the file apart it is the bundle's, and where there is none, none.
 */
const ownAddress = {
  name: 'own-address',
  resolveImportMeta(property, { chunkId, moduleId }) {
    if (property !== 'url') return null;
    const own = posix.relative(posix.dirname(chunkId), relative(dist, moduleId));
    return (
      `(typeof __filename !== 'string' ? undefined : require('node:url').pathToFileURL(` +
      `require('node:path').basename(__filename) === '${basename(chunkId)}' ` +
      `? require('node:path').join(__dirname, '${own}') : __filename).href)`
    );
  },
};

/** @returns what each entry exports. */
async function bundleForNode(names) {
  const bundle = await rollup({
    input: Object.fromEntries(names.map((name) => [name, join(dist, `${name}.js`)])),
    external: (id) => !/^[./]/.test(id),
    plugins: [ownAddress],
    onwarn: (warning) => {
      throw new Error(warning.message);
    },
  });
  const { output } = await bundle.write({
    dir: dist,
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: 'shared/[name].cjs',
    // `import x from` a CommonJS module means all of it, as in Node.
    interop: 'default',
    externalLiveBindings: false,
    generatedCode: 'es2015',
  });
  await bundle.close();
  return output.filter(({ isEntry }) => isEntry).map(({ name, exports }) => ({ name, exports }));
}

function writeDoor({ name, exports }) {
  const from = `'./${basename(name)}.cjs'`;
  const names = exports.length === 0 ? '' : `{ ${exports.join(', ')} } from `;
  const verb = exports.length === 0 ? 'import' : 'export';
  writeFileSync(join(dist, `${name}.mjs`), `${verb} ${names}${from};\n`);
  const types = exports.length === 0 ? 'export {};\n' : `export * from ${from};\n`;
  writeFileSync(join(dist, `${name}.d.mts`), types);
}

/** Declarations of the CommonJS form, of what can be reached from the entries; no others stay. */
function writeDeclarations(names) {
  const queue = names.map((name) => `${name}.d.ts`);
  const seen = new Set(queue);
  for (const file of queue) {
    const text = readFileSync(join(dist, file), 'utf8');
    const written = text
      .replaceAll(/(?<=(?:from |import\()')(\.[^']+)\.ts(?=')/g, (_, path) => {
        const next = posix.join(posix.dirname(file), `${path}.d.ts`);
        if (!seen.has(next)) queue.push(next);
        seen.add(next);
        return `${path}.cjs`;
      })
      // Its declarations say that they are ECMAScript modules, whoever asks.
      .replaceAll(/^import (?:type )?\{ (?:type )?(\w+) \} from 'hono';/gm, ESM_TYPES);
    const others = /(?<=\bfrom ')(?!\.|node:|hono')[^']+/.exec(text.replaceAll(/^ *\*.*$/gm, ''));
    if (others !== null) throw new Error(`${file} needs the types of ${others[0]} installed`);
    writeFileSync(join(dist, file.replace(/\.ts$/, '.cts')), written);
  }
  for (const file of readdirSync(dist, { recursive: true })) {
    if (file.endsWith('.d.ts')) rmSync(join(dist, file));
  }
}

rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  [require.resolve('typescript/bin/tsc'), '--project', 'tsconfig.build.json'],
  { cwd: root, stdio: 'inherit' },
);
if (status !== 0) process.exit(status ?? 1);
chmodSync(join(dist, 'cli/main.js'), 0o755);
const names = entries();
for (const entry of await bundleForNode(names)) writeDoor(entry);
writeDeclarations(names);
