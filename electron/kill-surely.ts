/** A process that has not ended this long after it was asked to is killed. */
const FORCED_AFTER_MS = 1_000;

export interface KillableProcess {
  readonly pid?: number | undefined;
  /** Asks it to end (SIGTERM; Windows kills it at once). */
  kill(): unknown;
  once(event: 'exit', listener: () => void): unknown;
}

/** Ends a process whatever it is doing: one that computes without pause or is stopped ignores SIGTERM. */
export const killSurely = (child: KillableProcess): void => {
  const { pid } = child;
  child.kill();
  if (pid === undefined) return;
  const force = setTimeout(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // It has just ended on its own, and its `exit` comes next.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }, FORCED_AFTER_MS);
  child.once('exit', () => clearTimeout(force));
};
