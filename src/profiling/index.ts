/** Where the time of a request goes. */
export { formatProfile, measureHandler } from './x-profile.ts';
