/**
 * Adds to package-lock.json the platform packages that a registry did not have when the lockfile
 * was written: npm leaves them out then, and `npm ci` refuses the lockfile. Run it after
 * `npm install` where `test/packaging/lockfile.test.ts` fails; the lockfile of another package is
 * named by its path.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const OS = { windows: 'win32', win32: 'win32', macos: 'darwin' };
const SYSTEMS =
  /\b(aix|android|darwin|freebsd|linux|macos|netbsd|openbsd|openharmony|sunos|windows|win32)\b/;
const CPUS = /\b(arm64|arm|ia32|loong64|loongarch64|mips64el|ppc64|riscv64|s390x|wasm32|x64)\b/;

/** Which machines a package is for, read off its name. */
function platformOf(name) {
  const os = SYSTEMS.exec(name)?.[1];
  const cpu = CPUS.exec(name)?.[1];
  const libc = /\bmusl/.test(name) ? 'musl' : /\bgnu/.test(name) ? 'glibc' : undefined;
  return {
    ...(cpu && { cpu: [cpu === 'loongarch64' ? 'loong64' : cpu] }),
    ...(os && { os: [OS[os] ?? os] }),
    ...(libc && os === 'linux' && { libc: [libc] }),
  };
}

/** @returns `[path, entry]` of each optional dependency that the lockfile does not list. */
export function missingPackages(lockfile) {
  const missing = new Map();
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lockfile.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const isListed = [`${path}/node_modules/${name}`, `node_modules/${name}`].some(
        (candidate) => candidate in lockfile.packages,
      );
      if (isListed) continue;
      missing.set(`node_modules/${name}`, {
        version,
        ...(dev && { dev }),
        optional: true,
        ...platformOf(name.replaceAll(/[_/]/g, '-')),
      });
    }
  }
  return [...missing];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = process.argv[2] ?? new URL('../package-lock.json', import.meta.url);
  const lockfile = JSON.parse(readFileSync(file, 'utf8'));
  const added = missingPackages(lockfile);
  const packages = { ...lockfile.packages, ...Object.fromEntries(added) };
  const names = Object.keys(packages).sort((a, b) => (a < b ? -1 : 1));
  lockfile.packages = Object.fromEntries(names.map((name) => [name, packages[name]]));
  writeFileSync(file, `${JSON.stringify(lockfile, null, 2)}\n`);
  console.log(`${added.length} packages added`);
}
