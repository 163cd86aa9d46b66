import type { Engine, EngineKind } from '../../../src/engine/engine.ts';
import { engineOfKind } from '../../../src/engine/load.ts';

/** For `describe.each`: a missing addon fails the suite, it does not shorten it. */
export const ENGINE_KINDS: readonly EngineKind[] = ['native', 'portable'];

export function bothEngines(): readonly [native: Engine, portable: Engine] {
  return [engineOfKind('native'), engineOfKind('portable')];
}
