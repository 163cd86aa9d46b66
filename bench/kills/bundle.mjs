/**
 * One file of all that a victim loads, and V8's code for it: most of a victim's short life is its
 * start, and most of that would be finding and compiling three hundred modules.
 */
import { copyFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { build } from 'vite';

const VICTIM = fileURLToPath(new URL('victim.mjs', import.meta.url));
const START = fileURLToPath(new URL('start.cjs', import.meta.url));
const ADDON = fileURLToPath(new URL('../../build/Release/hyperdjango.node', import.meta.url));
const FOLDER = fileURLToPath(new URL('../../build/kills', import.meta.url));

/**
 * @returns {Promise<string[]>} what `node` is to run: the victim's own parameters come after it.
 * The first run must have `--make-cache` before them.
 */
export async function bundleVictim() {
  mkdirSync(FOLDER, { recursive: true });
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: VICTIM,
      outDir: FOLDER,
      emptyOutDir: true,
      minify: false,
      target: 'node20',
      rollupOptions: {
        external: ['pg-native'],
        output: { format: 'cjs', entryFileNames: 'victim.cjs', inlineDynamicImports: true },
      },
    },
    ssr: { noExternal: true },
  });
  // A bundle looks for the addon where a published package has it.
  const beside = `${FOLDER}/prebuilds/${process.platform}-${process.arch}`;
  mkdirSync(beside, { recursive: true });
  copyFileSync(ADDON, `${beside}/hyperdjango.node`);
  return [START, `${FOLDER}/victim.cjs`];
}
