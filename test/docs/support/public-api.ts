/** The public surface, as TypeScript sees it in the built package. */
import { join } from 'node:path';
import ts from 'typescript';

import { ROOT } from '../../support/processes.ts';
import { readText } from './files.ts';

export interface PublicSymbol {
  /** Such as `Profiler`, or `Profiler.span` for a member. */
  readonly name: string;
  /** The subpath that it is documented under, such as `hyperdjango/profiling`. */
  readonly module: string;
  readonly kind: 'class' | 'function' | 'interface' | 'type' | 'member';
  readonly documentation: string;
  readonly examples: readonly string[];
  readonly declaration: ts.Declaration;
}

/** What every program over the package's declarations is made with: a strict user's settings. */
export const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: true,
  noEmit: true,
};

/**
 * Every symbol that `exports` in package.json lets users import, once, and the members of the
 * classes and interfaces among them. Those marked `@internal` are not in the declarations.
 */
export function publicSymbols(): PublicSymbol[] {
  const { exports } = JSON.parse(readText('package.json')) as {
    exports: Record<string, string | { require: { types: string } }>;
  };
  const doors = Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === 'string'
      ? []
      : [{ module: join('hyperdjango', subpath), path: join(ROOT, target.require.types) }],
  );
  const program = ts.createProgram(
    doors.map(({ path }) => path),
    compilerOptions,
  );
  const checker = program.getTypeChecker();
  const symbols = new Map<ts.Symbol, PublicSymbol>();
  // The root only re-exports: last, so that a symbol stands under its own subpath.
  for (const { module, path } of doors.toReversed()) {
    const source = program.getSourceFile(path);
    const door = source && checker.getSymbolAtLocation(source);
    if (door === undefined) throw new Error(`${path} is no module: run npm run build`);
    for (const exported of checker.getExportsOfModule(door)) {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
      if (symbols.has(symbol)) continue;
      symbols.set(symbol, describe(checker, symbol, exported.name, module));
      for (const member of symbol.members?.values() ?? []) {
        if (/^(?:__|#)/.test(member.name)) continue;
        const name = `${exported.name}.${member.name}`;
        symbols.set(member, { ...describe(checker, member, name, module), kind: 'member' });
      }
    }
  }
  return [...symbols.values()];
}

function describe(
  checker: ts.TypeChecker,
  symbol: ts.Symbol,
  name: string,
  module: string,
): PublicSymbol {
  const [declaration] = symbol.declarations ?? [];
  if (declaration === undefined) throw new Error(`${name} is declared nowhere`);
  return {
    name,
    module,
    kind: kindOf(declaration),
    documentation: ts.displayPartsToString(symbol.getDocumentationComment(checker)),
    examples: symbol
      .getJsDocTags(checker)
      .filter((tag) => tag.name === 'example')
      .map((tag) => ts.displayPartsToString(tag.text)),
    declaration,
  };
}

function kindOf(declaration: ts.Declaration): PublicSymbol['kind'] {
  if (ts.isClassDeclaration(declaration)) return 'class';
  if (ts.isFunctionDeclaration(declaration)) return 'function';
  if (ts.isInterfaceDeclaration(declaration)) return 'interface';
  return 'type';
}

/** The text of a member's or symbol's first tag of that name. */
export function tagText(declaration: ts.Declaration, name: string): string | undefined {
  const tag = ts.getJSDocTags(declaration).find(({ tagName }) => tagName.text === name);
  return tag && (ts.getTextOfJSDocComment(tag.comment) ?? '');
}
