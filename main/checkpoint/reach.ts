import type { BlockDescriptor } from './descriptor.ts';

/** Which of the earlier tokens a token of a block sees: those in a window, those of its chunk, or all. */
export type Reach = Pick<BlockDescriptor, 'window' | 'chunk'>;

/** Blocks that reach equally far have the same key. */
export const reachKey = ({ window, chunk }: Reach): string => `${window} ${chunk}`;

/** The first position that the token at `position` sees; it sees all from there up to itself. */
export const firstSeen = ({ window, chunk }: Reach, position: number): number => {
  if (chunk !== null) return position - (position % chunk);
  return window === null ? 0 : position - window + 1;
};

/** Something for every reach among blocks, by its key. */
export const byReach = <T>(blocks: readonly Reach[], make: (reach: Reach) => T): ReadonlyMap<string, T> => {
  const made = new Map<string, T>();
  for (const block of blocks) if (!made.has(reachKey(block))) made.set(reachKey(block), make(block));
  return made;
};
