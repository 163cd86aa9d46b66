import type { TestProject } from 'vitest/node';
import { launchPostgres } from '../../src/cli/postgres/index.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser's connection string of the server that all tests share. */
    postgresUrl: string;
  }
}

/**
 * Starts one PostgreSQL for the whole run. Where several projects name this file, the first one
 * starts the server and the others find it.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const root = project.vitest.getRootProject();
  if (root.getProvidedContext().postgresUrl !== undefined) return undefined;
  const server = await launchPostgres({ settings: { max_connections: '200' } });
  root.provide('postgresUrl', server.url);
  return async () => server.stop();
}
