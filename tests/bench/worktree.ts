import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/** The clone that the benchmarks run in. */
export const root = path.join(import.meta.dirname, '..', '..');

const git = (...args: readonly string[]): string =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();

const lockFile = z.object({ packages: z.record(z.string(), z.object({ version: z.string().optional() })) });

/** Versions of the packages in the lock file of a clone, by folder. */
const packagesOf = (clone: string): ReadonlyMap<string, string | undefined> => {
  const { packages } = lockFile.parse(JSON.parse(readFileSync(path.join(clone, 'package-lock.json'), 'utf8')));
  return new Map(Object.entries(packages).flatMap(([name, { version }]) => (name === '' ? [] : [[name, version]])));
};

/** The short name of the commit that a revision names. */
export const commitOf = (revision: string): string => git('rev-parse', '--short', `${revision}^{commit}`);

/**
 * Adds a worktree of the revision in a folder that does not exist yet, with hard links to the packages of this clone
 * where they include all that its lock file names, else with its own installation.
 */
export const addWorktree = (revision: string, folder: string): void => {
  git('worktree', 'add', '--quiet', '--detach', folder, revision);
  const [here, there] = [packagesOf(root), packagesOf(folder)];
  const areHere = [...there].every(([name, version]) => here.get(name) === version);
  // A link to the whole folder would not do: an installation in either tree would empty it for both.
  const link = ['-al', path.join(root, 'node_modules'), path.join(folder, 'node_modules')];
  const isLinked = areHere && spawnSync('cp', link, { stdio: 'ignore' }).status === 0;
  if (!isLinked) execFileSync('npm', ['ci', '--loglevel=error'], { cwd: folder, stdio: ['ignore', 2, 2] });
};

export const removeWorktree = (folder: string): void => {
  git('worktree', 'remove', '--force', folder);
};
