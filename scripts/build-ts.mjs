/** Compiles `src/` to `dist/`, from scratch: a file that is gone must not be shipped. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

rmSync(join(root, 'dist'), { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  [require.resolve('typescript/bin/tsc'), '--project', 'tsconfig.build.json'],
  { cwd: root, stdio: 'inherit' },
);
const bin = join(root, 'dist/cli/main.js');
if (existsSync(bin)) chmodSync(bin, 0o755);
process.exitCode = status ?? 1;
