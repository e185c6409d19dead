import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { killSurely } from '../../electron/kill-surely.ts';

/** A process that has reported that it runs. */
const started = async (program: string) => {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
};

test('ends a process that computes without pause and handles the signal itself', async () => {
  const child = await started(
    `process.on('SIGTERM', () => {}); console.log('runs'); setImmediate(() => { for (;;); })`,
  );
  killSurely(child);
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
});

test('ends a process that is stopped', async () => {
  const child = await started(`console.log('runs'); setInterval(() => {}, 1000)`);
  child.kill('SIGSTOP');
  killSurely(child);
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
});

test('lets a responsive process end on its own', async () => {
  const child = await started(
    `process.on('SIGTERM', () => process.exit(7)); console.log('runs'); setInterval(() => {}, 1000)`,
  );
  killSurely(child);
  expect(await once(child, 'exit')).toEqual([7, null]);
});
