import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import type { Page } from 'playwright-core';

import type { DashboardData } from '../../src/dashboard/data.ts';
import { createDashboardHandler } from '../../src/dashboard/handler.ts';
import { serveDashboard } from '../../src/dashboard/node.ts';
import { toStatsJson } from '../dashboard/support/sample-data.ts';

export interface DashboardServer {
  readonly url: string;
  /** What the dashboard shows from now on. */
  show(data: DashboardData, ofHost?: DashboardData): void;
  /** The paths that were asked for since the last call. */
  takePaths(): string[];
  /** How requests for data fail; undefined lets them succeed. */
  fail(how: 'disconnect' | 404 | 500 | undefined): void;
  close(): Promise<void>;
}

/** The real handler on a real socket. */
export async function startDashboard(initial: DashboardData): Promise<DashboardServer> {
  let data = initial;
  let hostData: DashboardData | undefined;
  let paths: string[] = [];
  let failure: 'disconnect' | 404 | 500 | undefined;
  const sockets = new Set<Socket>();
  const dashboard = createDashboardHandler({
    path: '/debug/performance',
    isDevelopment: true,
    source: {
      stats: () => toStatsJson(data),
      data: (scope) => (scope === 'host' ? (hostData ?? data) : data),
    },
  });
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '';
    paths.push(path);
    if (failure !== undefined && /\/data(?:\?|$)/.test(path)) {
      if (failure === 'disconnect') incoming.socket.destroy();
      else outgoing.writeHead(failure).end();
      return;
    }
    if (!serveDashboard(dashboard, incoming, outgoing)) outgoing.writeHead(404).end();
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/debug/performance`,
    show(next, nextOfHost) {
      data = next;
      hostData = nextOfHost;
    },
    takePaths() {
      const taken = paths;
      paths = [];
      return taken;
    },
    fail(how) {
      failure = how;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a page did that it must not do. */
export interface Misdeeds {
  readonly list: string[];
}

/** Watches for dialogs, errors, refused scripts, and requests to anywhere but `origin`. */
export async function watchMisdeeds(page: Page, origin: string): Promise<Misdeeds> {
  const list: string[] = [];
  page.on('dialog', (dialog) => {
    list.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('pageerror', (error) => list.push(`error: ${error.message}`));
  page.on('console', (message) => list.push(`console: ${message.text()}`));
  page.on('popup', (popup) => list.push(`popup: ${popup.url()}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) list.push(`request: ${url}`);
  });
  await page.exposeFunction('reportViolation', (text: string) => list.push(`policy: ${text}`));
  await page.addInitScript(`
    addEventListener('securitypolicyviolation', (event) => {
      reportViolation(event.violatedDirective + ' ' + event.blockedURI);
    });
  `);
  return { list };
}

const screenshotFolder = fileURLToPath(new URL('screenshots/', import.meta.url));

/** For people to look at; the folder is not kept in the repository. */
export async function takeScreenshot(page: Page, name: string): Promise<Buffer> {
  mkdirSync(screenshotFolder, { recursive: true });
  return page.screenshot({ path: `${screenshotFolder}${name}.png`, fullPage: true });
}
