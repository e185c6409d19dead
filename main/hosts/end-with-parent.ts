import { Worker } from 'node:worker_threads';

/** Interval at which the parent is checked. */
const LOOK_EVERY_MS = 250;

/**
 * Runs in a thread, which stays responsive while native code blocks the main one. When a parent dies, another process
 * becomes the parent (POSIX), or its process id becomes invalid.
 */
const WATCH = `
  const { workerData } = require('node:worker_threads');
  const isGone = () => {
    if (process.ppid !== workerData.parent) return true;
    try {
      process.kill(workerData.parent, 0);
      return false;
    } catch (error) {
      return error.code === 'ESRCH';
    }
  };
  setInterval(() => {
    if (isGone()) process.kill(process.pid, 'SIGKILL');
  }, workerData.everyMs);
`;

/** Kills this process soon after its parent has ended, however that ended and whatever this process is doing. */
export const endWithParent = (): void => {
  const watch = new Worker(WATCH, {
    eval: true,
    workerData: { parent: process.ppid, everyMs: LOOK_EVERY_MS },
    execArgv: [],
  });
  watch.unref();
};
