export { type EmbeddedPostgres, launchPostgres } from './launch.ts';
