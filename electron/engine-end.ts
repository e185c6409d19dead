/** How the engine's process came to its end, in words for the dialog. */
export interface EngineEnd {
  readonly message: string;
  readonly detail: string;
}

const SIGNALS: Readonly<Record<number, string>> = {
  4: 'an illegal instruction in native code',
  6: 'an abort in native code',
  9: 'it was killed, perhaps by the system for want of memory',
  11: 'a memory fault in native code',
  15: 'it was asked to end from outside',
};

/** Exit codes of a signal: 128 + n from a shell, n from Electron on POSIX; 0xC0000005 and the like on Windows. */
const reasonOf = (code: number): string => {
  const signal = SIGNALS[code >= 128 && code < 160 ? code - 128 : code];
  if (signal !== undefined) return signal;
  if (code >>> 0 === 0xc0000005) return 'a memory fault in native code';
  return code === 0 ? 'it ended by itself' : 'it failed';
};

/** `said`: what it reported before it went, if anything; `errors`: the end of its error output. */
export const describeEngineEnd = (
  code: number,
  said: { readonly message: string; readonly remedy: string } | null,
  errors: string,
): EngineEnd => {
  const safe = 'Runs keep every finished step; a job that was running can be resumed.';
  if (said !== null) return { message: said.message, detail: `${said.remedy}\n\n${safe}` };
  return {
    message: `The engine stopped (exit code ${code}): ${reasonOf(code)}.`,
    detail: [safe, errors.trim()].filter((text) => text !== '').join('\n\n'),
  };
};
