import { utilityProcess } from 'electron';
import { followProbe } from '../main/contract/follow-probe.ts';
import type { StartProbe } from './engine-process.ts';

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
