import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { hasMoreLines } from '../files/count-lines.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { readTextIfThere, readUnchanged } from '../files/regular-file.ts';
import { type OptionReader, switchOption, valueOption, type VerbOption } from './verb.ts';

/** Larger files are not meant for a command line, and could exceed V8's longest string. */
const MAX_BYTES = 256 * 2 ** 20;
/** The most items that a task may have. */
const MAX_LINES = 4_000_000;

export const readTextFile = async (file: string, what: string): Promise<string> => {
  const path = resolve(file);
  let text: string | null;
  try {
    text = await readUnchanged(() => readTextIfThere(path, { mostBytes: MAX_BYTES }));
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === 'not-a-file')
      throw refuse('missing-file', `${path} (${what}) is not a file: ${error.message}`, 'Name a file.', error);
    throw error;
  }
  if (text === null) throw refuse('missing-file', `${path} (${what}) does not exist.`, 'Check the path.');
  if (hasMoreLines(text, MAX_LINES))
    throw refuse('file-too-large', `${path} (${what}) has more than ${String(MAX_LINES)} lines.`, 'Split the file.');
  return text;
};

/** Parses JSON text by `schema`; refuses anything else, naming `location`. */
export const parseJson = <T extends z.ZodType>(text: string, schema: T, location: string): z.output<T> => {
  let json: unknown;
  try {
    json = parseForeignJson(text);
  } catch (cause) {
    throw refuse(
      'bad-json',
      `${location}: not JSON (${cause instanceof Error ? cause.message : String(cause)}).`,
      'Repair it.',
      cause,
    );
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refuse(
    'bad-json',
    `${location}: ${issue === undefined ? 'unexpected form' : `${issue.path.join('.') || 'value'}: ${issue.message}`}.`,
    'Repair it.',
  );
};

export const OUT_FILE: Readonly<Record<string, VerbOption>> = {
  out: valueOption('FILE', 'File to write.'),
  force: switchOption('Replace the file if it exists.'),
};

/** The file that `--out` names, checked before any work: it must not exist unless `--force` is given. */
export const outFile = (reader: OptionReader): string => {
  const path = resolve(reader.requiredText('out'));
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) throw refuse('out-is-folder', `${path} is a folder.`, 'Name a file.');
    if (!reader.flag('force'))
      throw refuse('out-exists', `${path} exists.`, 'Name another file, or give --force to replace it.');
  }
  return path;
};

/** The folder that `--out` names: it must not exist, even with `--force`, and its parent must exist. */
export const outFolder = (reader: OptionReader): string => {
  const path = resolve(reader.requiredText('out'));
  if (existsSync(path))
    throw refuse(
      'out-exists',
      `${path} exists.`,
      'Name a folder that does not exist yet: nothing is ever overwritten.',
    );
  if (!existsSync(dirname(path)))
    throw refuse('no-such-folder', `${dirname(path)} does not exist.`, 'Make it first, or name another folder.');
  return path;
};
