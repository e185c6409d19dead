import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { processState, thisProcess } from '../../../main/workspace/process-alive.ts';
import { patiently } from '../../hang-limit.ts';

const module = fileURLToPath(new URL('../../../main/hosts/end-with-parent.ts', import.meta.url));

/** Watches its parent, and then holds its only thread for ever, as native code may for long. */
const DEAF_CHILD = `
  const { endWithParent } = await import(${JSON.stringify(module)});
  endWithParent();
  process.stdout.write('deaf ' + process.pid + '\\n');
  setTimeout(() => { for (;;); }, 200);
`;

/** Starts that child and waits. */
const PARENT = `
  require('node:child_process').spawn(process.execPath, ['--input-type=module', '--eval', process.argv[1]], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  setInterval(() => undefined, 1000);
`;

test('a process whose thread is held for ever ends with a parent that is killed', async () => {
  const parent = spawn(process.execPath, ['--eval', PARENT, DEAF_CHILD], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const child = await new Promise<number>((resolve) => {
    let printed = '';
    parent.stdout.on('data', (data: Buffer) => {
      printed += data.toString();
      const [, pid] = /deaf (\d+)\n/.exec(printed) ?? [];
      if (pid !== undefined) resolve(Number(pid));
    });
  });
  const state = (): string => processState({ ...thisProcess(), pid: child, startedAt: null });
  onTestFinished(() => {
    if (state() !== 'dead') process.kill(child, 'SIGKILL');
  });
  // Longer than it takes to hold the thread, and than looks for the parent are apart.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(state()).not.toBe('dead');
  parent.kill('SIGKILL');
  await vi.waitFor(() => expect(state()).toBe('dead'), patiently);
});
