import { fork } from 'node:child_process';
import { followProbe } from '../../contract/follow-probe.ts';
import { engineProgram } from '../../files/engine-program.ts';
import type { ProbeEnd, ProviderName } from '../../contract/device.ts';

/** Tries a provider in a process of its own, with its files in an empty folder, and returns how that ended. */
export type StartProbe = (provider: ProviderName, folder: string) => Promise<ProbeEnd>;

/** As `StartProbe`, for an engine in plain Node (command line and `serve`). Electron's processes cannot fork Node. */
export const forkProbe: StartProbe = (provider, folder) => {
  // Options of this process (a debugger's port, a test runner's loader) are not for the probe.
  const child = fork(engineProgram('provider-probe'), [provider, folder], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return followProbe({
    onMessage: (listener) => void child.on('message', listener),
    // Its last output may arrive after its exit.
    onExit: (listener) => void child.once('close', (code, signal) => listener(signal ?? code ?? 0)),
    onError: (listener) => void child.once('error', listener),
    onErrorOutput: (listener) => void child.stderr?.on('data', (chunk: Buffer) => listener(chunk.toString())),
    kill: () => void child.kill('SIGKILL'),
  });
};

interface RememberedProbes {
  /** Tries a provider, and stores the measurement. */
  readonly start: StartProbe;
  /** A provider's last measurement; tries it if there is none. */
  readonly recall: StartProbe;
}

/** Caches measurements for processes that ask later: a probe of a graphics processor takes seconds. */
export const rememberProbes = (startProbe: StartProbe): RememberedProbes => {
  const measured = new Map<ProviderName, ProbeEnd>();
  const start: StartProbe = async (provider, folder) => {
    const end = await startProbe(provider, folder);
    if (end.kind === 'measured') measured.set(provider, end);
    else measured.delete(provider);
    return end;
  };
  return {
    start,
    recall: async (provider, folder) => measured.get(provider) ?? start(provider, folder),
  };
};
