/** Bundles of the application, each in a folder that shares nothing with the one it was made in. */
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

import { build as buildByVite } from 'vite';

import { FOLDER } from './application.ts';

const require = createRequire(join(FOLDER, 'package.json'));

/** The part of the bundlers that is used here: they are not installed with the rest. */
interface Esbuild {
  build(options: object): Promise<{
    readonly warnings: readonly {
      readonly text: string;
      readonly location: { file: string } | null;
    }[];
  }>;
}
type Webpack = (
  options: object,
  done: (
    error: Error | null,
    stats: { toJson(options: object): WebpackReport } | undefined,
  ) => void,
) => void;
interface WebpackReport {
  readonly errors: readonly { readonly message: string }[];
  readonly warnings: readonly { readonly message: string; readonly moduleName?: string }[];
}

export interface Bundle {
  readonly tool: 'esbuild' | 'webpack' | 'vite';
  readonly format: 'esm' | 'cjs';
  readonly entry: string;
  /** Packages that stay outside, and are installed beside the bundle. */
  readonly external?: readonly string[];
  /** Whether `prebuilds/` is copied beside it. */
  readonly withAddon?: boolean;
}

export interface BuiltBundle {
  readonly file: string;
  /** What the bundler said of hyperdjango. */
  readonly warnings: readonly string[];
}

/** What CommonJS inside of an ES module needs, such as Express and node-postgres. */
const REQUIRE =
  "import { createRequire as createRequireHere } from 'node:module';" +
  'const require = createRequireHere(import.meta.url);';

/** @param application where it is installed. */
export async function bundle(
  application: string,
  folder: string,
  { tool, format, entry, external = [], withAddon = false }: Bundle,
): Promise<BuiltBundle> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  for (const name of external) {
    symlinkSync(join(application, 'node_modules', name), join(folder, 'node_modules', name));
  }
  if (withAddon) {
    cpSync(join(application, 'node_modules/hyperdjango/prebuilds'), join(folder, 'prebuilds'), {
      recursive: true,
    });
  }
  const file = join(folder, format === 'esm' ? 'main.mjs' : 'main.cjs');
  const make = { esbuild: byEsbuild, webpack: byWebpack, vite: byVite }[tool];
  const warnings = await make({ from: join(application, entry), to: file, format, external });
  return { file, warnings: warnings.filter((line) => line.includes('node_modules/hyperdjango/')) };
}

interface Step {
  readonly from: string;
  readonly to: string;
  readonly format: 'esm' | 'cjs';
  readonly external: readonly string[];
}

async function byEsbuild({ from, to, format, external }: Step): Promise<string[]> {
  const esbuild = require('esbuild') as Esbuild;
  const { warnings } = await esbuild.build({
    entryPoints: [from],
    outfile: to,
    absWorkingDir: dirname(from),
    bundle: true,
    sourcemap: true,
    platform: 'node',
    format,
    external,
    logLevel: 'silent',
    ...(format === 'esm' && { banner: { js: REQUIRE } }),
  });
  return warnings.map(({ text, location }) => `${location?.file}: ${text}`);
}

async function byWebpack({ from, to, format, external }: Step): Promise<string[]> {
  const webpack = require('webpack') as Webpack;
  const isModule = format === 'esm';
  const report = await new Promise<WebpackReport>((resolve, reject) => {
    const options = {
      // What `development` and `production` put into NODE_ENV would decide on the dashboard.
      mode: 'none',
      target: 'node20',
      devtool: 'source-map',
      context: dirname(from),
      entry: from,
      experiments: { outputModule: isModule },
      externals: Object.fromEntries(external.map((name) => [name, name])),
      output: {
        path: dirname(to),
        filename: basename(to),
        ...(isModule && { module: true, chunkFormat: 'module', library: { type: 'module' } }),
      },
    };
    webpack(options, (error, stats) => {
      if (error !== null || stats === undefined) reject(error ?? new Error('webpack said nothing'));
      else resolve(stats.toJson({ all: false, errors: true, warnings: true }));
    });
  });
  if (report.errors.length > 0) throw new Error(report.errors.map(({ message }) => message).join());
  return report.warnings.map(({ message, moduleName }) => `${moduleName}: ${message}`);
}

async function byVite({ from, to, external }: Step): Promise<string[]> {
  const warnings: string[] = [];
  await buildByVite({
    configFile: false,
    root: dirname(from),
    logLevel: 'silent',
    ssr: { noExternal: true, external: [...external] },
    build: {
      sourcemap: true,
      ssr: from,
      outDir: dirname(to),
      emptyOutDir: false,
      rollupOptions: {
        onwarn: ({ message, id }) => warnings.push(`${id}: ${message}`),
        output: { format: 'es', entryFileNames: basename(to), banner: REQUIRE },
      },
    },
  });
  return warnings;
}
