import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';
import type { Plugin, UserConfig } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';

const root = fileURLToPath(new URL('.', import.meta.url));
const pageModule = fileURLToPath(new URL('../page.generated.ts', import.meta.url));

/** Their licences ask to be kept with them. */
const BUNDLED_PACKAGES = ['preact', 'uplot'];

const config: UserConfig = defineConfig({
  root,
  base: './',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  plugins: [
    viteSingleFile({ removeViteModuleLoader: true, useRecommendedBuildConfig: true }),
    keepOwnSideEffects(),
    leaveOutUnusedPaths(),
    writePageModule(),
  ],
  // The module is all that is kept: nothing goes to an output folder.
  build: { target: 'es2022', write: false, modulePreload: false },
});

// vite takes nothing but a default export.
export { config as default };

/** The package has no side effects on import, as package.json says; its page is nothing but one. */
function keepOwnSideEffects(): Plugin {
  return {
    name: 'keep-own-side-effects',
    transform: (code, id) =>
      id.startsWith(root) ? { code, map: null, moduleSideEffects: true } : undefined,
  };
}

/** uPlot hangs helpers on its class that only charts of other kinds need: 4 kB. */
function leaveOutUnusedPaths(): Plugin {
  const helpers = /^\{\n\tuPlot\.join = [\s\S]*(?=^export \{ uPlot as default \};)/m;
  return {
    name: 'leave-out-unused-paths',
    transform(code, id) {
      if (!id.endsWith('/uPlot.esm.js')) return undefined;
      if (!helpers.test(code)) throw new Error('uPlot no longer looks as expected');
      return { code: code.replace(helpers, ''), map: null };
    },
  };
}

/**
 * Writes the finished page into a module, with the hashes that its Content-Security-Policy
 * names. So it is found however the package is bundled: it is no file beside the code.
 */
function writePageModule(): Plugin {
  return {
    name: 'write-page-module',
    enforce: 'post',
    generateBundle: {
      // After the hook that puts script and style into the page.
      order: 'post',
      handler(_options, bundle) {
        const names = Object.keys(bundle);
        const page = bundle['index.html'];
        if (page?.type !== 'asset' || names.length !== 1) {
          throw new Error(`expected index.html alone, got ${names.join(', ')}`);
        }
        const html =
          typeof page.source === 'string' ? page.source : new TextDecoder().decode(page.source);
        writeFileSync(
          pageModule,
          [
            '// Written by `npm run build:ui`. The page holds copies of these packages:',
            ...BUNDLED_PACKAGES.map(readLicense),
            `export const PAGE_SCRIPT_SHA256: string = '${hashOnlyElement(html, 'script')}';`,
            `export const PAGE_STYLE_SHA256: string = '${hashOnlyElement(html, 'style')}';`,
            `export const PAGE: string = ${JSON.stringify(html)};`,
            '',
          ].join('\n'),
        );
      },
    },
  };
}

function readLicense(name: string): string {
  const text = readFileSync(
    new URL(`../../../node_modules/${name}/LICENSE`, import.meta.url),
    'utf8',
  );
  return `/*!\n${name}\n\n${text.trim()}\n*/`;
}

function hashOnlyElement(html: string, name: 'script' | 'style'): string {
  const elements = [...html.matchAll(new RegExp(`<${name}[^>]*>([\\s\\S]*?)</${name}>`, 'g'))];
  const [element] = elements;
  if (element?.[1] === undefined || elements.length !== 1) {
    throw new Error(`expected one <${name}> in the page, got ${elements.length}`);
  }
  return createHash('sha256').update(element[1]).digest('base64');
}
