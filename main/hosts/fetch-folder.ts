import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail, refuse } from '../contract/errors.ts';
import { CHECKSUM_FILE, fileChecksum, readChecksums } from '../files/checksums.ts';
import { temporaryNameFor } from '../files/write-atomically.ts';
import { formatBytes } from '../words/numbers.ts';
import { reachingWords, sshEnvironment, type SshTarget } from './ssh-line.ts';

interface Fetching {
  readonly progress: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Bytes of a folder's files so far. */
const bytesIn = async (folder: string): Promise<number> => {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    names.filter((entry) => entry.isFile()).map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};

/** Copies a folder with the system's scp; progress is the number of bytes that arrived. */
const copyFrom = async (target: SshTarget, from: string, to: string, { progress, signal }: Fetching): Promise<void> => {
  const { host } = target;
  const words = [...reachingWords(target), '-q', '-r', '--', `${host}:${from}`, to];
  const child = spawn('scp', words, { stdio: ['ignore', 'ignore', 'pipe'], signal, env: sshEnvironment(target) });
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => (stderr = (stderr + data.toString()).slice(-4_000)));
  const shown = setInterval(() => {
    bytesIn(to).then(
      (bytes) => progress(`${basename(from)}: ${formatBytes(bytes)} copied`),
      () => undefined,
    );
  }, 1_000);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0)
      throw fail(
        'not-copied',
        `scp ended with code ${String(code)}: ${stderr.trim()}`,
        `Look whether ${from} exists on ${host}; nothing was left here.`,
      );
  } finally {
    clearInterval(shown);
  }
};

/**
 * Copies an export or a finished run from the other machine into the new folder `out`, and compares every file that its
 * list of checksums names (a run's log is not among them); returns their number.
 *
 * @throws WorkbenchError `exists`, `not-copied`, `no-checksums`, `copy-differs`, and nothing is left.
 */
export const fetchFolder = async (
  target: SshTarget,
  from: string,
  out: string,
  fetching: Fetching,
): Promise<number> => {
  if (existsSync(out)) throw refuse('exists', `${out} exists already.`, 'Name another folder; nothing was copied.');
  const temporary = temporaryNameFor(out);
  await mkdir(dirname(out), { recursive: true });
  try {
    await copyFrom(target, from, temporary, fetching);
    const sums = await readChecksums(temporary);
    if (sums === null)
      throw refuse(
        'no-checksums',
        `${from} has no ${CHECKSUM_FILE}, so that the copy cannot be compared.`,
        'Name the folder of an export or of a finished run.',
      );
    for (const [name, sum] of sums) {
      fetching.progress(`Comparing ${name}`);
      if ((await fileChecksum(join(temporary, name), fetching.signal)) !== sum)
        throw fail(
          'copy-differs',
          `${name} differs from the checksum that ${target.host} has for it.`,
          'Fetch it again; if it differs again, verify the folder there.',
        );
    }
    await rename(temporary, out);
    return sums.size;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
};
