import { getRecorder, isDisabled } from '../recorder/index.ts';
import { isThenable } from '../util/thenable.ts';
import { stringOption } from '../util/options.ts';

/**
 * Runs `fn` with the queries that it issues kept out of every finding: N+1 patterns that are meant,
 * such as a loop that has to go one by one. They are recorded, counted and timed like all others.
 *
 * It holds within the request or job that it is called in; outside of one there is nothing to find.
 * Where `fn` gives a promise, all that leads to it is meant too. Results and errors are those of
 * `fn`; for what begins its work when it is awaited, such as a query builder, a promise of the same
 * result comes back.
 *
 * `getStats().ignores` has every reason with the patterns that it kept out: one without any is no
 * longer needed.
 *
 * @param reason why, in words for the reader of the code; never one with values in it.
 * @throws {OptionError} where the reason is not a string with something in it.
 * @example
 * ```ts
 * import { Database, ignore, runInScope } from 'hyperdjango';
 *
 * const db = new Database('postgres://localhost/mydb');
 * await runInScope('check-users', () =>
 *   ignore('one by one, so that a lock is held for one row only', async () => {
 *     for (let id = 1; id <= 10; id += 1) {
 *       await db.query('SELECT id FROM users WHERE id = $1', [id]);
 *     }
 *   }),
 * );
 * ```
 */
export function ignore<T>(reason: string, fn: () => T): T {
  stringOption('ignore(reason)', reason);
  if (isDisabled()) return fn();
  const recorder = getRecorder();
  const ignored = recorder.ignores.add(reason);
  const result = recorder.runIgnored(ignored, fn);
  // A plain promise has begun its work; others may begin it when they are awaited.
  if (!isThenable(result) || Object.getPrototypeOf(result) === Promise.prototype) return result;
  return new Promise((resolve, reject) => {
    recorder.runIgnored(ignored, () => result.then(resolve, reject));
  }) as T;
}
