import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runTrainingScript } from '../../../main/finetune/training-script.ts';
import { WorkerLink } from '../../../main/torch/worker-link.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

/** A program in the place of Python. */
const program = async (lines: string): Promise<string> => {
  const file = join(await temporaryFolder(), 'python');
  await writeFile(file, `#!/bin/sh\n${lines}\n`);
  await chmod(file, 0o755);
  return file;
};

const NATIVE = `echo 'out of addresses' >&2; echo '----- Native stack trace -----' >&2; echo ' 1: 0x931db0' >&2`;

describe.skipIf(process.platform === 'win32')('a Python that ends in the middle', () => {
  const { signal } = new AbortController();
  const asked = async (lines: string): Promise<unknown> => {
    const link = new WorkerLink({ python: await program(lines), script: 's', device: 'cpu', threads: 1 });
    try {
      return await link.request('hello', {}, {}, signal);
    } finally {
      await link.dispose();
    }
  };

  test('is explained: killed by the system, for lack of something, or with its own words', async () => {
    await expect(asked('kill -9 $$')).rejects.toMatchObject({
      code: 'torch-worker-ended',
      message: 'The PyTorch process ended (SIGKILL): it was killed, perhaps by the system for lack of memory.',
      remedy: expect.stringContaining('a machine with more memory, and resume'),
    });
    await expect(asked(`${NATIVE}; kill -ABRT $$`)).rejects.toMatchObject({
      message:
        'The PyTorch process ended (SIGABRT): an abort in native code, as where memory, threads or open files run ' +
        'out. It said: out of addresses',
    });
    await expect(asked('echo "ImportError: no torch" >&2; exit 1')).rejects.toMatchObject({
      message: 'The PyTorch process ended (exit code 1): it failed. It said: ImportError: no torch',
    });
  });

  test('is explained in the same way where it trains', async () => {
    const trained = async (lines: string): Promise<unknown> => {
      const progress = {
        onStart: () => undefined,
        onResumed: () => undefined,
        onStep: () => undefined,
        onSaved: () => undefined,
      };
      return runTrainingScript({ path: await program(lines), versions: {} }, 'finetune.py', 'job', signal, progress);
    };
    await expect(trained('kill -9 $$')).rejects.toMatchObject({
      code: 'training-memory',
      message: 'Python was ended by the signal SIGKILL: it was killed, perhaps by the system for lack of memory.',
      remedy: expect.stringContaining('smaller --batch'),
    });
    for (const line of [
      "RuntimeError: [enforce fail at alloc_cpu.cpp:115] DefaultCPUAllocator: can't allocate memory",
      'MemoryError',
      'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.',
    ])
      await expect(trained(`cat >&2 <<'END'\nTraceback\n${line}\nEND\nexit 1`)).rejects.toMatchObject({
        code: 'training-memory',
        message: `Python ran out of memory: ${line}`,
      });
    await expect(trained(`${NATIVE}; kill -SEGV $$`)).rejects.toMatchObject({
      code: 'training-failed',
      message: 'Python ended with SIGSEGV (a memory fault in native code): out of addresses',
    });
  });
});
