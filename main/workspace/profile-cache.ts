import { stat } from 'node:fs/promises';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { readProfileFile } from './profile-file.ts';

export interface ProfileCacheLimits {
  /** Limit for all cached profiles together; a larger profile is read each time. */
  readonly mostBytes: number;
  /** How long a profile stays after its last use. */
  readonly keptMs: number;
}

/** A profile of a model of 48 layers x 512 experts has 300 MB. */
const MOST_BYTES = 2 ** 29;
/** Cached profiles share memory with weights: they may take this part of the weights' budget. */
const BUDGET_SHARE = 1 / 8;
const KEPT_MS = 60_000;

/** Limits of the cache for a weight budget of `memoryBudgetBytes`. */
export const profileCacheLimits = (memoryBudgetBytes: number): ProfileCacheLimits => ({
  mostBytes: Math.min(MOST_BYTES, memoryBudgetBytes * BUDGET_SHARE),
  keptMs: KEPT_MS,
});

export interface ProfileCache {
  /** Statistics of the first task of a profile; callers must not modify them. */
  read(file: string): Promise<RoutingStatistics | null>;
  readonly heldBytes: number;
}

interface Entry {
  readonly bytes: number;
  /** Identifies the version of the file. */
  readonly stamp: string;
  readonly statistics: Promise<RoutingStatistics | null>;
  timer: ReturnType<typeof setTimeout> | null;
}

/** Statistics of the first task of a profile; null where it contains none. */
export const readFirstProfile = async (file: string): Promise<RoutingStatistics | null> =>
  (await readProfileFile(file)).tasks[0]?.statistics ?? null;

/**
 * Caches the profiles used last: while a slider is dragged, every plan needs the same one, which can have hundreds of
 * megabytes for a large model. A replaced file is read again, since a profile found to be wrong is recomputed under the
 * same name.
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
  /** Marks an entry as the one used last. */
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
      const statistics = readFirstProfile(file);
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
