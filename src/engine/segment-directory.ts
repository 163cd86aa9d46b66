import { resolve } from 'node:path';

/**
 * Where the segments of this user lie: `HYPERDJANGO_DIR`, otherwise a folder of the user's own in
 * `/dev/shm`. Empty on systems other than Linux, where nothing can be shared.
 *
 * @param configured defaults to the environment variable; empty counts as not set.
 */
export function segmentDirectory(
  configured: string | undefined = process.env['HYPERDJANGO_DIR'],
): string {
  if (process.platform !== 'linux') return '';
  if (configured !== undefined && configured !== '') return resolve(configured);
  // What a process makes belongs to its effective user.
  return `/dev/shm/hyperdjango-${process.geteuid?.() ?? 0}`;
}
