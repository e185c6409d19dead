#!/usr/bin/env node
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from './run-command-line.ts';
import { isSupervised, obeySupervisor, supervise } from './supervise.ts';

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
  now: Date.now,
  stdout: process.stdout,
  stderr: process.stderr,
}).then((code) => {
  // Ends the work that is still running.
  if (code === CANCELLED) process.exit(CANCELLED);
  process.exitCode ??= code;
});
