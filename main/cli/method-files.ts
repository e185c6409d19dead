import { basename } from 'node:path';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import { suggestion } from '../contract/nearest-name.ts';
import { methodName, type MethodName } from '../contract/plan.ts';
import type { SweepSettings } from '../contract/sweep.ts';
import { isCountsFile, readRankingText } from '../pruning/expert-files/ranking-file.ts';
import { methodNames } from '../pruning/methods.ts';
import { readTextFile } from './files.ts';

const PREFIX = 'file:';

/** A method that is read from a file: its name and path. */
export interface NamedFile {
  readonly name: MethodName;
  readonly file: string;
}

/** Parses `file:NAME=FILE`; null where the value names a built-in method. */
export const namedFile = (value: string): NamedFile | null => {
  if (!value.startsWith(PREFIX)) return null;
  const [, name = '', file = ''] = /^([^=]*)=(.+)$/.exec(value.slice(PREFIX.length)) ?? [];
  const isFree = methodName.safeParse(name).success && !methodNames.includes(name);
  if (isFree && file !== '') return { name, file };
  throw refuse(
    'bad-value',
    `--method "${value}" does not have the form file:NAME=FILE.`,
    'Choose a NAME of lower-case words joined by hyphens that no method has, for example file:mine=ranking.json.',
  );
};

/** A path may contain commas: a value that begins with `file:` is one file; all other values are lists. */
const valuesOf = (given: readonly string[]): readonly string[] =>
  given.flatMap((value) =>
    value.startsWith(PREFIX)
      ? [value]
      : value
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== ''),
  );

/** The text of a method's file. Counts of tokens become a ranking, which fits the model that they were taken from. */
const textOf = async (
  { name, file }: NamedFile,
  models: readonly string[],
  say: (line: string) => void,
): Promise<string> => {
  if (!isCountsFile(file)) return readTextFile(file, `the method ${name}`);
  const [model] = models;
  if (model === undefined || models.length > 1)
    throw refuse(
      'bad-value',
      `The counts in ${file} belong to one model, and ${models.length} are swept.`,
      'Sweep that model alone, or make a ranking for each with `uncurl plan`.',
    );
  const { text, notes } = await readRankingText(file, await openCheckpoint(model));
  for (const note of notes) say(note);
  return text;
};

/** The methods of a sweep from `--method`: names of built-in methods, and files with their text. */
export const readMethods = async (
  given: readonly string[],
  models: readonly string[],
  say: (line: string) => void,
): Promise<{ readonly methods: readonly MethodName[]; readonly files: NonNullable<SweepSettings['files']> }> => {
  const methods: MethodName[] = [];
  const files: NonNullable<SweepSettings['files']> = {};
  for (const value of valuesOf(given)) {
    const named = namedFile(value);
    const method = named?.name ?? value;
    if (named === null && !methodNames.includes(method))
      throw refuse('bad-value', `--method "${value}" is unknown.`, suggestion(value, methodNames));
    if (named !== null) {
      if (method in files)
        throw refuse('bad-value', `Two files are called "${method}".`, 'Give each a name of its own.');
      files[method] = { name: basename(named.file), text: await textOf(named, models, say) };
    }
    methods.push(method);
  }
  return { methods, files };
};
