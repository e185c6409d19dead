import { type ProbeEnd, providerName } from '../contract/device.ts';
import { measureProvider } from '../inference/providers/measure-provider.ts';
import { endWithParent } from './end-with-parent.ts';

/**
 * Entry point of the process that probes one execution provider and is then discarded: a driver may crash or hang there
 * without harm. Its arguments are the provider and an empty folder for its files. Started by Node
 * (`child_process.fork`) or by Electron (`utilityProcess.fork`). Sends a single message, the result of the probe, and
 * waits to be killed, or for its parent's end.
 */
interface Host {
  /** Present in Electron's utilityProcess. */
  readonly parentPort?: { postMessage(message: unknown): void };
  /** Present in a process with an IPC channel. */
  readonly send?: (message: unknown) => boolean;
}

const speakerOf = (host: Host): ((message: ProbeEnd) => void) => {
  const { parentPort, send } = host;
  if (parentPort !== undefined) return (message) => parentPort.postMessage(message);
  if (send !== undefined) {
    // Electron ends its processes with the shell.
    endWithParent();
    return (message) => void send.call(host, message);
  }
  throw new Error('provider-probe is started by the engine, not by hand');
};

const say = speakerOf(process);

const describe = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
};

const [, , provider, folder = ''] = process.argv;
measureProvider(providerName.parse(provider), folder).then(
  (measurement) => say({ kind: 'measured', measurement }),
  (error: unknown) => say({ kind: 'failed', message: describe(error) }),
);
// An Electron process would end with its last task; the answer is in transit until the parent ends this process.
setInterval(() => undefined, 60_000);
