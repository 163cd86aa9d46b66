import { dirname } from 'node:path';

import type { Bundle } from './bundles.ts';
import { bundled, nodeRuntimes, useInstalled } from './installed.ts';
import { proveRuntimes, type Runtime } from './rows.ts';

const installed = useInstalled(['npm', 'pnpm']);
const [major] = process.versions.node.split('.');

const INSIDE =
  'Nothing outside of a bundle can reach the drivers inside of it: `instrument()` inside can.';
const PORTABLE =
  /^The native addon could not be loaded: hyperdjango is part of a bundle, .+; drivers in the same bundle need instrument\(\)$/;
const NATIVE = /^the native addon loaded/;

/** Without them, a library's frames are in the same file as the application's. */
const SOURCE_MAPS = ['--enable-source-maps'];

function bundleRuntime(
  label: string,
  options: Omit<Bundle, 'entry'>,
  more: Pick<Runtime, 'engine' | 'reason'> & Partial<Runtime> = {
    engine: 'portable',
    reason: PORTABLE,
  },
): Runtime {
  return {
    label,
    own: async () => {
      const file = await bundled(installed, label, { ...options, entry: 'bundled.mjs' });
      return { cwd: dirname(file), args: [...SOURCE_MAPS, file], routes: ['items', 'rows'] };
    },
    impossible: { register: INSIDE },
    ...more,
  };
}

/** With the driver outside, `register` sees it there. */
function openRuntime(label: string, format: 'esm' | 'cjs'): Runtime {
  const options = { tool: 'esbuild', format, external: ['pg', 'postgres', 'hyperdjango'] } as const;
  return bundleRuntime(label, options, {
    engine: 'native',
    reason: NATIVE,
    impossible: {},
    registered: async () => {
      const file = await bundled(installed, `${label} plain`, { ...options, entry: 'plain.mjs' });
      const args = [...SOURCE_MAPS, '--import', 'hyperdjango/register', file];
      return { cwd: dirname(file), args, routes: ['items', 'rows'] };
    },
  });
}

const native = { engine: 'native', reason: NATIVE } as const;

proveRuntimes('runtimes', [
  ...nodeRuntimes(`Node ${major}`, installed, 'npm'),
  ...nodeRuntimes(`pnpm, Node ${major}`, installed, 'pnpm'),
  bundleRuntime('esbuild, ES module', { tool: 'esbuild', format: 'esm' }),
  bundleRuntime('esbuild, CommonJS', { tool: 'esbuild', format: 'cjs' }),
  bundleRuntime('esbuild, ES module, `pg` outside', {
    tool: 'esbuild',
    format: 'esm',
    external: ['pg'],
  }),
  bundleRuntime('esbuild, CommonJS, `pg` outside', {
    tool: 'esbuild',
    format: 'cjs',
    external: ['pg'],
  }),
  bundleRuntime(
    'esbuild, ES module, `prebuilds/` beside it',
    { tool: 'esbuild', format: 'esm', withAddon: true },
    native,
  ),
  bundleRuntime(
    'esbuild, CommonJS, `prebuilds/` beside it',
    { tool: 'esbuild', format: 'cjs', withAddon: true },
    native,
  ),
  openRuntime('esbuild, ES module, `hyperdjango` and drivers outside', 'esm'),
  openRuntime('esbuild, CommonJS, `hyperdjango` and drivers outside', 'cjs'),
  bundleRuntime('webpack 5, CommonJS', { tool: 'webpack', format: 'cjs' }),
  bundleRuntime('webpack 5, ES module', { tool: 'webpack', format: 'esm' }),
  bundleRuntime(
    'webpack 5, CommonJS, `prebuilds/` beside it',
    { tool: 'webpack', format: 'cjs', withAddon: true },
    native,
  ),
  bundleRuntime('Vite 7 for a server, `pg` outside', {
    tool: 'vite',
    format: 'esm',
    external: ['pg'],
  }),
]);
