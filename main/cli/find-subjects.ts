import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { bundledModels, bundledTasks } from '../workspace/library.ts';
import { suggestion } from './nearest-name.ts';

const looksLikePath = (name: string): boolean => name.includes('/') || name.includes('\\') || name.startsWith('.');

const find = (kind: string, named: string, bundled: ReadonlyMap<string, string>): string => {
  const path = resolve(named);
  if (existsSync(path)) return path;
  const known = bundled.get(named);
  if (known !== undefined) return known;
  if (looksLikePath(named)) throw refuse(`no-such-${kind}`, `${path} does not exist.`, 'Check the path.');
  const names = [...bundled.keys()];
  const hint = names.length === 0 ? `No ${kind}s are bundled.` : suggestion(named, names);
  throw refuse(`no-such-${kind}`, `"${named}" is neither a path nor the name of a bundled ${kind}.`, hint);
};

/** Folder of a MODEL argument: a model folder, or the name of a bundled model. */
export const findModel = async (resources: string, named: string): Promise<string> =>
  find('model', named, await bundledModels(resources));

/** Paths of T arguments: task folders and files, names of bundled tasks (also separated by commas), or `all`. */
export const findTasks = async (resources: string, named: readonly string[]): Promise<readonly string[]> => {
  const bundled = await bundledTasks(resources);
  const names = named.flatMap((name) => {
    if (name === 'all' && !existsSync(resolve(name))) return [...bundled.keys()];
    return name.includes(',') && !existsSync(resolve(name)) ? name.split(',').map((part) => part.trim()) : [name];
  });
  if (names.length === 0)
    throw refuse(
      'bad-usage',
      'No task is named.',
      'Give --task with a task folder, a task file (.jsonl, .parquet, .txt, .yaml) or the name of a bundled task.',
    );
  return [...new Set(names.map((name) => find('task', name, bundled)))];
};
