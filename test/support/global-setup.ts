import { mkdtempSync, rmSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { launchPostgres } from '../../src/cli/postgres/index.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser's connection string of the server that all tests share. */
    postgresUrl: string;
  }
}

/**
 * Starts one PostgreSQL for the whole run, and keeps the segments of its processes apart from those
 * of the user's applications. Where several projects name this file, the first one does it for all.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const root = project.vitest.getRootProject();
  if (root.getProvidedContext().postgresUrl !== undefined) return undefined;
  const server = await launchPostgres({ settings: { max_connections: '200' } });
  root.provide('postgresUrl', server.url);
  const folder = process.platform === 'linux' ? mkdtempSync('/dev/shm/hyperdjango-tests-') : '';
  process.env['HYPERDJANGO_DIR'] = folder;
  return async () => {
    await server.stop();
    if (folder !== '') rmSync(folder, { recursive: true });
  };
}
