import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileErrorCode } from './file-errors.ts';
import { fileState } from './regular-file.ts';

/** A link that leads nowhere stays the same as long as it leads nowhere. */
const stateIfReadable = (file: string): Promise<string> =>
  stat(file).then(fileState, (error: unknown) => {
    const code = fileErrorCode(error);
    if (code === null) throw error;
    return code;
  });

/** Names, sizes and times of a folder's files (or of a file): while it stays the same, so does what was read there. */
export const pathSignature = async (path: string): Promise<string> => {
  try {
    const own = await stat(path);
    if (!own.isDirectory()) return fileState(own);
    const names = (await readdir(path)).sort();
    const parts = await Promise.all(
      names.map(async (name) => {
        return `${name} ${await stateIfReadable(join(path, name))}`;
      }),
    );
    return parts.join('\n');
  } catch (error) {
    // Missing or unreadable: opening it will say so, and a later look is worth a new try.
    if (fileErrorCode(error) !== null) return `unreadable ${String(Math.random())}`;
    throw error;
  }
};

/**
 * Remembers what `load` made of a path until the files there change, or those of the `further` places that it is read
 * from. Failures are not remembered.
 */
export const createPathCache = <T>(
  load: (path: string) => Promise<T>,
  further: (path: string) => Promise<readonly string[]> = () => Promise.resolve([]),
): ((path: string) => Promise<T>) => {
  const cache = new Map<string, { readonly signature: string; readonly value: Promise<T> }>();
  return async (path) => {
    const signatures = await Promise.all([path, ...(await further(path))].map(pathSignature));
    const signature = signatures.join('\n\n');
    const known = cache.get(path);
    if (known?.signature === signature) return known.value;
    const value = load(path);
    cache.set(path, { signature, value });
    try {
      return await value;
    } catch (error) {
      cache.delete(path);
      throw error;
    }
  };
};
