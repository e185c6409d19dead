import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { torchDevice } from '../../../main/contract/device.ts';
import { requireReadable, TorchModel, TorchWorkers } from '../../../main/torch/torch-model.ts';

const references = fileURLToPath(new URL('../../fixtures/reference/checkpoints', import.meta.url));
const order = {
  python: '/nowhere/python',
  script: 'worker.py',
  device: 'cpu',
  threads: 1,
} as const;
const BUDGET_BYTES = 1e9;

test('models that transformers misreads are refused before a process starts', async () => {
  const partial = await openCheckpoint(`${references}/deepseek_v3-fp8-partial-blocks`);
  await expect(
    TorchModel.start(partial, new TorchWorkers(order, { keepsOne: false }), 'float32', BUDGET_BYTES),
  ).rejects.toMatchObject({
    code: 'torch-weights',
  });
  const gguf = { ...(await openCheckpoint(`${references}/mixtral`)), folder: '/models/mixtral.gguf' };
  await expect(
    TorchModel.start(gguf, new TorchWorkers(order, { keepsOne: false }), 'float32', BUDGET_BYTES),
  ).rejects.toMatchObject({
    code: 'torch-weights',
    message: expect.stringContaining('is a GGUF file'),
  });
  const mixtral = await openCheckpoint(`${references}/mixtral`);
  expect(() => requireReadable(mixtral)).not.toThrow();
  expect(() => requireReadable({ ...mixtral, info: { ...mixtral.info, constantExperts: 2 } })).toThrow(
    'mixtral has experts that give constants, which no class of transformers opens.',
  );
});

test('a Python that does not start is named', async () => {
  const model = await openCheckpoint(`${references}/mixtral`);
  await expect(
    TorchModel.start(model, new TorchWorkers(order, { keepsOne: false }), null, BUDGET_BYTES),
  ).rejects.toMatchObject({
    code: 'no-python',
    message: '/nowhere/python does not start.',
  });
});

test('devices are the processor, cards of which each is named once, or all cards; never both kinds', () => {
  for (const device of ['cpu', 'cpu,cpu', 'cuda:0', 'cuda:1,cuda:0', 'auto'])
    expect([device, torchDevice.safeParse(device).success]).toEqual([device, true]);
  for (const device of ['cpu,cuda:0', 'cuda:0,cuda:0', 'auto,cuda:0', 'cuda', 'cuda:0,', 'webgpu', ''])
    expect([device, torchDevice.safeParse(device).success]).toEqual([device, false]);
});
