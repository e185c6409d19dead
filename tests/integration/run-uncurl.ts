import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { commandLineHere } from '../main/cli/command-line-here.ts';
import { removeFolder } from '../remove-folder.ts';

/** The command line as vitest.config.ts names it: built for integration tests, its sources for others. */
const uncurlProgram = process.env['UNCURL_PROGRAM'] ?? expect.fail('UNCURL_PROGRAM does not name the command line');

/**
 * The words that start it. Without types that Node strips, as in an installed one, the built command's threads and
 * processes are built programs too: those of the sources take three times the processor time to start.
 */
export const uncurlWords: readonly string[] = [
  process.execPath,
  ...(process.features.typescript === false ? ['--no-experimental-strip-types'] : []),
  uncurlProgram,
];

export const resources = fileURLToPath(new URL('../../resources', import.meta.url));

/** A new folder, removed after the test. */
export const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'uncurl-integration-'));
  onTestFinished(() => removeFolder(folder));
  return folder;
};

export interface Uncurl {
  readonly child: ChildProcess;
  /** Output so far. */
  readonly printed: { stdout: string; stderr: string };
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  /** Resolves once standard error contains the text. */
  readonly says: (text: string | RegExp) => Promise<void>;
  /** The same for standard output; the two streams may arrive out of order. */
  readonly prints: (text: string | RegExp) => Promise<void>;
}

/** Starts the real command line in a process. */
export const startUncurl = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Uncurl => {
  const [node = '', ...words] = uncurlWords;
  const child = spawn(node, [...words, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const printed = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (data: Buffer) => {
      printed[name] += data.toString();
      for (const listener of listeners) listener();
    });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, ...printed }));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const holds = (name: 'stdout' | 'stderr', text: string | RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = typeof text === 'string' ? printed[name].includes(text) : text.test(printed[name]);
        if (!found) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      void ended.then(({ stderr }) => reject(new Error(`ended without saying ${String(text)}:\n${stderr}`)));
      look();
    });
  return { child, printed, ended, says: (text) => holds('stderr', text), prints: (text) => holds('stdout', text) };
};

export const uncurl = (args: readonly string[], environment?: Readonly<Record<string, string>>): Uncurl['ended'] =>
  startUncurl(args, environment).ended;

/**
 * The command line in this process, for tests of what a command does: a start of its own takes as long as a small
 * command. What belongs to the process (signals, streams, its end) needs `uncurl`.
 */
export const uncurlHere = (args: readonly string[]): ReturnType<typeof commandLineHere> => commandLineHere(...args);
