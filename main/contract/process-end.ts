/** How a process of the workbench ended: an exit code, or the signal that ended it, by name or number. */
export type ProcessEnd = number | string;

const REASONS: Readonly<Record<string, string>> = {
  SIGILL: 'an illegal instruction in native code',
  SIGABRT: 'an abort in native code, as where memory, threads or open files run out',
  SIGTRAP: 'an abort in native code, as where memory or addresses run out',
  SIGBUS: 'a file that it had mapped became shorter, or its disk failed',
  SIGKILL: 'it was killed, perhaps by the system for lack of memory',
  SIGSEGV: 'a memory fault in native code',
  SIGTERM: 'another process asked it to end',
};

const SIGNALS: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  5: 'SIGTRAP',
  6: 'SIGABRT',
  7: 'SIGBUS',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
};

/**
 * The signal behind an exit code: 128 + n from a shell, n from Electron on POSIX, 0xC0000005 and the like on Windows.
 */
const signalOf = (end: ProcessEnd): string | undefined => {
  if (typeof end === 'string') return end;
  if (end >>> 0 === 0xc0000005) return 'SIGSEGV';
  return SIGNALS[end >= 128 && end < 160 ? end - 128 : end];
};

/** Why a process ended, phrased to follow a colon. */
export const endingReason = (end: ProcessEnd): string => {
  const signal = signalOf(end);
  const reason = signal === undefined ? undefined : REASONS[signal];
  if (reason !== undefined) return reason;
  if (typeof end === 'string') return `the signal ${end}`;
  return end === 0 ? 'it exited on its own' : 'it failed';
};

/** What a process said at its end, without the addresses of native code, which tell a reader nothing. */
export const saidAtEnd = (errors: string): string =>
  errors
    .replace(/\n*-+ ?Native stack trace -+[^]*$/, '')
    .replace(/^[\s#]+$/gm, '')
    .replace(/\n{2,}/g, '\n')
    .trim();

/** Whether a process was probably ended by the system for lack of memory. */
export const isLackOfMemory = (end: ProcessEnd): boolean => signalOf(end) === 'SIGKILL';
