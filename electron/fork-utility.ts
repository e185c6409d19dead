import { app, utilityProcess, type Details, type Event, type MessagePortMain, MessageChannelMain } from 'electron';
import { withAllocation } from '../main/contract/allocation.ts';
import { killSurely } from './kill-surely.ts';
import type { EngineProcessSettings } from '../main/contract/engine-control.ts';
import type { LineSettings } from '../main/contract/remote.ts';
import type { ForkedProcess, StartCompute } from './computes.ts';
import { followProbe } from '../main/contract/follow-probe.ts';
import type { StartProbe } from './engine-process.ts';

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
const forkUtility = (script: string, settings: object, serviceName: string): ForkedProcess<MessagePortMain> => {
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

/** Starts the bundled engine in Electron's utilityProcess. */
export const forkEngine = (script: string, settings: EngineProcessSettings): ForkedProcess<MessagePortMain> =>
  forkUtility(script, settings, 'Uncurl engine');

/** Starts the program of a line to another machine in Electron's utilityProcess. */
export const forkLine = (script: string, settings: LineSettings): ForkedProcess<MessagePortMain> =>
  forkUtility(script, settings, 'Uncurl line');

/**
 * Starts the bundled compute program in a utilityProcess, since the engine's process cannot start any (Electron's fuses
 * forbid it), and connects the two by a channel that bypasses this process.
 */
export const forkCompute =
  (script: string): StartCompute<MessagePortMain> =>
  (settings) => {
    const { port1, port2 } = new MessageChannelMain();
    const child = forkUtility(script, settings, 'Uncurl compute');
    child.postMessage({}, [port1]);
    return { child, port: port2 };
  };

/**
 * Starts the bundled probe in a utilityProcess: Electron's fuses leave no other way to run Node code in a separate
 * process. It has normal GPU access, since a utilityProcess is not sandboxed.
 */
export const forkProbe =
  (script: string): StartProbe =>
  (provider, folder) => {
    const child = utilityProcess.fork(script, [provider, folder], {
      serviceName: 'Uncurl device probe',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return followProbe({
      onMessage: (listener) => void child.on('message', listener),
      onExit: (listener) => void child.once('exit', listener),
      // A process that cannot be started exits, and V8 writes a fatal error to standard error.
      onError: () => undefined,
      onErrorOutput: (listener) => void child.stderr?.on('data', (chunk: Buffer) => listener(chunk.toString())),
      kill: () => void child.kill(),
    });
  };
