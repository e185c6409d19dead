import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';

/** Sources, and the unit test files that reach each of them. */
export interface UnitImports {
  /** Modules of the engine, by their path from the root. */
  readonly modules: readonly string[];
  /** Unit test files that import a module, directly or not: the nearest first, then those that import least. */
  readonly testsOf: (module: string) => readonly string[];
}

/** Folders of `tests` whose files are no unit tests, as in `vitest.config.ts`. */
const OTHER_KINDS = ['integration', 'reference', 'interop', 'slurm', 'e2e', 'bench', 'structure'];

/** Files that a source imports at run time, from the same repository. */
const importsOf = (file: string, text: string): readonly string[] => {
  const found: string[] = [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const isType = ts.isImportDeclaration(statement)
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
    const from = statement.moduleSpecifier;
    if (isType || from === undefined || !ts.isStringLiteral(from) || !from.text.startsWith('.')) continue;
    found.push(path.posix.join(path.posix.dirname(file), from.text));
  }
  return found;
};

/** Reads what every unit test file imports. */
export const unitImports = async (root: string): Promise<UnitImports> => {
  const imports = new Map<string, readonly string[]>();
  for (const folder of ['main', 'tests']) {
    const names = await readdir(path.join(root, folder), { recursive: true });
    for (const name of names.filter((each) => /\.tsx?$/.test(each))) {
      const file = `${folder}/${name}`;
      imports.set(file, importsOf(file, await readFile(path.join(root, file), 'utf8')));
    }
  }
  const unitTests = [...imports.keys()].filter(
    (file) => /\.test\.ts$/.test(file) && !OTHER_KINDS.includes(file.split('/')[1] ?? ''),
  );
  /** Distances of everything that a test file reaches. */
  const reached = new Map(
    unitTests.map((test) => {
      const distances = new Map([[test, 0]]);
      for (const [file, distance] of distances)
        for (const next of imports.get(file) ?? []) if (!distances.has(next)) distances.set(next, distance + 1);
      return [test, distances] as const;
    }),
  );
  const testsOf = (module: string): readonly string[] =>
    [...reached]
      .flatMap(([test, distances]) => {
        const distance = distances.get(module);
        return distance === undefined ? [] : [{ test, distance, size: distances.size }];
      })
      .sort((a, b) => a.distance - b.distance || a.size - b.size || a.test.localeCompare(b.test))
      .map(({ test }) => test);
  return { modules: [...imports.keys()].filter((file) => file.startsWith('main/')).sort(), testsOf };
};
