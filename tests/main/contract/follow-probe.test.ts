import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { followProbe } from '../../../main/contract/follow-probe.ts';
import type { ProbeEnd } from '../../../main/contract/device.ts';

/** Follows a real process that runs `script`. */
const follow = async (
  script: string,
  limitMs?: number,
  command = process.execPath,
): Promise<{ readonly end: ProbeEnd; readonly gone: boolean }> => {
  const child = spawn(command, ['-e', script], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const exited = new Promise<boolean>((resolve) => {
    child.once('close', () => resolve(true));
    child.once('error', () => resolve(true));
  });
  const end = await followProbe(
    {
      onMessage: (listener) => void child.on('message', listener),
      onExit: (listener) => void child.once('close', (code, signal) => listener(signal ?? code ?? 0)),
      onError: (listener) => void child.once('error', listener),
      onErrorOutput: (listener) => void child.stderr?.on('data', (chunk: Buffer) => listener(chunk.toString())),
      kill: () => void child.kill('SIGKILL'),
    },
    limitMs,
  );
  return { end, gone: await exited };
};

it('takes the one message of a probe and ends its process', async () => {
  const { end, gone } = await follow(
    `process.send({ kind: 'failed', message: 'no adapter' }); setInterval(() => 0, 1000)`,
  );
  expect(end).toEqual({ kind: 'failed', message: 'no adapter' });
  expect(gone).toBe(true);
});

it.each([
  ['an exit without an answer', `process.exit(3)`, /ended without an answer \(exit code 3\)/],
  ['a crash in native code', `process.abort()`, /ended without an answer \(SIGABRT\)/],
  [
    'its error output',
    `process.stderr.write('driver is broken', () => process.kill(process.pid, 'SIGSEGV'))`,
    /SIGSEGV.*Its output: driver is broken/s,
  ],
  [
    'a message of another version',
    `process.send({ kind: 'measured', measurement: {} }); setInterval(() => 0, 1000)`,
    /this version does not know/,
  ],
])('reports %s', async (_what, script, message) => {
  const { end } = await follow(script);
  expect(end.kind).toBe('lost');
  expect(end.kind === 'lost' && end.message).toMatch(message);
});

it('kills a probe that hangs', async () => {
  const { end, gone } = await follow(`setInterval(() => 0, 1000)`, 300);
  expect(end).toEqual({ kind: 'lost', message: "The probe's process did not answer within 0.3 seconds." });
  expect(gone).toBe(true);
});

it('reports a process that cannot be started', async () => {
  const { end } = await follow('', undefined, '/nonexistent/node');
  expect(end.kind === 'lost' && end.message).toContain('could not be started');
});
