import { stat } from 'node:fs/promises';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { readProfileFile } from './profile-file.ts';

export interface ProfileCacheLimits {
  /** Of all profiles that are kept; a larger one is read each time. */
  readonly mostBytes: number;
  /** Kept for so long after it was last asked for. */
  readonly keptMs: number;
}

/** That of a model of 48 layers x 512 experts has 300 MB. */
const MOST_BYTES = 2 ** 29;
/** Profiles lie in memory beside the weights: no more than this part of what those may take. */
const BUDGET_SHARE = 1 / 8;
const KEPT_MS = 60_000;

/** What is kept for the next plan where weights may take `memoryBudgetBytes`. */
export const profileCacheLimits = (memoryBudgetBytes: number): ProfileCacheLimits => ({
  mostBytes: Math.min(MOST_BYTES, memoryBudgetBytes * BUDGET_SHARE),
  keptMs: KEPT_MS,
});

export interface ProfileCache {
  /** Statistics of the first task of a profile; not to be changed by whoever reads them. */
  read(file: string): Promise<RoutingStatistics | null>;
  /** Bytes that are held. */
  readonly heldBytes: number;
}

interface Entry {
  readonly bytes: number;
  /** Of which file of that name, written when. */
  readonly stamp: string;
  readonly statistics: Promise<RoutingStatistics | null>;
  timer: ReturnType<typeof setTimeout> | null;
}

const readFirst = async (file: string): Promise<RoutingStatistics | null> =>
  (await readProfileFile(file)).tasks[0]?.statistics ?? null;

/**
 * Keeps profiles that were read, those asked for last: while a slider is dragged every plan needs the same one, which
 * of a large model has hundreds of megabytes. A file that takes the place of another is read anew: what turned out to
 * be wrong is computed again under the same name.
 */
export const createProfileCache = ({ mostBytes, keptMs }: ProfileCacheLimits): ProfileCache => {
  const entries = new Map<string, Entry>();
  let heldBytes = 0;
  const drop = (file: string): void => {
    const entry = entries.get(file);
    if (entry === undefined) return;
    if (entry.timer !== null) clearTimeout(entry.timer);
    entries.delete(file);
    heldBytes -= entry.bytes;
  };
  /** Makes it the one that was asked for last. */
  const touch = (file: string, entry: Entry): void => {
    if (entry.timer !== null) clearTimeout(entry.timer);
    entry.timer = setTimeout(() => drop(file), keptMs);
    entry.timer.unref();
    entries.delete(file);
    entries.set(file, entry);
  };
  return {
    get heldBytes() {
      return heldBytes;
    },
    read: async (file) => {
      const { size, mtimeMs, ctimeMs, ino } = await stat(file);
      const stamp = [size, mtimeMs, ctimeMs, ino].join(' ');
      const known = entries.get(file);
      if (known?.stamp === stamp) {
        touch(file, known);
        return known.statistics;
      }
      drop(file);
      const statistics = readFirst(file);
      if (size > mostBytes) return statistics;
      const entry: Entry = { bytes: size, stamp, statistics, timer: null };
      heldBytes += size;
      touch(file, entry);
      for (const oldest of entries.keys()) {
        if (heldBytes <= mostBytes) break;
        drop(oldest);
      }
      try {
        return await statistics;
      } catch (error) {
        if (entries.get(file) === entry) drop(file);
        throw error;
      }
    },
  };
};
