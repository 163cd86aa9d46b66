import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from '../../support/processes.ts';

const PAGE = join(ROOT, 'docs/compatibility.md');

/** A cell: proven, perhaps in a word, or why the library itself makes it impossible. */
export type Cell =
  | { readonly isProven: true; readonly text?: string }
  | { readonly isProven: false; readonly why: string };

export interface Row {
  readonly label: string;
  readonly cells: Readonly<Partial<Record<string, Cell>>>;
}

/** Writes the table between its markers in the page, and leaves the rest as it is. */
export async function writeTable(
  name: string,
  columns: readonly string[],
  rows: readonly Row[],
): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const [start, end] = [`<!-- ${name}: made by the suite -->`, `<!-- end of ${name} -->`];
  const from = page.indexOf(start);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/compatibility.md has no place for ${name}`);
  const reasons: string[] = [];
  const lines = rows.map(({ label, cells }) => {
    const texts = columns.map((column) => {
      const cell = cells[column];
      if (cell === undefined) throw new Error(`${label} has no cell for ${column}`);
      if (cell.isProven) return cell.text ?? '✓';
      if (!reasons.includes(cell.why)) reasons.push(cell.why);
      return `${reasons.indexOf(cell.why) + 1}`;
    });
    return `| ${[label, ...texts].join(' | ')} |`;
  });
  const table = [
    `| | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => ':-:').join('|')}|`,
    ...lines,
    ...(reasons.length > 0 ? ['', ...reasons.map((why, index) => `${index + 1}. ${why}`)] : []),
  ].join('\n');
  await writeFile(PAGE, `${page.slice(0, from + start.length)}\n\n${table}\n\n${page.slice(to)}`);
}
