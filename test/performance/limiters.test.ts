import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { noteFor } from '../../src/performance/limiters.ts';

function application(dependencies: object, installed: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'hyperdjango-limiters-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'package.json'), JSON.stringify({ dependencies }));
  for (const [name, version] of Object.entries(installed)) {
    mkdirSync(join(root, 'node_modules', name), { recursive: true });
    writeFileSync(join(root, 'node_modules', name, 'package.json'), JSON.stringify({ version }));
  }
  mkdirSync(join(root, 'dist'));
  const script = join(root, 'dist/main.js');
  writeFileSync(script, '');
  return script;
}

it('names the limiters of the application that lose the context, with their versions', () => {
  const script = application(
    { 'p-queue': '^9.0.0', fastq: '*', 'p-limit': '^7.0.0', bottleneck: '*' },
    { 'p-queue': '9.3.5', fastq: '1.20.3', 'p-limit': '7.3.3', async: '3.2.6' },
  );
  expect(noteFor(script)).toBe(
    'fastq 1.20.3, p-queue 9.3.5 may run a task in the context of another request, on which its ' +
      'queries are booked then: see docs/context.md',
  );
});

it('says nothing where there is none, or nothing is known', () => {
  expect(noteFor(application({ 'p-queue': '^10.0.0' }, { 'p-queue': '10.0.0' }))).toBe('');
  expect(noteFor('/nowhere/at/all.js')).toBe('');
  expect(noteFor(undefined)).toBe('');
});
