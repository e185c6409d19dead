import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { WorkbenchError } from '../contract/errors.ts';
import { isSystemError } from './file-errors.ts';
import { parseForeignJson } from './parse-json.ts';
import { readTextIfThere } from './regular-file.ts';
import { writeFileAtomically } from './write-atomically.ts';

// Files that may be missing: caches, which are then made again, and seals and marks, which then vouch for nothing.

/** The content of such a file; null where it is missing, damaged or unreadable. */
export const readKept = async <T extends z.ZodType>(
  file: string,
  mostBytes: number,
  schema: T,
): Promise<z.output<T> | null> => {
  try {
    const text = await readTextIfThere(file, { mostBytes });
    return text === null ? null : (schema.safeParse(parseForeignJson(text)).data ?? null);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof WorkbenchError) return null;
    throw error;
  }
};

/** Writes such a file, in a folder for this user alone; does nothing where the folder cannot be written. */
export const writeKept = async (file: string, text: string): Promise<void> => {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFileAtomically(file, text);
  } catch (error) {
    if (!(error instanceof WorkbenchError) && !isSystemError(error)) throw error;
  }
};
