import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';

/**
 * Who holds a lock. Two processes with the same `machine` see the same process table, so that `pid` and `startedAt`
 * together decide whether the holder lives; otherwise only the age of its heartbeat can.
 */
export interface ProcessIdentity {
  readonly host: string;
  readonly machine: string;
  readonly pid: number;
  /** Start of the process in clock ticks since boot (Linux); null where the system does not tell. */
  readonly startedAt: string | null;
}

const readOrNull = (read: () => string): string | null => {
  try {
    return read();
  } catch (error) {
    if (fileErrorCode(error) !== null) return null;
    throw error;
  }
};

/**
 * Field 22 of /proc/PID/stat; the name (field 2) may hold spaces and brackets, so count from its last bracket. Null of a
 * process that has ended, also of one that is still listed because nobody asked how it ended (field 3, Z): in a container
 * whose first process is no init it stays listed for ever.
 */
const processStart = (pid: number): string | null => {
  const stat = readOrNull(() => readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
};

export const thisProcess = (): ProcessIdentity => {
  const boot = readOrNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? '';
  const namespace = readOrNull(() => readlinkSync('/proc/self/ns/pid')) ?? '';
  return {
    host: hostname(),
    machine: [hostname(), boot, namespace].join(' '),
    pid: process.pid,
    startedAt: processStart(process.pid),
  };
};

/** Whether the process of this machine still runs: its number exists and was not given to a later process. */
export const isProcessAlive = (holder: ProcessIdentity): boolean => {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (fileErrorCode(error) === 'ESRCH') return false;
    if (fileErrorCode(error) !== 'EPERM') throw error;
  }
  return holder.startedAt === null || processStart(holder.pid) === holder.startedAt;
};

/** How often a holder renews its lock. */
export const HEARTBEAT_MS = 5_000;
/** A holder on another machine that has not renewed for this long is taken for dead; clocks may differ by less. */
export const STALE_AFTER_MS = 120_000;
/** Attempts before giving up when others keep taking the lock in between. */
const MAX_ATTEMPTS = 20;

const lockFile = z.object({
  token: z.string(),
  host: z.string(),
  machine: z.string(),
  pid: z.number().int(),
  startedAt: z.string().nullable(),
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
  /** Renews the lock; false when someone else has taken it over (this process was asleep for too long). */
  renew(): Promise<boolean>;
  release(): Promise<void>;
}

const GENERATION = /^lock-(\d+)\.json$/;

const generations = async (folder: string): Promise<number[]> =>
  (await readdir(folder))
    .flatMap((name) => {
      const match = GENERATION.exec(name);
      return match?.[1] === undefined ? [] : [Number(match[1])];
    })
    .sort((a, b) => b - a);

const fileOf = (folder: string, generation: number): string => join(folder, `lock-${String(generation)}.json`);

interface Current {
  readonly generation: number;
  /** Null where nobody holds the lock. */
  readonly holder: LockHolder | null;
}

const isHeld = (lock: LockFile, now: number): boolean => {
  if (lock.released) return false;
  return lock.machine === thisProcess().machine ? isProcessAlive(lock) : now - lock.heartbeatAt < STALE_AFTER_MS;
};

const current = async (folder: string, now: number): Promise<Current> => {
  const generation = (await generations(folder))[0];
  if (generation === undefined) return { generation: 0, holder: null };
  const file = fileOf(folder, generation);
  let text: string;
  let changedAt: number;
  try {
    text = await readFile(file, 'utf8');
    changedAt = (await stat(file)).mtimeMs;
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return await current(folder, now);
    throw error;
  }
  let json: unknown = null;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const parsed = lockFile.safeParse(json);
  if (parsed.success) return { generation, holder: isHeld(parsed.data, now) ? parsed.data : null };
  // Made by someone who has not written it yet, or who died before that.
  const holder = now - changedAt < STALE_AFTER_MS ? { host: 'unknown', pid: 0, heartbeatAt: changedAt } : null;
  return { generation, holder };
};

/** Who works on the run in `folder` right now; null: nobody. */
export const readLockHolder = async (folder: string, now: () => number = Date.now): Promise<LockHolder | null> =>
  (await current(folder, now())).holder;

/**
 * Takes the lock of the run in `folder`, or refuses with who holds it. Locks have generations: a lock that is free or
 * whose holder is dead is taken by making the next generation's file, which exactly one process can do (O_EXCL). A
 * generation is never used twice, because the newest file stays when it is released.
 */
export const acquireRunLock = async (folder: string, now: () => number = Date.now): Promise<RunLock> => {
  const token = randomBytes(12).toString('hex');
  const content = (released: boolean): string => {
    const lock: LockFile = { token, ...thisProcess(), heartbeatAt: now(), released };
    return JSON.stringify(lock);
  };
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const { generation, holder } = await current(folder, now());
    if (holder !== null) {
      throw refuse(
        'run-locked',
        `The run in ${folder} is being worked on by process ${String(holder.pid)} on ${holder.host} (last ` +
          `sign of life ${new Date(holder.heartbeatAt).toISOString()}).`,
        'Wait until it ends, or cancel it there.',
      );
    }
    const mine = generation + 1;
    const file = fileOf(folder, mine);
    try {
      const handle = await open(file, 'wx');
      try {
        await handle.writeFile(content(false));
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (fileErrorCode(error) === 'EEXIST') continue;
      throw explainFileError(error, file);
    }
    const all = await generations(folder);
    if (all[0] !== mine) {
      // Others went through this generation between our look and our file: it was used before, so it is not ours.
      await rm(file, { force: true });
      continue;
    }
    for (const old of all.filter((number) => number < mine)) {
      await rm(fileOf(folder, old), { force: true });
    }
    return heldLock(folder, mine, token, content);
  }
  throw refuse(
    'run-locked',
    `The run in ${folder} is being taken by several processes at once.`,
    'Try again in a moment.',
  );
};

const heldLock = (folder: string, mine: number, token: string, content: (released: boolean) => string): RunLock => {
  const isNewest = async (): Promise<boolean> => (await generations(folder))[0] === mine;
  return {
    token,
    renew: async () => {
      if (!(await isNewest())) return false;
      await writeFileAtomically(fileOf(folder, mine), content(false));
      return true;
    },
    release: async () => {
      if (await isNewest()) await writeFileAtomically(fileOf(folder, mine), content(true));
    },
  };
};
