#!/usr/bin/env node
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from './run-command-line.ts';
import { fork } from 'node:child_process';
import { constants } from 'node:os';
import { withAllocation } from '../contract/allocation.ts';
import { endingReason } from '../contract/process-end.ts';
import { endWithParent } from '../hosts/end-with-parent.ts';

/**
 * `uncurl serve` is two processes: one that serves, and one that does nothing but wait for its end. A process that
 * computes without pause hears no signal; the one that waits always does, and ends the other.
 */

/** In the environment of the process that serves: the process id of the supervisor. */
const SUPERVISOR = 'UNCURL_SUPERVISOR';

const END = 'end';
const ENDING = 'ending';

/** A serving process that does not react within this time is killed: no call takes that long. */
const HEARS_WITHIN_MS = 5_000;
/** Once it has reacted, it may take this long to finish writing. */
const ENDS_WITHIN_MS = 30_000;

const isSupervised = (): boolean => process.send !== undefined && process.env[SUPERVISOR] === String(process.ppid);

/** Lets a supervised process end on request, or when its supervisor is gone. */
const obeySupervisor = (interrupt: () => void): void => {
  process.on('message', (message) => {
    if (message !== END) return;
    process.send?.(ENDING);
    interrupt();
  });
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  // The channel must not keep an otherwise finished process alive.
  process.channel?.unref();
  // A terminal interrupts the whole process group: the supervisor decides alone.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  endWithParent();
};

/**
 * Runs this command line in a child process, which ends when `signal` aborts, whatever it is doing. Returns its exit
 * code, 1 where it had to be killed.
 */
export const supervise = async (signal: AbortSignal, say: (line: string) => void): Promise<number> => {
  const child = fork(process.argv[1] ?? '', process.argv.slice(2), {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...withAllocation(process.env), [SUPERVISOR]: String(process.pid) },
  });
  let limit: NodeJS.Timeout | undefined;
  const killAfter = (waitMs: number, why: string): void => {
    clearTimeout(limit);
    limit = setTimeout(() => {
      say(`${why}: it was killed. Finished steps are on disk.`);
      child.kill('SIGKILL');
    }, waitMs);
  };
  const end = (): void => {
    killAfter(HEARS_WITHIN_MS, 'The engine was busy and did not react to the request to end');
    child.send(END, () => undefined);
  };
  child.on('message', (message) => {
    if (message === ENDING) killAfter(ENDS_WITHIN_MS, 'The engine did not end');
  });
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, ending) => {
      if (ending !== null && !child.killed)
        say(
          `uncurl: the engine was ended by the signal ${ending}: ${endingReason(ending)}. Start it again and resume.`,
        );
      resolve(code ?? 128 + constants.signals[ending ?? 'SIGKILL']);
    });
  });
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  try {
    const code = await exited;
    return child.killed ? 1 : code;
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', end);
  }
};

/** The package (or clone) that contains this file. */
const packageFolder = fileURLToPath(new URL('../../', import.meta.url));

const CANCELLED = 130;
const FAILED = 1;

const interrupt = new AbortController();
const onInterrupt = (): void => {
  // A second interrupt ends the process at once.
  if (interrupt.signal.aborted) process.exit(CANCELLED);
  interrupt.abort();
};
const isServing = isSupervised();
if (isServing) obeySupervisor(onInterrupt);
else {
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onInterrupt);
}
// A reader that closes the pipe early (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`uncurl: the answer cannot be written: ${error.message}\n`);
  process.exitCode = FAILED;
});
// Messages on standard error may have no reader, or no room: the work goes on.
process.stderr.on('error', () => undefined);

void runCommandLine(process.argv.slice(2), {
  resources: join(packageFolder, 'resources'),
  rendererFolder: join(packageFolder, 'dist', 'renderer'),
  environment: process.env,
  signal: interrupt.signal,
  supervise: isServing ? undefined : supervise,
  now: () => performance.now(),
  stdout: process.stdout,
  stderr: process.stderr,
}).then((code) => {
  // Ends the work that is still running.
  if (code === CANCELLED) process.exit(CANCELLED);
  process.exitCode ??= code;
});
