import path from 'node:path';
import { createVitest } from 'vitest/node';
import { z } from 'zod';
import vitestConfig from '../../../vitest.config.ts';
import { mutantSchema, type Mutant } from './mutate.ts';

/** Runs test files for `mutants.ts`, its parent: each order names a file, and the mutant that it is run with. */
const order = z.object({ test: z.string(), mutant: mutantSchema.nullable() });

const root = path.resolve(import.meta.dirname, '..', '..', '..');
const project = vitestConfig.test?.projects?.[0];
if (typeof project !== 'object' || !('test' in project)) throw new Error('vitest.config.ts has no unit project');

let current: Mutant | null = null;
/** Whether a test has loaded the mutant: one that it does not reach says nothing about it. */
let isLoaded = false;
const vitest = await createVitest(
  {
    ...project.test,
    root,
    config: false,
    watch: false,
    pool: 'forks',
    maxWorkers: 1,
    bail: 1,
    reporters: [],
    // Kept on disk, modules would be the unchanged ones.
    fsModuleCache: false,
  },
  {
    plugins: [
      {
        name: 'mutant',
        enforce: 'pre',
        transform: (code, id) => {
          if (current === null || id !== path.join(root, current.file)) return null;
          isLoaded = true;
          return `${code.slice(0, current.start)}${current.text}${code.slice(current.end)}`;
        },
      },
    ],
  },
);

/** The first failing test of a file with the current mutant; null if all pass. */
const failureOf = async (test: string): Promise<string | null> => {
  const specifications = await vitest.globTestSpecifications([path.join(root, test)]);
  if (specifications.length !== 1) return `there are ${String(specifications.length)} files ${test}`;
  // What failed before would end this run too, at its first test.
  vitest.state.filesMap.clear();
  vitest.state.idMap.clear();
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  for (const module of testModules.filter(({ moduleId }) => moduleId === path.join(root, test))) {
    for (const each of module.children.allTests('failed')) return each.fullName;
    const [error] = module.errors();
    if (error !== undefined) return error.message;
    if (module.state() !== 'passed') return `the file was ${module.state()}`;
  }
  const [error] = unhandledErrors;
  return error === undefined ? null : JSON.stringify(error);
};

process.on('message', (message) => {
  const { test, mutant } = order.parse(message);
  for (const changed of [current, mutant]) if (changed !== null) vitest.invalidateFile(path.join(root, changed.file));
  current = mutant;
  isLoaded = mutant === null;
  void failureOf(test).then(
    (failed) => process.send?.({ failed, isLoaded }),
    (error: unknown) => process.send?.({ failed: String(error), isLoaded }),
  );
});
process.send?.('ready');
