/** The examples of the documentation: found, type-checked, and made into programs that run. */
import { join } from 'node:path';
import ts from 'typescript';

import { ROOT } from '../../support/processes.ts';
import { documents, readText } from './files.ts';
import { parsePage } from './markdown.ts';
import { compilerOptions, type PublicSymbol } from './public-api.ts';

export interface Example {
  /** `Profiler (hyperdjango/profiling)`, or `docs/pool.md:6`. */
  readonly title: string;
  readonly code: string;
  /** False for what is marked `no-run`: it is only type-checked. */
  readonly runs: boolean;
}

/** What the examples call their database. */
const DATABASE_URL = 'postgres://localhost/mydb';

/** The examples in the docstrings of what users can import. */
export function docstringExamples(symbols: readonly PublicSymbol[]): Example[] {
  return symbols.flatMap(({ name, module, examples }) =>
    examples.flatMap((text) =>
      parsePage(text, name).blocks.map(({ info, code }) => ({
        title: `${name} (${module})`,
        code,
        runs: info !== 'ts no-run',
      })),
    ),
  );
}

/** The blocks of TypeScript in README.md, CONTRIBUTING.md and `docs/`. */
export function pageExamples(): Example[] {
  return documents().flatMap((path) =>
    parsePage(readText(path), path)
      .blocks.filter(({ info }) => /^(?:ts|typescript)\b/.test(info))
      .map(({ info, code, line }) => ({
        title: `${path}:${line}`,
        code,
        runs: info !== 'ts no-run',
      })),
  );
}

/**
 * Type-checks all examples in one program, each as a module that imports the built package by
 * its name.
 *
 * @returns the errors of each example, in their order.
 */
export function typeErrors(examples: readonly Example[]): string[][] {
  const files = new Map(
    examples.map(({ code }, index) => [join(ROOT, `example-${index}.ts`), `${code}\nexport {};\n`]),
  );
  const host = ts.createCompilerHost(compilerOptions);
  host.fileExists = (path) => files.has(path) || ts.sys.fileExists(path);
  host.readFile = (path) => files.get(path) ?? ts.sys.readFile(path);
  const program = ts.createProgram([...files.keys()], compilerOptions, host);
  return [...files.keys()].map((path) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(path)).map((diagnostic) => {
      const { line } = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0) ?? {
        line: 0,
      };
      return `line ${line + 1}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`;
    }),
  );
}

/**
 * An example as JavaScript that runs by itself: on the database given, on any free port, with its
 * `// value` comments as assertions, and ended after its last line, whatever still listens.
 */
export function toProgram(code: string, databaseUrl: string): string {
  const checked = withAssertions(code)
    .replaceAll(DATABASE_URL, databaseUrl)
    .replaceAll(/\bport: \d+/g, 'port: 0');
  const { outputText } = ts.transpileModule(checked, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  return [
    `import { deepStrictEqual as __equal } from 'node:assert/strict';`,
    outputText,
    `process.exit();`,
  ].join('\n');
}

/** How many `// value` comments of an example are asserted. */
export function assertionCount(code: string): number {
  return statementsWithValues(code).length;
}

interface StatementWithValue {
  readonly expression: ts.Expression;
  /** The text of a literal. */
  readonly value: string;
}

/**
 * `expression; // value` and `console.log(expression); // value` become assertions where the
 * comment is nothing but a literal: a number, a quoted string, true, false, null, undefined, or
 * arrays and objects of these.
 */
function withAssertions(code: string): string {
  let text = code;
  for (const { expression, value } of statementsWithValues(code).toReversed()) {
    const [start, end] = [expression.getStart(), expression.getEnd()];
    text = `${text.slice(0, start)}__equal(${text.slice(start, end)}, ${value})${text.slice(end)}`;
  }
  return text;
}

function statementsWithValues(code: string): StatementWithValue[] {
  const source = ts.createSourceFile('example.ts', code, ts.ScriptTarget.ES2022, true);
  const found: StatementWithValue[] = [];
  function visit(node: ts.Node): void {
    if (ts.isExpressionStatement(node)) {
      const value = /^[^\S\n]*\/\/ (.+)/.exec(code.slice(node.getEnd()))?.[1];
      if (value !== undefined && isLiteralText(value)) {
        found.push({ expression: shownBy(node.expression), value });
      }
    }
    ts.forEachChild(node, visit);
  }
  visit(source);
  return found;
}

function shownBy(expression: ts.Expression): ts.Expression {
  const isLog =
    ts.isCallExpression(expression) && expression.expression.getText() === 'console.log';
  return (isLog ? expression.arguments[0] : undefined) ?? expression;
}

function isLiteralText(text: string): boolean {
  const source = ts.createSourceFile('value.ts', `(${text})`, ts.ScriptTarget.ES2022, true);
  const [statement] = source.statements;
  return (
    source.statements.length === 1 &&
    statement !== undefined &&
    ts.isExpressionStatement(statement) &&
    statement.getText() === `(${text})` &&
    isLiteral(statement.expression)
  );
}

function isLiteral(node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node)) return isLiteral(node.expression);
  if (ts.isArrayLiteralExpression(node)) return node.elements.every(isLiteral);
  if (ts.isObjectLiteralExpression(node)) {
    return node.properties.every(
      (property) => ts.isPropertyAssignment(property) && isLiteral(property.initializer),
    );
  }
  if (ts.isPrefixUnaryExpression(node)) return ts.isNumericLiteral(node.operand);
  return (
    ts.isStringLiteral(node) ||
    ts.isNumericLiteral(node) ||
    ts.isBigIntLiteral(node) ||
    node.kind === ts.SyntaxKind.TrueKeyword ||
    node.kind === ts.SyntaxKind.FalseKeyword ||
    node.kind === ts.SyntaxKind.NullKeyword ||
    (ts.isIdentifier(node) && node.text === 'undefined')
  );
}
