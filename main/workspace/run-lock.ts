import { randomBytes } from 'node:crypto';
import { lstat, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { jsonIn, refuse, WorkbenchError } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { createTurns, writeFileAtomically } from '../files/write-atomically.ts';
import { explainReadError, readRegularFile } from '../files/regular-file.ts';
import { processState, thisProcess } from '../files/process-alive.ts';

/** How often a holder renews its lock. */
export const HEARTBEAT_MS = 5_000;
/** A holder on another machine that has not renewed for this long counts as dead; clocks must differ by less. */
export const STALE_AFTER_MS = 120_000;
/** A lock takes a few hundred bytes. */
const MAX_LOCK_BYTES = 65_536;
/** Attempts before giving up when other processes keep taking the lock in between. */
const MAX_ATTEMPTS = 20;

const lockFile = z.object({
  token: boundedText,
  host: boundedText,
  machine: boundedText,
  pid: z.number(),
  startedAt: boundedText.nullable(),
  heartbeatAt: z.number(),
  released: z.boolean(),
});
type LockFile = z.infer<typeof lockFile>;

export interface LockHolder {
  readonly host: string;
  readonly pid: number;
  readonly heartbeatAt: number;
}

export interface RunLock {
  readonly token: string;
  /** Renews the lock unless it was released; false if someone else has taken it over (this process slept too long). */
  renew(): Promise<boolean>;
  /** Whether this process still holds the lock; writes nothing. */
  isHeld(): Promise<boolean>;
  /** `movedTo`: new path of the run's folder. */
  release(movedTo?: string): Promise<void>;
}

/** Counting from 1 never reaches longer numbers. */
const GENERATION = /^lock-(\d{1,15})\.json$/;

const generations = async (folder: string): Promise<number[]> =>
  (await readdir(folder))
    .flatMap((name) => {
      const match = GENERATION.exec(name);
      return match?.[1] === undefined ? [] : [Number(match[1])];
    })
    .sort((a, b) => b - a);

/** Generation of the current lock, which every takeover increases; null: there is none. */
export const lockGeneration = async (folder: string): Promise<number | null> => (await generations(folder))[0] ?? null;

const fileOf = (folder: string, generation: number): string => join(folder, `lock-${generation}.json`);

interface Current {
  readonly generation: number;
  /** Null where nobody holds the lock. */
  readonly holder: LockHolder | null;
}

/**
 * Whether a heartbeat is recent. One from the future means that some clock is wrong: then the file's modification time
 * counts, unless it lies in the future as well.
 */
const isRecent = (heartbeatAt: number, writtenAt: number, now: number): boolean => {
  const age = now - heartbeatAt;
  const known = Math.abs(age) < STALE_AFTER_MS || age > 0 ? age : now - writtenAt;
  return Math.abs(known) < STALE_AFTER_MS;
};

const isHeld = (lock: LockFile, writtenAt: number, now: number): boolean => {
  if (lock.released) return false;
  const state = lock.machine === thisProcess().machine ? processState(lock) : 'unsure';
  return state === 'alive' || (state === 'unsure' && isRecent(lock.heartbeatAt, writtenAt, now));
};

/** The text of a lock; null if it is not a regular file or is too large for a lock. */
const readLock = async (file: string): Promise<string | null> => {
  try {
    return (await readRegularFile(file, { mostBytes: MAX_LOCK_BYTES })).toString('utf8');
  } catch (error) {
    const isForeign = error instanceof WorkbenchError || ['ENXIO', 'ELOOP'].includes(fileErrorCode(error) ?? '');
    if (isForeign) return null;
    throw error;
  }
};

const current = async (folder: string, now: number): Promise<Current> => {
  const generation = (await generations(folder))[0];
  if (generation === undefined) return { generation: 0, holder: null };
  const file = fileOf(folder, generation);
  let text: string | null;
  let writtenAt: number;
  try {
    writtenAt = (await lstat(file)).mtimeMs;
    text = await readLock(file);
  } catch (error) {
    // Replaced by the next generation meanwhile; a dangling link stays.
    const isGone = fileErrorCode(error) === 'ENOENT' && (await generations(folder))[0] !== generation;
    if (isGone) return await current(folder, now);
    if (fileErrorCode(error) !== 'ENOENT') throw explainReadError(error, file);
    writtenAt = Number.NEGATIVE_INFINITY;
    text = null;
  }
  const parsed = lockFile.safeParse(text === null ? null : jsonIn(text));
  if (parsed.success) return { generation, holder: isHeld(parsed.data, writtenAt, now) ? parsed.data : null };
  // Its creator has not written it yet or died before doing so. Nobody creates a folder or a link as a lock.
  const isWaitedFor = text !== null && isRecent(writtenAt, writtenAt, now);
  return { generation, holder: isWaitedFor ? { host: 'unknown', pid: 0, heartbeatAt: writtenAt } : null };
};

/** Who works on the run in `folder` now; null: nobody. */
export const readLockHolder = async (folder: string, now: () => number = Date.now): Promise<LockHolder | null> =>
  (await current(folder, now())).holder;

export interface LockSettings {
  readonly now?: () => number;
  /** Takes the lock even from a holder that may be alive, which notices at its next renewal. */
  readonly takeOver?: boolean;
}

/**
 * Takes the lock of the run in `folder`, or refuses and names the holder. Locks have generations: a lock that is free
 * or whose holder is dead is taken by creating the next generation's file, which exactly one process can do (O_EXCL).
 * The newest file stays on release, so that no generation is used twice.
 */
export const acquireRunLock = async (
  folder: string,
  { now = Date.now, takeOver = false }: LockSettings = {},
): Promise<RunLock> => {
  const token = randomBytes(12).toString('hex');
  const content = (released: boolean): string => {
    const lock: LockFile = { token, ...thisProcess(), heartbeatAt: now(), released };
    return JSON.stringify(lock);
  };
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const { generation, holder } = await current(folder, now());
    if (holder !== null && !takeOver) {
      throw refuse(
        'run-locked',
        `The run in ${folder} is in use by process ${holder.pid} on ${holder.host} (last ` +
          `heartbeat ${timeOf(holder.heartbeatAt)}).`,
        'Wait until it ends, or cancel it there. If that process is gone: uncurl resume RUN --take-over.',
      );
    }
    const mine = generation + 1;
    const file = fileOf(folder, mine);
    try {
      const handle = await open(file, 'wx');
      try {
        await handle.writeFile(content(false));
        await handle.sync();
      } catch (error) {
        // On a full disk the file stays empty and would count as a lock about to be written.
        await rm(file, { force: true });
        throw error;
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (fileErrorCode(error) === 'EEXIST') continue;
      throw explainFileError(error, file);
    }
    const all = await generations(folder);
    if (all[0] !== mine) {
      // Other processes used this generation between our listing and our file, so it is not ours.
      await rm(file, { force: true });
      continue;
    }
    for (const old of all.filter((number) => number < mine)) {
      await rm(fileOf(folder, old), { force: true, recursive: true });
    }
    return heldLock(folder, mine, token, content);
  }
  throw refuse(
    'run-locked',
    `The run in ${folder} is being taken by several processes at once.`,
    'Try again in a moment.',
  );
};

/** Formats a time from a file that anybody may have written. */
const timeOf = (milliseconds: number): string =>
  Math.abs(milliseconds) <= MAX_DATE_MS ? new Date(milliseconds).toISOString() : 'at an invalid time';
/** Largest time that Date can represent. */
const MAX_DATE_MS = 8.64e15;

/**
 * A full disk has no room for another file, so the old one is overwritten in place. Read half-written, it counts as a
 * lock about to be written.
 */
const writeReleased = async (file: string, text: string): Promise<void> => {
  try {
    await writeFileAtomically(file, text);
  } catch (error) {
    if (!(error instanceof WorkbenchError && error.code === 'disk-full')) throw error;
    const handle = await open(file, 'r+');
    try {
      await handle.write(text, 0);
      await handle.truncate(Buffer.byteLength(text));
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
};

const heldLock = (folder: string, mine: number, token: string, content: (released: boolean) => string): RunLock => {
  const isNewest = async (at = folder): Promise<boolean> => (await generations(at))[0] === mine;
  let isReleased = false;
  // A renewal that began before a release and was written after it would restore the lock.
  const inTurn = createTurns();
  return {
    token,
    isHeld: isNewest,
    renew: () =>
      inTurn(async () => {
        if (!(await isNewest())) return false;
        if (!isReleased) await writeFileAtomically(fileOf(folder, mine), content(false));
        return true;
      }),
    release: (movedTo = folder) =>
      inTurn(async () => {
        if (await isNewest(movedTo)) await writeReleased(fileOf(movedTo, mine), content(true));
        isReleased = true;
      }),
  };
};
