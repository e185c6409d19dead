import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { unitImports } from './unit-imports.ts';

/**
 * `npm run test:changed`: vitest on the unit test files nearest to what differs from the last commit, as many as take
 * about a minute on two cores. Most of the engine is imported by half of all unit tests, most of which are about
 * something else; `npm test` runs those.
 */
const MOST_FILES = 20;

const root = path.resolve(import.meta.dirname, '..');
const git = (...words: readonly string[]): readonly string[] =>
  execFileSync('git', words, { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((name) => name !== '');

const changed = new Set([
  ...git('diff', '--name-only', '-z', '--no-renames', 'HEAD'),
  ...git('ls-files', '--others', '--exclude-standard', '-z'),
]);
const { files, testsOf } = await unitImports(root);
const lists = files.filter((file) => changed.has(file)).map(testsOf);
const all = new Set(lists.flat());
/** In turns, so that every changed file has its nearest tests. */
const inTurns = Array.from({ length: Math.max(0, ...lists.map(({ length }) => length)) }, (_, rank) =>
  lists.flatMap((list) => list[rank] ?? []),
).flat();
const nearest = [...new Set(inTurns)].slice(0, MOST_FILES);
process.stdout.write(
  `${String(nearest.length)} of the ${String(all.size)} unit test files that import what has changed: the nearest\n`,
);
if (nearest.length > 0) {
  const [, , ...vitest] = process.argv;
  const { status } = spawnSync(process.execPath, [...vitest, ...nearest], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
