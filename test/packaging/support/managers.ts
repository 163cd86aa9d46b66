/** The package managers, and what each of them is asked to do with the packed package. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { npm } from '../../support/package.ts';
import { runProgram, toolFolder } from './tools.ts';

/** What each is asked to do, in this order: from a manifest alone, from a lockfile, in place. */
export const STEPS = ['install', 'from a lockfile', 'rebuild'] as const;

type Step = (typeof STEPS)[number];

export interface Manager {
  readonly label: string;
  /** Also in `npm test`. */
  readonly isQuick?: boolean;
  readonly program: () => string;
  /** The arguments; each is followed by a look at the engine. */
  readonly steps: Readonly<Partial<Record<Step, readonly string[]>>>;
  /** What each step gets where install scripts are not to run. */
  readonly withoutScripts: readonly string[];
  /** A file that configures it, by whether scripts run. */
  readonly configuration?: (runsScripts: boolean) => readonly [name: string, text: string];
  /** What the program is started with, where packages are in no folder. */
  readonly node?: readonly string[];
}

const REGISTRY = npm(['config', 'get', 'registry'], process.cwd()).trim();

const npmManager = (version: string): Manager => ({
  label: `npm ${version}`,
  program: () => join(toolFolder('npm', version), 'bin/npm-cli.js'),
  steps: {
    install: ['install', '--no-audit', '--no-fund'],
    'from a lockfile': ['ci', '--no-audit', '--no-fund'],
    rebuild: ['rebuild'],
  },
  withoutScripts: ['--ignore-scripts'],
});

const pnpm = (version: string): Manager => ({
  label: `pnpm ${version}`,
  program: () =>
    join(toolFolder('pnpm', version), version.startsWith('12.') ? 'bin/pnpm.mjs' : 'bin/pnpm.cjs'),
  steps: {
    install: ['install'],
    'from a lockfile': ['install', '--frozen-lockfile', '--force'],
    rebuild: ['rebuild'],
  },
  withoutScripts: [],
  configuration: (runsScripts) =>
    /^[89]\./.test(version)
      ? ['.npmrc', runsScripts ? '' : 'ignore-scripts=true\n']
      : [
          'pnpm-workspace.yaml',
          `packages: ['.']\n${runsScripts ? 'dangerouslyAllowAllBuilds: true' : 'ignoreScripts: true'}\n`,
        ],
});

const yarn4 = (linker: 'node-modules' | 'pnp'): Manager => ({
  label: `Yarn 4.18.1 (${linker})`,
  program: () => join(toolFolder('@yarnpkg/cli-dist', '4.18.1'), 'bin/yarn.js'),
  steps: {
    install: ['install', '--no-immutable'],
    'from a lockfile': ['install', '--immutable'],
    rebuild: ['rebuild'],
  },
  withoutScripts: [],
  configuration: (runsScripts) => [
    '.yarnrc.yml',
    [
      `nodeLinker: ${linker}`,
      `enableScripts: ${runsScripts}`,
      'enableTelemetry: false',
      'enableGlobalCache: false',
      // Without it `import` finds nothing.
      'pnpEnableEsmLoader: true',
      `npmRegistryServer: ${JSON.stringify(REGISTRY)}`,
      `unsafeHttpWhitelist: [${JSON.stringify(new URL(REGISTRY).hostname)}]`,
      '',
    ].join('\n'),
  ],
  ...(linker === 'pnp' && {
    node: ['--require', './.pnp.cjs', '--experimental-loader', './.pnp.loader.mjs'],
  }),
});

export const MANAGERS: readonly Manager[] = [
  npmManager('9.9.4'),
  { ...npmManager('10.9.4'), isQuick: true },
  npmManager('11.6.2'),
  npmManager('12.2.2'),
  {
    label: 'Yarn 1.22.22',
    program: () => join(toolFolder('yarn', '1.22.22'), 'bin/yarn.js'),
    steps: { install: ['install'], 'from a lockfile': ['install', '--frozen-lockfile', '--force'] },
    withoutScripts: ['--ignore-scripts'],
    configuration: () => ['.yarnrc', `registry "${REGISTRY}"\ncache-folder "./.cache"\n`],
  },
  yarn4('node-modules'),
  { ...yarn4('pnp'), isQuick: true },
  pnpm('8.15.9'),
  { ...pnpm('9.15.9'), isQuick: true },
  pnpm('10.34.8'),
  pnpm('12.21.0'),
];

/** What an application sees, by both ways of loading. */
const PROGRAM = `
  const root = require('hyperdjango');
  import('hyperdjango').then((imported) => {
    const { engine, reason } = root.status();
    console.log(JSON.stringify({ engine, reason, isOne: imported.status === root.status }));
  });
`;

export interface Seen {
  readonly step: Step;
  readonly told: { readonly engine: string; readonly reason: string; readonly isOne: boolean };
}

/** Takes every step in the folder. @returns what the program says after each. */
export async function installWith(
  manager: Manager,
  { folder, tarball, runsScripts }: { folder: string; tarball: string; runsScripts: boolean },
): Promise<Seen[]> {
  const manifest = { private: true, dependencies: { hyperdjango: `file:${tarball}` } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'program.js'), PROGRAM);
  const configuration = manager.configuration?.(runsScripts);
  if (configuration !== undefined) writeFileSync(join(folder, configuration[0]), configuration[1]);
  const seen: Seen[] = [];
  for (const step of STEPS) {
    const args = manager.steps[step];
    if (args === undefined) continue;
    // What a checkout has: the manifest and the lockfile.
    if (step !== 'rebuild') rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
    const more = runsScripts ? [] : manager.withoutScripts;
    // Python is missing, so that whoever builds anything fails, whatever the machine has.
    const env = { npm_config_python: '/nonexistent', npm_config_nodedir: undefined, CI: undefined };
    await runProgram([manager.program(), ...args, ...more], { cwd: folder, env });
    const told = await runProgram([...(manager.node ?? []), 'program.js'], {
      cwd: folder,
      env: { HYPERDJANGO_ENGINE: undefined },
    });
    seen.push({ step, told: JSON.parse(told) as Seen['told'] });
  }
  return seen;
}
