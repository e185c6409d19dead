#!/usr/bin/env node
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from './run-command-line.ts';
import { isSupervised, obeySupervisor, supervise } from './supervise.ts';

/** The package (or clone) that this file is part of. */
const packageFolder = fileURLToPath(new URL('../../', import.meta.url));

const CANCELLED = 130;
const FAILED = 1;

const interrupt = new AbortController();
const onInterrupt = (): void => {
  // The second one does not wait for anything.
  if (interrupt.signal.aborted) process.exit(CANCELLED);
  interrupt.abort();
};
const isServing = isSupervised();
if (isServing) obeySupervisor(onInterrupt);
else {
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onInterrupt);
}
// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`uncurl: the answer cannot be written: ${error.message}\n`);
  process.exitCode = FAILED;
});
// What is said beside the work may have no reader, or no room: the work goes on.
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
  // Whatever still runs was left where it stands.
  if (code === CANCELLED) process.exit(CANCELLED);
  process.exitCode ??= code;
});
