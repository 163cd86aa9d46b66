/** What processes use and no hook reaches, as words for people. */
import { UNSEEN } from '../engine/segment-layout.ts';

/** Drivers whose queries are not recorded, by their bits. */
const DRIVERS: ReadonlyMap<number, string> = new Map([
  [UNSEEN.pg, 'pg'],
  [UNSEEN.postgresJs, 'postgres.js'],
  [UNSEEN.pglite, 'PGlite'],
  [UNSEEN.otherDriver, 'another driver'],
]);

/** ORMs whose call sites are not known. */
const ORMS: ReadonlyMap<number, string> = new Map([
  [UNSEEN.drizzle, 'Drizzle'],
  [UNSEEN.prisma, 'Prisma'],
]);

/** @returns the bit of a driver that `instrument()` knows by this name, else that of all others. */
export function bitOfDriver(name: string): number {
  return keyOf(DRIVERS, name) ?? UNSEEN.otherDriver;
}

export function bitOfOrm(name: string): number {
  return keyOf(ORMS, name) ?? 0;
}

/** @param libraries bits of `UNSEEN`. */
export function unseenDriversIn(libraries: number): string[] {
  return namesIn(DRIVERS, libraries);
}

/** @param libraries bits of `UNSEEN`. */
export function unseenOrmsIn(libraries: number): string[] {
  return namesIn(ORMS, libraries);
}

/** One sentence for each. */
export function unseenProblems(libraries: number): string[] {
  return [
    ...unseenDriversIn(libraries).map(adviceOnDriver),
    ...unseenOrmsIn(libraries).map(adviceOnOrm),
  ];
}

/** That the driver is not seen, and what would change it. */
export function adviceOnDriver(name: string): string {
  const isKnown = bitOfDriver(name) !== UNSEEN.otherDriver;
  return `queries of ${name} are not recorded: ${
    isKnown
      ? 'give it to instrument() of hyperdjango/drivers, or preload hyperdjango/register'
      : 'where it is pg, postgres.js or PGlite, give it to instrument() of hyperdjango/drivers'
  }`;
}

export function adviceOnOrm(name: string): string {
  const object = name === 'Prisma' ? 'client' : 'database';
  return `call sites of ${name} are not known: give its ${object} to instrument() of hyperdjango/drivers`;
}

function keyOf(names: ReadonlyMap<number, string>, name: string): number | undefined {
  for (const [bit, known] of names) if (known === name) return bit;
  return undefined;
}

function namesIn(names: ReadonlyMap<number, string>, libraries: number): string[] {
  return [...names].flatMap(([bit, name]) => ((libraries & bit) === 0 ? [] : [name]));
}
