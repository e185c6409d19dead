import type { z } from 'zod';
import { parseForeignJson } from './parse-json.ts';
import { type ReadLimits, readTextIfThere } from './regular-file.ts';

/**
 * Reads a JSON file in the form of `schema`; null if there is no such file. `damaged` makes the error for invalid JSON
 * and for other forms.
 *
 * @throws what `damaged` returns, and those of `readTextIfThere`.
 */
export const readJsonIfThere = async <T extends z.ZodType>(
  file: string,
  schema: T,
  limits: ReadLimits,
  damaged: (cause: unknown) => Error,
): Promise<z.output<T> | null> => {
  const text = await readTextIfThere(file, limits);
  if (text === null) return null;
  try {
    return schema.parse(parseForeignJson(text));
  } catch (cause) {
    throw damaged(cause);
  }
};
