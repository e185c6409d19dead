import { readdirSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const { PRIORITY_BELOW_NORMAL } = constants.priority;

const lower = (thread: number): void => {
  try {
    if (getPriority(thread) < PRIORITY_BELOW_NORMAL) setPriority(thread, PRIORITY_BELOW_NORMAL);
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
