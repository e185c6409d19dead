import { app, utilityProcess } from 'electron';
import type { Details, Event, MessagePortMain } from 'electron';
import { withAllocation } from '../main/contract/allocation.ts';
import type { ForkedProcess } from './forked-process.ts';
import { killSurely } from './kill-surely.ts';

/** Electron reports a signal a few milliseconds after `exit` (which has code 0 then), or later on a busy machine. */
const SIGNAL_LIMIT_MS = 2_000;

/** The number of the signal that just ended a process of this name; 0 if there was none. */
const endingSignal = (serviceName: string): Promise<number> =>
  new Promise((resolve) => {
    const settle = (code: number): void => {
      app.off('child-process-gone', onGone);
      clearTimeout(limit);
      resolve(code);
    };
    const onGone = (_event: Event, { name, exitCode }: Details): void => {
      if (name === serviceName) settle(exitCode);
    };
    app.on('child-process-gone', onGone);
    const limit = setTimeout(() => settle(0), SIGNAL_LIMIT_MS);
  });

/** Starts a bundled engine program in Electron's utilityProcess; its argument is `settings` as JSON. */
export const forkUtility = (script: string, settings: object, serviceName: string): ForkedProcess<MessagePortMain> => {
  const child = utilityProcess.fork(script, [JSON.stringify(settings)], {
    serviceName,
    env: withAllocation(process.env),
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let isUnwanted = false;
  child.once('spawn', () => {
    if (isUnwanted) killSurely(child);
  });
  return {
    stderr: child.stderr,
    postMessage: (message, ports) => child.postMessage(message, ports),
    onMessage: (listener) => void child.on('message', listener),
    onExit: (listener) =>
      void child.once('exit', (code) => {
        if (code === 0) void endingSignal(serviceName).then(listener);
        else listener(code);
      }),
    kill: () => {
      isUnwanted = true;
      killSurely(child);
    },
  };
};
