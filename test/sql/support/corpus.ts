/** Statements that were collected elsewhere; see the README of the folder beside the project. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../../shared/corpus/', import.meta.url));

export interface ReferenceRow {
  readonly sql: string;
  readonly fingerprint: string;
  readonly normalized: string | null;
  readonly kind: string;
  readonly lits?: readonly number[];
  readonly params?: readonly number[];
  readonly comments?: readonly number[];
}

export interface HostileRow {
  readonly cls: string;
  readonly sql: string;
}

export interface RuleRow {
  readonly group: string;
  readonly class: number | string;
  readonly sql: string;
  readonly fingerprint: string;
}

/** Tests that need the corpus run where this is true; {@link announceCorpus} says where it isn't. */
export const hasCorpus: boolean = existsSync(folder);

export function announceCorpus(): void {
  if (!hasCorpus) {
    console.warn(`The SQL corpus is not at ${folder}: these tests run on our own statements only.`);
  }
}

function read<Row>(path: string): readonly Row[] {
  const lines = readFileSync(`${folder}${path}`, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
}

function readFolder<Row>(path: string): readonly Row[] {
  return readdirSync(`${folder}${path}`).flatMap((file) => read<Row>(`${path}/${file}`));
}

/** Statements with what PostgreSQL's own scanner and parser say of them. */
export function referenceRows(): readonly ReferenceRow[] {
  return hasCorpus
    ? [...readFolder<ReferenceRow>('orm'), ...readFolder<ReferenceRow>('postgres')]
    : [];
}

export function hostileRows(): readonly HostileRow[] {
  return hasCorpus ? read<HostileRow>('hostile.jsonl') : [];
}

export function ruleRows(): readonly RuleRow[] {
  return hasCorpus ? read<RuleRow>('rules.jsonl') : [];
}

/** Every statement there is. */
export function corpusStatements(): readonly string[] {
  if (!hasCorpus) return [];
  const rows = [
    ...referenceRows(),
    ...readFolder<{ sql: string }>('streams'),
    ...hostileRows(),
    ...ruleRows(),
    ...read<{ sql: string }>('pgss15.jsonl'),
  ];
  return rows.map((row) => row.sql);
}
