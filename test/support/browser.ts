/** The Chromium that npm ships, unpacked for one test file and gone after it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium as playwright } from 'playwright-core';
import type { BrowserContextOptions, Page } from 'playwright-core';

export interface TestBrowser {
  readonly version: string;
  /** A page in a context of its own: no storage, permission or size is shared. */
  page(options?: BrowserContextOptions): Promise<Page>;
  /** Ends the browser and removes all that it had on disk. */
  close(): Promise<void>;
}

/** Where one is missing, the package's own copies are needed. */
const SYSTEM_LIBRARIES = ['libnss3.so', 'libnspr4.so'];
const LIBRARY_FOLDERS = ['/lib', '/lib64', '/usr/lib', '/usr/lib64'];
const MULTIARCH = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';

const ARGUMENTS = [
  '--no-sandbox',
  '--no-zygote',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--font-render-hinting=none',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-sync',
  '--no-first-run',
  '--no-pings',
];

/**
 * Web security stays as users have it: the flags that the package recommends for servers
 * would switch it off, and with it what the tests are about.
 */
export async function openBrowser(): Promise<TestBrowser> {
  // The package takes whatever `chromium` lies in the temporary folder, of any version, and
  // two test files would write it at the same time: so each has a folder of its own.
  const folder = mkdtempSync(join(tmpdir(), 'hyperdjango-chromium-'));
  const removeAtExit = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeAtExit);

  try {
    const needsLibraries = !hasSystemLibraries();
    const executablePath = await withEnvironment(
      // On Lambda the package unpacks its own copies of NSS and its kin too.
      { TMPDIR: folder, ...(needsLibraries && { AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x' }) },
      async () => (await import('@sparticuz/chromium')).default.executablePath(),
    );
    const browser = await playwright.launch({
      executablePath,
      args: ARGUMENTS,
      env: {
        ...definedOnly(process.env),
        TMPDIR: folder,
        ...(needsLibraries && { LD_LIBRARY_PATH: join(folder, 'al2023', 'lib') }),
        ...(!existsSync('/etc/fonts/fonts.conf') && { FONTCONFIG_FILE: writeFontConfig(folder) }),
      },
      artifactsDir: join(folder, 'artifacts'),
    });
    return {
      version: browser.version(),
      // Under LANG=C.UTF-8 Chromium's own language is `en-US@posix`, on which Intl throws.
      page: async (options) =>
        (await browser.newContext({ locale: 'en-US', ...options })).newPage(),
      async close() {
        await browser.close();
        await rm(folder, { recursive: true, force: true, maxRetries: 5 });
        process.off('exit', removeAtExit);
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    process.off('exit', removeAtExit);
    throw error;
  }
}

/** The package's own one looks for its fonts under /tmp only; without a font pages crash. */
function writeFontConfig(folder: string): string {
  const path = join(folder, 'fonts.conf');
  const fonts = `<dir>${join(folder, 'fonts')}</dir><cachedir>${join(folder, 'cache')}</cachedir>`;
  writeFileSync(path, `<?xml version="1.0"?><fontconfig>${fonts}</fontconfig>`);
  return path;
}

function hasSystemLibraries(): boolean {
  const folders = LIBRARY_FOLDERS.flatMap((path) => [path, join(path, MULTIARCH)]);
  return SYSTEM_LIBRARIES.every((name) => folders.some((path) => existsSync(join(path, name))));
}

async function withEnvironment<Result>(
  variables: Readonly<Record<string, string>>,
  work: () => Promise<Result>,
): Promise<Result> {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const name of Object.keys(process.env)) {
      if (!(name in before)) delete process.env[name];
    }
    Object.assign(process.env, before);
  }
}

function definedOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
}

const require = createRequire(import.meta.url);

/** What axe finds wrong with a page as it stands; empty where it finds nothing. */
export async function findAccessibilityProblems(page: Page): Promise<string[]> {
  // By evaluation, which the page's Content-Security-Policy does not govern.
  await page.evaluate(readAxeSource());
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: AxeRunner };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
  });
}

interface AxeRunner {
  run(): Promise<{
    readonly violations: readonly {
      readonly id: string;
      readonly nodes: readonly { readonly html: string }[];
    }[];
  }>;
}

function readAxeSource(): string {
  return (require('axe-core') as { readonly source: string }).source;
}
