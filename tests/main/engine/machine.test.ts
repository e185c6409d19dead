import { totalmem } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import {
  defaultMemoryBudgetBytes,
  machineMemoryBytes,
  MEMORY_SHARE,
  numericsOf,
  torchNumericsOf,
} from '../../../main/engine/machine.ts';
import { requireSameEngine } from '../../../main/engine/run-kind.ts';
import { profileKey } from '../../../main/jobs/step.ts';
import { runOf } from '../contract/run-of.ts';

afterEach(() => vi.restoreAllMocks());

test('weights get a share of the memory that this process may use, which a container may limit', () => {
  const limit = vi.spyOn(process, 'constrainedMemory');
  // Nothing given, and a system without a limit.
  for (const none of [0, 2 ** 64]) {
    limit.mockReturnValue(none);
    expect(machineMemoryBytes()).toBe(totalmem());
  }
  limit.mockReturnValue(2 ** 20);
  expect(machineMemoryBytes()).toBe(2 ** 20);
  expect(defaultMemoryBudgetBytes()).toBe(Math.floor(2 ** 20 * MEMORY_SHARE));
});

test('keys of PyTorch name its versions and that of the worker; keys of onnxruntime are those of stored steps', () => {
  const versions = { worker: '2', python: '3.13.5', torch: '2.13.0', transformers: '5.24.0', environment: 'e1' };
  const by = {
    device: 'cpu',
    card: null,
    freeBytes: null,
    cards: [],
    bfloat16: true,
    modelTypes: [],
    versions,
    packages: {},
  };
  const torch = torchNumericsOf(by, 'float32');
  expect(torch).toEqual({
    version: 1,
    runtime: 'torch 2.13.0, transformers 5.24.0, worker 2, environment e1',
    provider: 'cpu',
    precision: 'float32',
  });
  for (const other of [{ worker: '3' }, { environment: 'e2' }]) {
    const newer = torchNumericsOf({ ...by, versions: { ...versions, ...other } }, 'float32');
    expect(profileKey('model', 'items', newer)).not.toBe(profileKey('model', 'items', torch));
  }
  const ours = numericsOf({ ...versions, onnxruntime: '1.30.0' });
  expect(ours).toEqual({ version: 1, runtime: 'onnxruntime 1.30.0', provider: 'cpu', precision: 'float32' });
  expect(profileKey('model', 'items', ours)).toBe('a6ab8b97a2426072c84d155712058e278725ed291dde4d9598e53480ee311024');
});

test('a run of PyTorch is not continued by another worker, and the refusal says which it was', () => {
  const device = {
    provider: 'cpu',
    precision: 'float32',
    threads: 1,
    processor: 'a processor',
    engine: { name: 'torch', python: '/python' },
  } as const;
  const manifest = runOf({ device, versions: { torch: '2.13.0', worker: '2' } });
  const here = (worker: string, more = {}) => ({ device, versions: { torch: '2.13.0', worker, ...more } });
  expect(() => requireSameEngine(manifest, here('2'))).not.toThrow();
  const environment = 'e'.repeat(64);
  expect(() => requireSameEngine(manifest, here('2', { environment }))).toThrow(
    'packages of Python (none) before, eeeeeeeeeeee now.',
  );
  expect(() => requireSameEngine(manifest, here('3'))).toThrow('worker 2 before, 3 now.');
});
