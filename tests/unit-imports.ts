import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';

/** Sources, and the unit test files that reach each of them. */
export interface UnitImports {
  /** Every source, by its path from the root. */
  readonly files: readonly string[];
  /**
   * Unit test files that import a file, directly or not, or are it: its own first (of the same path and name), then the
   * nearest, of these those that import least.
   */
  readonly testsOf: (file: string) => readonly string[];
}

const FOLDERS = ['main', 'renderer', 'electron', 'tests'];
/** Tests that are no unit tests, as in `vitest.config.ts`. */
const OTHER_KINDS = /^tests\/(?:integration|reference|interop|slurm|e2e|bench)\//;

/** Files of this repository that a source imports at run time, at once or later. */
const importsOf = (file: string, text: string): readonly string[] => {
  const found: string[] = [];
  const add = (from: ts.Node | undefined): void => {
    if (from !== undefined && ts.isStringLiteral(from) && from.text.startsWith('.'))
      found.push(path.posix.join(path.posix.dirname(file), from.text));
  };
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      if (statement.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword) add(statement.moduleSpecifier);
    } else if (ts.isExportDeclaration(statement) && !statement.isTypeOnly) add(statement.moduleSpecifier);
  }
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  if (text.includes('import(')) visit(source);
  return found;
};

/** Reads what every unit test file imports. */
export const unitImports = async (root: string): Promise<UnitImports> => {
  const imports = new Map<string, readonly string[]>();
  for (const folder of FOLDERS) {
    const names = await readdir(path.join(root, folder), { recursive: true });
    for (const name of names.filter((each) => /\.tsx?$/.test(each))) {
      const file = path.posix.join(folder, name.replaceAll(path.sep, '/'));
      imports.set(file, importsOf(file, await readFile(path.join(root, file), 'utf8')));
    }
  }
  const unitTests = [...imports.keys()].filter((file) => /\.test\.tsx?$/.test(file) && !OTHER_KINDS.test(file));
  /** Distance of everything that a test file reaches. */
  const reached = unitTests.map((test) => {
    const distances = new Map([[test, 0]]);
    for (const [file, distance] of distances)
      for (const next of imports.get(file) ?? []) if (!distances.has(next)) distances.set(next, distance + 1);
    return { test, distances };
  });
  const testsOf = (file: string): readonly string[] => {
    const own = `tests/${file.replace(/\.tsx?$/, '.test.ts')}`;
    return reached
      .flatMap(({ test, distances }) => {
        const distance = distances.get(file);
        if (distance === undefined) return [];
        return [{ test, distance: test === own || test === `${own}x` ? 0 : distance, size: distances.size }];
      })
      .sort((a, b) => a.distance - b.distance || a.size - b.size || a.test.localeCompare(b.test))
      .map(({ test }) => test);
  };
  return { files: [...imports.keys()].sort(), testsOf };
};
