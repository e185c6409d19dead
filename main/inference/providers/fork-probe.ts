import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { refuse } from '../../contract/errors.ts';
import { followProbe } from '../../contract/follow-probe.ts';
import type { ProbeEnd, ProviderName } from '../../contract/device.ts';

/** Tries a provider in a process of its own, with its files in an empty folder, and tells how that ended. */
export type StartProbe = (provider: ProviderName, folder: string) => Promise<ProbeEnd>;

/**
 * In a clone the source, where this Node runs TypeScript; else the bundle, which lies in dist/ of clone and package.
 */
const probeScript = (): string => {
  const [source, bundle] = ['../../hosts/provider-probe.ts', '../../../dist/provider-probe.cjs'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  const script = [process.features.typescript !== false ? source : undefined, bundle].find(
    (file) => file !== undefined && existsSync(file),
  );
  if (script === undefined)
    throw refuse(
      'not-built',
      `The probe's program is not built: ${bundle ?? 'dist/provider-probe.cjs'} is missing.`,
      'Run "npm run build" once.',
    );
  return script;
};

/** As `StartProbe`, for an engine in plain Node (command line and `serve`). Electron's processes cannot fork Node. */
export const forkProbe: StartProbe = (provider, folder) => {
  // Options of this process (a debugger's port, a test runner's loader) are not for the probe.
  const child = fork(probeScript(), [provider, folder], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  return followProbe({
    onMessage: (listener) => void child.on('message', listener),
    onExit: (listener) => void child.once('exit', (code, signal) => listener(signal ?? code ?? 0)),
    onError: (listener) => void child.once('error', listener),
    onErrorOutput: (listener) => void child.stderr?.on('data', (chunk: Buffer) => listener(chunk.toString())),
    kill: () => void child.kill('SIGKILL'),
  });
};
