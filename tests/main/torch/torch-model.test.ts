import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { torchDevice } from '../../../main/contract/device.ts';
import { requireForTorch, requireReadable, TorchModel, TorchWorkers } from '../../../main/torch/torch-model.ts';

const references = fileURLToPath(new URL('../../fixtures/reference/checkpoints', import.meta.url));
const order = {
  python: '/nowhere/python',
  script: 'worker.py',
  device: 'cpu',
  threads: 1,
} as const;
const BUDGET_BYTES = 1e9;

test('models that the engine torch does not open are refused before a process starts', async () => {
  const mixtral = await openCheckpoint(`${references}/mixtral`);
  expect(() => requireReadable(mixtral)).not.toThrow();
  const withConstants = { ...mixtral, info: { ...mixtral.info, constantExperts: 2 } };
  await expect(
    TorchModel.start(withConstants, new TorchWorkers(order, { keepsOne: false }), 'float32', BUDGET_BYTES),
  ).rejects.toMatchObject({
    code: 'torch-weights',
    message: 'mixtral has experts that give constants, which no class of transformers opens.',
  });
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

test('a model that does not fit is refused with what it takes, on the processor and on a card', async () => {
  const model = await openCheckpoint(`${references}/mixtral`);
  const large = {
    ...model,
    // As models of this size are that cannot be streamed.
    info: { ...model.info, memory: { ...model.info.memory, torch: { float32: 21.4e9, half: 10.8e9 } } },
  };
  const by = { bfloat16: true, cards: [], modelTypes: ['mixtral'], versions: {}, packages: {} };
  const processor = { ...by, device: 'cpu', card: null, freeBytes: null };
  // Free memory of a card is that of the fullest one.
  const card = { ...by, device: 'cuda:0', card: 'a card', freeBytes: 21e9 };
  await requireForTorch(large, processor, 'float32', 22.3e9);
  await requireForTorch(large, card, 'bfloat16', 1e9);
  await expect(requireForTorch(large, processor, 'float32', 21.9e9)).rejects.toMatchObject({
    code: 'too-large',
    message: expect.stringMatching(
      /^mixtral takes 22\.2 GB in PyTorch in float32 \(its weights 0\.0 GB\), and the memory budget is 21\.9 GB\.$/,
    ),
    remedy: 'Raise --memory, choose a smaller --precision, or use --engine onnxruntime.',
  });
  // Two processes share the budget.
  await expect(requireForTorch(large, { ...processor, device: 'cpu,cpu' }, 'bfloat16', 22e9)).rejects.toMatchObject({
    message: expect.stringContaining('the memory budget of each of 2 processes is 11.0 GB'),
  });
  const torch = {
    ...large.info.memory.torch,
    streamed: { float32: 5e9, half: 2.5e9 },
    pass: { float32: 1e9, half: 5e8 },
  };
  const streamable = { ...large, info: { ...large.info, memory: { ...large.info.memory, torch } } };
  await requireForTorch(streamable, processor, 'float32', 6e9);
  await expect(requireForTorch(streamable, processor, 'float32', 5.5e9)).rejects.toMatchObject({
    message: expect.stringMatching(
      /takes 5\.6 GB in PyTorch in float32, block by block, and the memory budget is 5\.5/,
    ),
  });
  // Over all cards at once the model is in memory as a whole.
  await expect(requireForTorch(streamable, { ...card, device: 'auto' }, 'float32', 99e9)).rejects.toMatchObject({
    code: 'too-large',
  });
  await expect(requireForTorch(large, card, 'float32', 99e9)).rejects.toMatchObject({
    message: expect.stringContaining(
      'takes 21.4 GB in PyTorch in float32 (its weights 0.0 GB), and a card has 21.0 GB free',
    ),
    remedy: expect.stringMatching(/^Choose a smaller --precision/),
  });
});

test('devices are the processor, cards of which each is named once, or all cards; never both kinds', () => {
  for (const device of ['cpu', 'cpu,cpu', 'cuda:0', 'cuda:1,cuda:0', 'auto'])
    expect([device, torchDevice.safeParse(device).success]).toEqual([device, true]);
  for (const device of ['cpu,cuda:0', 'cuda:0,cuda:0', 'auto,cuda:0', 'cuda', 'cuda:0,', 'webgpu', ''])
    expect([device, torchDevice.safeParse(device).success]).toEqual([device, false]);
});
