export interface Random {
  below(limit: number): number;
  pick<Item>(list: readonly Item[]): Item;
  chance(n: number): boolean;
}
export function createRandom(seed: number): Random;
export function literal(random: Random, text?: string): string;
export function validStatement(random: Random): string;
export function anyStatement(random: Random, examples?: readonly string[]): string;
export const ADVERSARIES: Readonly<Record<string, (bytes: number) => string>>;
