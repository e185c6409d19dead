import { app, utilityProcess } from 'electron';
import type { Details, Event, MessagePortMain } from 'electron';
import type { EngineProcessSettings } from '../main/contract/engine-control.ts';
import type { ForkedProcess } from './engine-process.ts';

const SERVICE_NAME = 'Uncurl engine';
/** Electron tells of a signal a few milliseconds after `exit`, which has code 0 then; later on a busy machine. */
const SIGNAL_LIMIT_MS = 2_000;

/** The signal that ended the engine's process just now, as a number; 0 where there was none. */
const endingSignal = (): Promise<number> =>
  new Promise((resolve) => {
    const settle = (code: number): void => {
      app.off('child-process-gone', onGone);
      clearTimeout(limit);
      resolve(code);
    };
    const onGone = (_event: Event, { name, exitCode }: Details): void => {
      if (name === SERVICE_NAME) settle(exitCode);
    };
    app.on('child-process-gone', onGone);
    const limit = setTimeout(() => settle(0), SIGNAL_LIMIT_MS);
  });

/** Starts the bundled engine in Electron's utilityProcess. */
export const forkEngine = (script: string, settings: EngineProcessSettings): ForkedProcess<MessagePortMain> => {
  const child = utilityProcess.fork(script, [JSON.stringify(settings)], {
    serviceName: SERVICE_NAME,
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  return {
    stderr: child.stderr,
    postMessage: (message, ports) => child.postMessage(message, ports),
    onMessage: (listener) => void child.on('message', listener),
    onExit: (listener) =>
      void child.once('exit', (code) => {
        if (code === 0) void endingSignal().then(listener);
        else listener(code);
      }),
    kill: () => void child.kill(),
  };
};
