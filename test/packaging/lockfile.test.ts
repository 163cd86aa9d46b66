import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { ROOT } from '../support/processes.ts';

interface Lockfile {
  readonly packages: Readonly<
    Record<string, { readonly optionalDependencies?: Record<string, string>; resolved?: string }>
  >;
}

const { packages } = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, 'utf8')) as Lockfile;

it('lists the packages of every platform, or npm ci refuses it', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages),
    ),
  );
  // `node scripts/complete-lockfile.mjs` adds them.
  expect(missing).toEqual([]);
});

it('names no registry', () => {
  expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});
