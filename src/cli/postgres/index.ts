export { launchPostgres, type EmbeddedPostgres, type LaunchOptions } from './launch.ts';
