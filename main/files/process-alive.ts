import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileErrorCode } from './file-errors.ts';

/**
 * Holder of a lock. Processes with the same `machine` see the same process table, so `pid` and `startedAt` together
 * decide whether the holder is alive; otherwise only the age of its heartbeat can.
 */
export interface ProcessIdentity {
  readonly host: string;
  readonly machine: string;
  readonly pid: number;
  /** Start of the process in clock ticks since boot (Linux); null where the system does not report it. */
  readonly startedAt: string | null;
}

/** State of a process id in the process table: the start of its process, ended, or unknown. */
type ProcessStart =
  { readonly kind: 'started'; readonly at: string } | { readonly kind: 'ended' } | { readonly kind: 'unknown' };

const readOrNull = (read: () => string): string | null => {
  try {
    return read();
  } catch (error) {
    if (fileErrorCode(error) !== null) return null;
    throw error;
  }
};

/**
 * Field 22 of /proc/PID/stat. The name (field 2) may contain spaces and brackets, so count from its last bracket. A
 * zombie (field 3, Z) counts as ended: in a container whose first process is not an init it stays listed for ever.
 */
const processStart = (pid: number): ProcessStart => {
  const stat = readOrNull(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === null) return { kind: 'unknown' };
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return { kind: 'ended' };
  return fields[19] === undefined ? { kind: 'unknown' } : { kind: 'started', at: fields[19] };
};

export const thisProcess = (): ProcessIdentity => {
  const boot = readOrNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? '';
  const namespace = readOrNull(() => readlinkSync('/proc/self/ns/pid')) ?? '';
  const start = processStart(process.pid);
  return {
    host: hostname(),
    machine: [hostname(), boot, namespace].join(' '),
    pid: process.pid,
    startedAt: start.kind === 'started' ? start.at : null,
  };
};

/** Largest process id; 0 and below mean process groups. */
const MAX_PID = 2 ** 31 - 1;

/**
 * Whether the process still runs on this machine: its id exists and was not reused. `unsure` if the id exists and the
 * system (macOS, Windows) does not report its start: then its heartbeat must decide.
 */
export const processState = (holder: ProcessIdentity): 'alive' | 'dead' | 'unsure' => {
  if (!Number.isInteger(holder.pid) || holder.pid < 1 || holder.pid > MAX_PID) return 'dead';
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (fileErrorCode(error) === 'ESRCH') return 'dead';
    if (fileErrorCode(error) !== 'EPERM') throw error;
  }
  const start = processStart(holder.pid);
  if (start.kind === 'ended') return 'dead';
  if (start.kind === 'unknown' || holder.startedAt === null) return 'unsure';
  return start.at === holder.startedAt ? 'alive' : 'dead';
};

/** Machines by a short hash, since their names may contain any character. */
const machineMark = (machine: string): string => createHash('sha256').update(machine).digest('hex').slice(0, 8);

/**
 * A mark of this process, and of no other call, for the name of a folder: it tells the remains of a killed process
 * from work in progress.
 */
export const ownerMark = (): string => {
  const { machine, pid, startedAt } = thisProcess();
  return [machineMark(machine), String(pid), startedAt ?? '', randomBytes(6).toString('hex')].join('-');
};

const OWNER = /^([0-9a-f]{8})-(\d{1,10})-(\d*)-[0-9a-f]{12}$/;

/** Whether the process of a mark still runs; `unsure` of another machine, an unknown start, and what is no mark. */
export const ownerState = (mark: string): ReturnType<typeof processState> => {
  const [, machine, pid, startedAt] = OWNER.exec(mark) ?? [];
  const here = thisProcess();
  if (machine !== machineMark(here.machine)) return 'unsure';
  return processState({ ...here, pid: Number(pid), startedAt: startedAt === '' ? null : (startedAt ?? null) });
};
