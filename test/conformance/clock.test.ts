import { describe, expect, it } from 'vitest';

import { engineOfKind } from '../../src/engine/load.ts';
import { ENGINE_KINDS } from './support/engines.ts';

describe.each(ENGINE_KINDS)('the clock of the %s engine', (kind) => {
  const engine = engineOfKind(kind);

  it('never goes backwards, and advances', () => {
    const first = engine.nowNs();
    let last = first;
    let backwardsCount = 0;
    for (let read = 0; read < 100_000; read += 1) {
      const now = engine.nowNs();
      if (now < last) backwardsCount += 1;
      last = now;
    }
    expect(backwardsCount).toBe(0);
    expect(last).toBeGreaterThan(first);
  });

  it('shares its time base with process.hrtime', () => {
    const before = process.hrtime.bigint();
    const now = engine.nowNsBigInt();
    const after = process.hrtime.bigint();
    expect(now >= before && now <= after).toBe(true);
  });

  it('reads the same time as a number and as a bigint', () => {
    const before = engine.nowNsBigInt();
    const now = BigInt(engine.nowNs());
    const after = engine.nowNsBigInt();
    // A number holds times beyond 104 days of uptime to 2 ns.
    expect(now >= before - 2n && now <= after + 2n).toBe(true);
  });

  it('counts its calls', () => {
    const before = engine.callCounts();
    engine.nowNs();
    engine.nowNs();
    engine.nowNsBigInt();
    const after = engine.callCounts();
    expect((after['nowNs'] ?? 0) - (before['nowNs'] ?? 0)).toBe(2);
    expect((after['nowNsBigInt'] ?? 0) - (before['nowNsBigInt'] ?? 0)).toBe(1);
  });
});
