import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileErrorCode } from './file-errors.ts';

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

/** Field 22 of /proc/PID/stat; the name (field 2) may hold spaces and brackets, so count from its last bracket. */
const processStart = (pid: number): string | null => {
  const stat = readOrNull(() => readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
  return stat === null ? null : (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null);
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
