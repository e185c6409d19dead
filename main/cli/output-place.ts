import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { refuse } from '../contract/errors.ts';
import type { OptionReader } from './option-values.ts';
import type { VerbOption } from './verb.ts';

export const OUT_FILE: Readonly<Record<string, VerbOption>> = {
  out: { type: 'string', value: 'FILE', help: 'File to write.' },
  force: { type: 'boolean', help: 'Replace the file if it exists.' },
};

/** The file that `--out` names, checked before any work: it must not exist, unless `--force` is given. */
export const outFile = (reader: OptionReader): string => {
  const path = resolve(reader.requiredText('out'));
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) throw refuse('out-is-folder', `${path} is a folder.`, 'Name a file.');
    if (!reader.flag('force'))
      throw refuse('out-exists', `${path} exists.`, 'Name another file, or give --force to replace it.');
  }
  return path;
};

/** The folder that `--out` names: it must not exist, whatever is given, and its parent must. */
export const outFolder = (reader: OptionReader): string => {
  const path = resolve(reader.requiredText('out'));
  if (existsSync(path))
    throw refuse(
      'out-exists',
      `${path} exists.`,
      'Name a folder that does not exist yet: nothing is ever overwritten.',
    );
  if (!existsSync(dirname(path)))
    throw refuse('no-such-folder', `${dirname(path)} does not exist.`, 'Make it first, or name another place.');
  return path;
};
