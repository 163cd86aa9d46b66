import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { TestDatabase } from '../../support/postgres.ts';
import { CHECKS, createItems, type Run, runBehaviour, runCases } from './checks.ts';
import { type Column, COLUMNS, type Library } from './libraries.ts';
import { type Cell, type Row, writeTable } from './table.ts';

/** Proves every column for every library, and writes the table where all of it was run. */
export function proveRows(table: string, libraries: readonly Library[]): void {
  const rows: Row[] = [];
  describe.each(libraries)('$label', (library) => {
    const cells: Partial<Record<Column, Cell>> = {};
    let database: TestDatabase;
    let run: Run;

    beforeAll(async () => {
      database = await createItems();
      run = await runCases(library, database);
    });

    afterAll(async () => {
      await database.drop();
      for (const [column, why] of Object.entries(library.impossible ?? {})) {
        cells[column as Column] = { isProven: false, why };
      }
      rows.push({ label: library.label, cells });
    });

    for (const column of COLUMNS) {
      if (library.impossible?.[column] !== undefined || column === 'cannot tell') continue;
      const proof = CHECKS[column];
      it(proof.title, () => {
        proof.check(run);
        cells[column] = { isProven: true };
      });
    }

    it('looks the same to the application with and without the hooks', async () => {
      const without = await runBehaviour(library, database, false);
      expect(await runBehaviour(library, database, true)).toEqual(without);
      cells['cannot tell'] = { isProven: true };
    });
  });

  afterAll(async () => {
    // A run of a few tests must not write a table with holes.
    const isWhole = rows.every(({ cells }) => COLUMNS.every((column) => column in cells));
    if (isWhole && rows.length === libraries.length) await writeTable(table, COLUMNS, rows);
  });
}
