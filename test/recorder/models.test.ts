import { describe, expect, it } from 'vitest';

import { getRecorder, type Scope, sharedContext } from '../../src/recorder/index.ts';

const recorder = getRecorder();

/** A statement that no other test has: its models are its own. */
const textOf = (name: string): string => `SELECT id FROM ${name} WHERE id = $1`;

function runScope(work: () => void): Scope {
  const scope = recorder.openScope('job', 'models');
  recorder.runIn(scope, work);
  recorder.closeScope(scope, { statusCode: 0, isAborted: false });
  return scope;
}

function modelsOf(name: string): readonly string[] {
  return recorder.models.of(recorder.engine.normalizeSql(textOf(name)).fingerprint);
}

describe('models', () => {
  it('belong to the statements that are issued for them', () => {
    runScope(() => {
      recorder.runForModel('User', () => recorder.record(textOf('users'), 1_000));
      recorder.record(textOf('orders'), 1_000);
    });
    expect([modelsOf('users'), modelsOf('orders')]).toEqual([['User'], []]);
  });

  it('go with what their work starts', async () => {
    const scope = recorder.openScope('job', 'models');
    await recorder.runIn(scope, () =>
      recorder.runForModel('Later', async () => {
        await Promise.resolve();
        recorder.record(textOf('later'), 1_000);
      }),
    );
    recorder.closeScope(scope, { statusCode: 0, isAborted: false });
    expect(modelsOf('later')).toEqual(['Later']);
  });

  it('are those of the innermost, and no more than four of one statement', () => {
    runScope(() => {
      recorder.runForModel('Outer', () =>
        recorder.runForModel('Inner', () => recorder.record(textOf('nested'), 1_000)),
      );
      for (const model of ['A', 'B', 'A', 'C', 'D', 'E']) {
        recorder.runForModel(model, () => recorder.record(textOf('many'), 1_000));
      }
    });
    expect(modelsOf('nested')).toEqual(['Inner']);
    expect(modelsOf('many')).toEqual(['A', 'B', 'C', 'D']);
  });

  it('keep the work ignored that is', () => {
    const ignored = recorder.ignores.add('models');
    const scope = runScope(() => {
      recorder.runIgnored(ignored, () =>
        recorder.runForModel('Ignored', () => recorder.record(textOf('ignored'), 1_000)),
      );
    });
    expect(scope.queries).toMatchObject([{ ignoredBy: ignored, model: 'Ignored' }]);
  });

  it('are of no use outside of a scope', () => {
    recorder.runForModel('Nobody', () => recorder.record(textOf('nobody'), 1_000));
    expect(modelsOf('nobody')).toEqual([]);
  });

  it('have nothing to do with what begins and ends a transaction', () => {
    runScope(() => {
      recorder.runForModel('User', () => {
        for (const text of ['BEGIN', 'COMMIT', '  savepoint a', 'Rollback', 'START TRANSACTION']) {
          expect(recorder.record(text, 1_000)?.model).toBeUndefined();
        }
        expect(recorder.record('SELECT 1 AS started', 1_000)?.model).toBe('User');
      });
    });
  });
});

describe('work that is done for several scopes at once', () => {
  const open = (name: string): Scope => recorder.openScope('job', name);

  it('is booked on the first, and says how many they are', () => {
    const [one, other] = [open('one'), open('other')];
    const model = recorder.runIn(one, () =>
      recorder.runForModel('User', () => recorder.captureContext()),
    );
    const query = recorder.runIn(sharedContext([undefined, model, other, one]), () =>
      recorder.record(textOf('shared'), 1_000),
    );
    // The one without a scope is served too.
    expect(query).toMatchObject({ scope: one, model: 'User', servedCount: 3 });
    for (const scope of [one, other]) {
      recorder.closeScope(scope, { statusCode: 0, isAborted: false });
    }
    const { fingerprint } = recorder.engine.normalizeSql(textOf('shared'));
    expect(recorder.models.servedMax(fingerprint)).toBe(3);
    expect([one.queryCount, other.queryCount]).toEqual([1, 0]);
  });

  it('is no more than the work of one where they are the same, or none', () => {
    const scope = open('alone');
    const query = recorder.runIn(sharedContext([scope, scope]), () =>
      recorder.record(textOf('alone'), 1_000),
    );
    expect(query?.scope).toBe(scope);
    expect(query?.servedCount).toBeUndefined();
    expect(sharedContext([undefined, undefined])).toBeUndefined();
    recorder.closeScope(scope, { statusCode: 0, isAborted: false });
  });
});
