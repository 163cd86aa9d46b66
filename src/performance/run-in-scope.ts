import { getRecorder, isDisabled, type Recorder, type Scope } from '../recorder/index.ts';
import { functionOption, stringOption } from '../util/options.ts';
import { isThenable } from '../util/thenable.ts';
import { observeJob } from './middleware.ts';

/**
 * Runs a job, such as a message from a queue or a script, in a scope of its own: its queries belong
 * to it, and its slow queries and N+1 patterns are told of by its name. It is no request: it adds
 * to none of the totals of requests.
 *
 * Results and errors are those of `fn`. Where it gives a promise, or anything else that can be
 * awaited, a promise of the same result comes back, and the scope ends with it.
 *
 * @param name of the kind of job, such as `send-invoices`: never one with values in it.
 * @throws {OptionError} where the name is not a string with something in it, or `fn` no function.
 * @example
 * ```ts
 * import { Database, runInScope } from 'hyperdjango';
 *
 * const db = new Database('postgres://localhost/mydb');
 * const users = await runInScope('send-invoices', () => db.query('SELECT id FROM users'));
 * users.length; // 2
 * ```
 */
export function runInScope<T>(name: string, fn: () => T): T {
  stringOption('runInScope(name)', name);
  functionOption('runInScope(name, fn)', fn);
  if (isDisabled()) return fn();
  const recorder = getRecorder();
  const scope = recorder.openScope('job', name);
  observeJob(scope);
  let result: T;
  try {
    result = recorder.runIn(scope, fn);
  } catch (error) {
    close(recorder, scope);
    throw error;
  }
  if (!isThenable(result)) {
    close(recorder, scope);
    return result;
  }
  return settled(recorder, scope, result) as T;
}

async function settled(
  recorder: Recorder,
  scope: Scope,
  result: PromiseLike<unknown>,
): Promise<unknown> {
  try {
    // Some, such as query builders, begin their work when they are awaited.
    return await new Promise((resolve, reject) => {
      recorder.runIn(scope, () => result.then(resolve, reject));
    });
  } finally {
    close(recorder, scope);
  }
}

function close(recorder: Recorder, scope: Scope): void {
  recorder.closeScope(scope, { statusCode: 0, isAborted: false });
}
