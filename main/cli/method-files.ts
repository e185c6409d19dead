import { basename } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { suggestion } from '../contract/nearest-name.ts';
import { methodName, type MethodName } from '../contract/plan.ts';
import type { SweepSettings } from '../contract/sweep.ts';
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
    `--method "${value}" is not file:NAME=FILE, NAME being lower-case words joined by hyphens and no method's name.`,
    'Give it such a name, an equals sign and the file.',
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

/** The methods of a sweep from `--method`: names of built-in methods, and files with their text. */
export const readMethods = async (
  given: readonly string[],
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
      files[method] = { name: basename(named.file), text: await readTextFile(named.file, `the method ${method}`) };
    }
    methods.push(method);
  }
  return { methods, files };
};
