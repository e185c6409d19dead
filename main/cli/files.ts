import { existsSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import type { OptionReader } from './option-values.ts';
import type { VerbOption } from './verb.ts';

/** Larger files are not what a person hands over on a command line, and would end at V8's longest string. */
const MAX_BYTES = 256 * 2 ** 20;

export const readTextFile = async (file: string, what: string): Promise<string> => {
  const path = resolve(file);
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES)
      throw refuse('file-too-large', `${path} has ${String(size)} bytes (limit ${String(MAX_BYTES)}).`, 'Split it.');
    return await readFile(path, 'utf8');
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT')
      throw refuse('missing-file', `${path} (${what}) does not exist.`, 'Check the path.', error);
    if (fileErrorCode(error) === 'EISDIR')
      throw refuse('missing-file', `${path} (${what}) is a folder.`, 'Name a file.', error);
    throw explainFileError(error, path);
  }
};

/** A value of the form that `schema` describes, from JSON text; refuses anything else, naming `place`. */
export const parseJson = <T extends z.ZodType>(text: string, schema: T, place: string): z.output<T> => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refuse(
      'bad-json',
      `${place}: not JSON (${cause instanceof Error ? cause.message : String(cause)}).`,
      'Repair it.',
      cause,
    );
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refuse(
    'bad-json',
    `${place}: ${issue === undefined ? 'unexpected form' : `${issue.path.join('.') || 'value'}: ${issue.message}`}.`,
    'Repair it.',
  );
};

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
