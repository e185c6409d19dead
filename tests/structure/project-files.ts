import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';

export const root = path.resolve(import.meta.dirname, '..', '..');

/** Lines of JSON in a file that exists, each as the schema says. */
export const jsonLines = <T>(file: string, schema: z.ZodType<T>): readonly T[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => schema.parse(JSON.parse(line)));

const walk = (folder: string, ignored: ReadonlySet<string>): readonly string[] =>
  readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const relative = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (ignored.has(entry.name) || ignored.has(relative)) return [];
    return entry.isDirectory() ? walk(relative, ignored) : [relative];
  });

/**
 * Files of the project, as paths from the root with `/`: those that git tracks or would add; in a copy without git, all
 * that .gitignore does not exclude.
 */
export const projectFiles = (): readonly string[] => {
  if (existsSync(path.join(root, '.git'))) {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
    return [...new Set(listed.toString('utf8').split('\0'))]
      .filter((file) => file !== '' && existsSync(path.join(root, file)))
      .sort();
  }
  const ignored = readFileSync(path.join(root, '.gitignore'), 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('/'))
    .map((line) => line.slice(0, -1));
  return [...walk('', new Set(ignored))].sort();
};
