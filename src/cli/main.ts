#!/usr/bin/env node
import process from 'node:process';

import { run } from './run.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const interruption = new AbortController();

function interrupt(): void {
  // A second signal takes its usual course and ends the process at once.
  for (const signal of SIGNALS) process.off(signal, interrupt);
  interruption.abort();
}

for (const signal of SIGNALS) process.on(signal, interrupt);

// The reader of our output has gone, as in `hyperdjango demo | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  interrupt();
});

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  // Opened when somebody asks for it: most commands have no keys.
  get stdin() {
    return process.stdin;
  },
  env: process.env,
  signal: interruption.signal,
});

// Nothing else keeps the process alive; these would.
for (const signal of SIGNALS) process.off(signal, interrupt);
