import { spawn } from 'node:child_process';
import { fail, refuse } from '../contract/errors.ts';
import { fileErrorCode, isFile } from '../files/file-errors.ts';
import { shellWord } from '../words/equivalent-command.ts';

/** Runs a program of the cluster and returns its output; rejects with its error message. An abort ends the program. */
export type RunCommand = (program: string, args: readonly string[], signal?: AbortSignal) => Promise<string>;

/** Nobody could type a password, and a dead connection must end rather than hang. */
const SSH_OPTIONS = ['-o', 'BatchMode=yes', '-o', 'ServerAliveInterval=15'] as const;
/** Exit code of ssh where it could not reach the host; other codes are those of the remote command. */
const SSH_FAILED = 255;

/** Slurm's programs look for a configuration that is not there for a minute before they say so. */
const requireConfiguration = async (): Promise<void> => {
  const named = process.env['SLURM_CONF'] ?? '';
  if (named === '' || (await isFile(named))) return;
  throw refuse(
    'no-slurm',
    `SLURM_CONF names ${named}, which is no readable file here.`,
    'Let it name the configuration of the cluster, or unset it.',
  );
};

/**
 * Runs programs on this machine, or on `host` through the user's own ssh (configuration, keys and agent).
 *
 * @throws WorkbenchError `no-slurm`, `cluster-unreachable` (ssh failed), `cluster-command-failed`.
 */
export const commandsOn =
  (host: string | null): RunCommand =>
  async (program, args, signal) => {
    if (host === null) await requireConfiguration();
    return new Promise((resolve, reject) => {
      const [name, words] =
        host === null
          ? [program, [...args]]
          : ['ssh', [...SSH_OPTIONS, host, '--', [program, ...args].map(shellWord).join(' ')]];
      const child = spawn(name, words, { stdio: ['ignore', 'pipe', 'pipe'], signal });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
      child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
      child.once('error', (error) => {
        if (fileErrorCode(error) !== 'ENOENT') reject(error);
        else
          reject(refuse('no-slurm', `There is no ${name} on this machine.`, 'Submit from a machine of the cluster.'));
      });
      child.once('close', (code) => {
        if (code === 0) resolve(stdout);
        else
          reject(
            fail(
              host !== null && code === SSH_FAILED ? 'cluster-unreachable' : 'cluster-command-failed',
              `${program} ended with ${String(code)}: ${stderr.trim() || stdout.trim()}`,
              host === null ? 'Read the error message of the cluster.' : `Try "ssh ${host} ${program}" by hand.`,
            ),
          );
      });
    });
  };
