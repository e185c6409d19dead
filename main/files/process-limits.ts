import { readFileSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import { fail, refuse, WorkbenchError } from '../contract/errors.ts';
import { fileErrorCode } from './file-errors.ts';

/** Limits that the system sets to this process; Infinity where there is none. */
export interface ProcessLimits {
  readonly openFiles: number;
  /** Bytes of addresses, used or reserved. */
  readonly addressBytes: number;
}

/** Files, sockets and event loops of threads of a sweep are about 50; below that Node itself aborts. */
const LEAST_OPEN_FILES = 128;
/** Node and its threads reserve about 6 GB, far more than they use; below that they abort. */
const LEAST_ADDRESS_BYTES = 10e9;

/** The limits in a text in the form of Linux's /proc/self/limits. */
export const limitsIn = (text: string): ProcessLimits => {
  const soft = (name: string): number => {
    const value = new RegExp(`^${name}\\s+(\\d+|unlimited)\\s`, 'm').exec(text)?.[1] ?? 'unlimited';
    return value === 'unlimited' ? Infinity : Number(value);
  };
  return { openFiles: soft('Max open files'), addressBytes: soft('Max address space') };
};

/** The limits of this process; none are known outside of Linux. */
export const processLimits = (): ProcessLimits => {
  try {
    return limitsIn(readFileSync('/proc/self/limits', 'utf8'));
  } catch (error) {
    if (fileErrorCode(error) === null) throw error;
    return { openFiles: Infinity, addressBytes: Infinity };
  }
};

/**
 * Refuses limits under which Node ends somewhere in the middle, with a stack of native code.
 *
 * @throws WorkbenchError refused: `too-few-open-files`, `too-few-addresses`.
 */
export const requireLimits = ({ openFiles, addressBytes }: ProcessLimits): void => {
  if (openFiles < LEAST_OPEN_FILES)
    throw refuse(
      'too-few-open-files',
      `This process may have ${openFiles} files open; at least ${LEAST_OPEN_FILES} are needed.`,
      'Raise the limit, for example: ulimit -n 1024.',
    );
  if (addressBytes < LEAST_ADDRESS_BYTES)
    throw refuse(
      'too-few-addresses',
      `The address space of this process is limited to ${(addressBytes / 1e9).toFixed(1)} GB; Node and its threads ` +
        `reserve more (at least ${LEAST_ADDRESS_BYTES / 1e9} GB are needed), whatever they use.`,
      'Lift the limit (ulimit -v unlimited). To limit memory, use --memory, a container or a cluster job.',
    );
};

/** Codes of errors that say nothing about the file or the work, but that the machine lacks something. */
const LACKING: ReadonlySet<string> = new Set(['too-many-open-files', 'no-memory', 'no-thread', 'disk-full']);

/** Whether an error says that files, memory, threads or room on the disk ran out. */
export const isLack = (error: unknown): boolean => error instanceof WorkbenchError && LACKING.has(error.code);

/** CPU time that a thread has used so far; 0 where this Node does not report it (before 24.6). */
export const processorMs = async (thread: Worker): Promise<number> => {
  if (!('cpuUsage' in thread)) return 0;
  // A thread that has ended or not yet started reports none.
  const { user, system } = await thread.cpuUsage().catch(() => ({ user: 0, system: 0 }));
  return (user + system) / 1000;
};

/** The error of a thread that could not be started for lack of something; null for other errors. */
export const noThread = (error: unknown): WorkbenchError | null =>
  error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_INIT_FAILED'
    ? fail(
        'no-thread',
        `A thread could not be started (${error.message}): open files, threads, addresses or memory ran out.`,
        'Raise the limits of this process (ulimit -n, -u, -v) or close other programs, and try again.',
        error,
      )
    : null;
