import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { engineProgram } from '../../../main/files/engine-program.ts';
import { processState, thisProcess } from '../../../main/files/process-alive.ts';
import { patiently } from '../../hang-limit.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const module = fileURLToPath(new URL('../../../main/hosts/end-with-parent.ts', import.meta.url));

/** Watches its parent, and then blocks its only thread for ever, as native code may for long. */
const DEAF_CHILD = `
  const { endWithParent } = await import(${JSON.stringify(module)});
  endWithParent();
  process.stdout.write('child ' + process.pid + '\\n');
  setTimeout(() => { for (;;); }, 200);
`;

/** Starts that child and waits. */
const PARENT = `
  require('node:child_process').spawn(process.execPath, ['--input-type=module', '--eval', process.argv[1]], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  setInterval(() => undefined, 1000);
`;

/** Starts a probe of the CPU, like an engine, and waits. */
const PROBING_PARENT = `
  const [, program, folder] = process.argv;
  const probe = require('node:child_process').fork(program, ['cpu', folder], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  probe.once('message', () => process.stdout.write('child ' + probe.pid + '\\n'));
  setInterval(() => undefined, 1000);
`;

/** Starts a parent, and waits until it reports its child. */
const withChild = async (
  ...parentArguments: readonly string[]
): Promise<{ readonly killParent: () => void; readonly childState: () => string }> => {
  const parent = spawn(process.execPath, ['--eval', ...parentArguments], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const child = await new Promise<number>((resolve) => {
    let printed = '';
    parent.stdout.on('data', (data: Buffer) => {
      printed += data.toString();
      const [, pid] = /child (\d+)\n/.exec(printed) ?? [];
      if (pid !== undefined) resolve(Number(pid));
    });
  });
  const childState = (): string => processState({ ...thisProcess(), pid: child, startedAt: null });
  onTestFinished(() => {
    if (childState() !== 'dead') process.kill(child, 'SIGKILL');
  });
  return { killParent: () => void parent.kill('SIGKILL'), childState };
};

test('a process with a blocked thread ends with a killed parent', async () => {
  const { killParent, childState } = await withChild(PARENT, DEAF_CHILD);
  // Longer than it takes to block the thread, and than the interval between checks of the parent.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(childState()).not.toBe('dead');
  killParent();
  await vi.waitFor(() => expect(childState()).toBe('dead'), patiently);
});

test('a probe ends with the engine that started it', async () => {
  const folder = await temporaryFolder();
  const { killParent, childState } = await withChild(PROBING_PARENT, engineProgram('provider-probe'), folder);
  expect(childState()).not.toBe('dead');
  killParent();
  await vi.waitFor(() => expect(childState()).toBe('dead'), patiently);
});
