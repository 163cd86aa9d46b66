export function measureOverhead(options?: { rounds?: number; callsPerRound?: number }): readonly {
  readonly name: string;
  readonly meterNs: number;
  readonly outsideNs: number;
  readonly ratio: number;
}[];
