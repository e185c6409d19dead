import type { z } from 'zod';
import { parseForeignJson } from './parse-json.ts';
import { type ReadLimits, readTextIfThere } from './regular-file.ts';

/**
 * What a JSON file holds, in the form of `schema`; null where there is no such file. `damaged` words what is no JSON or
 * of another form.
 *
 * @throws what `damaged` gives, and as `readTextIfThere`.
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
