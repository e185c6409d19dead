import { pathSignature } from '../files/path-signature.ts';

/** Keeps a value computed from a run's files as long as none of them changes. */
export type RunMemo<T> = (run: string, key: string, make: () => Promise<T>) => Promise<T>;

/**
 * Remembers the last `most` values, by run and key. Values of a run that is being worked on are computed each time, and
 * failures are not remembered.
 */
export const createRunMemo = <T>(
  folderOf: (run: string) => string,
  isLive: (run: string) => boolean,
  most: number,
): RunMemo<T> => {
  const known = new Map<string, { readonly signature: string; readonly value: Promise<T> }>();
  return async (run, key, make) => {
    if (isLive(run)) return make();
    const name = JSON.stringify([run, key]);
    const signature = await pathSignature(folderOf(run));
    const before = known.get(name);
    if (before?.signature === signature) return before.value;
    const value = make();
    known.delete(name);
    known.set(name, { signature, value });
    for (const oldest of [...known.keys()].slice(0, Math.max(0, known.size - most))) known.delete(oldest);
    try {
      return await value;
    } catch (error) {
      if (known.get(name)?.value === value) known.delete(name);
      throw error;
    }
  };
};
