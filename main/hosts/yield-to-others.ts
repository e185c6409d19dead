import { readdirSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

/** Windows has classes; elsewhere a third of what others get, so that a busy machine does not stop computing. */
export const COMPUTE_PRIORITY = process.platform === 'win32' ? constants.priority.PRIORITY_BELOW_NORMAL : 5;

const lower = (thread: number): void => {
  try {
    if (getPriority(thread) < COMPUTE_PRIORITY) setPriority(thread, COMPUTE_PRIORITY);
  } catch (error) {
    // A thread that has ended meanwhile needs no priority.
    if (!(error instanceof Error && error.message.includes('ESRCH'))) throw error;
  }
};

/**
 * Gives this process a priority below that of the window and the engine, so that computing takes the processors only
 * when they have nothing to do. A process that was started with an even lower one keeps it.
 */
export const yieldToOthers = (): void => {
  // On Linux each thread has its own; later ones, such as those of a runtime, take that of the thread that starts them.
  const threads = process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [0];
  for (const thread of threads) lower(thread);
};
