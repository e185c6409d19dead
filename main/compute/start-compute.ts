import { fork } from 'node:child_process';
import type { ComputeOrder, ComputeSettings } from '../contract/compute.ts';
import type { ProcessEnd } from '../contract/process-end.ts';
import { engineProgram } from '../files/engine-program.ts';

/** A compute process, whatever host started it. Messages are plain data. */
export interface ComputeProcess {
  post(order: ComputeOrder): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once; `errors`: the end of its standard error. */
  onEnd(listener: (end: ProcessEnd, errors: string) => void): void;
  /** Ends it at once, whatever it is doing. */
  kill(): void;
}

/** Starts the compute process of an engine. */
export type StartCompute = (settings: ComputeSettings) => ComputeProcess;

/** Maximum number of characters of standard error in a message. */
const ERRORS_KEPT = 1_000;

/** `StartCompute` for an engine in plain Node. Electron's processes cannot fork Node: there the shell does it. */
export const forkCompute: StartCompute = (settings) => {
  // This process's options (a debugger's port, a test runner's loader) are not for the other.
  const child = fork(engineProgram('compute-process'), [JSON.stringify(settings)], {
    execArgv: [],
    // As Electron's ports do it: what cannot be cloned there is refused here too.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk);
    errors = `${errors}${chunk.toString()}`.slice(-ERRORS_KEPT);
  });
  let failure: Error | null = null;
  child.on('error', (error) => {
    // A failed start emits no exit; for one that is ending, `close` follows.
    failure = error;
  });
  return {
    post: (order) => {
      // A message to a process that is ending is answered by its end.
      if (child.connected) child.send(order, () => undefined);
    },
    onMessage: (listener) => void child.on('message', listener),
    onEnd: (listener) => {
      child.once('close', (code, signal) => listener(signal ?? code ?? 0, failure === null ? errors : failure.message));
    },
    kill: () => void child.kill('SIGKILL'),
  };
};
