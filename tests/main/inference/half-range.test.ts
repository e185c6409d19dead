import { open } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { TensorView, Weight } from '../../../main/checkpoint/descriptor.ts';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { fromFloat32, plainWeight } from '../../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import { HalfRange } from '../../../main/inference/model-sessions.ts';
import { writeProbeCheckpoint } from '../../../main/inference/providers/measure-provider.ts';
import { openModelRunner } from '../../open-model-runner.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const stored = async (name: string, dtype: 'F32' | 'BF16', values: readonly number[]): Promise<TensorView> => {
  const file = path.join(await temporaryFolder(), 'one.safetensors');
  const bytes = fromFloat32(Float32Array.from(values), dtype);
  await writeSafetensors(file, [tensorInMemory(name, dtype, [values.length], bytes)]);
  return (await readSafetensorsHeader(file)).tensors.get(name) ?? expect.fail(name);
};

const required = (...halved: (TensorView | Weight)[]): Promise<void> => new HalfRange('a model').require({ halved });

it.each([
  ['F32', [65_519, -65_519, 1e-30], null],
  ['F32', [1, -65_520], '-65520'],
  ['F32', [1, Number.NaN], 'NaN'],
  ['BF16', [65_280, -65_280], null],
  ['BF16', [0, 1, 65_536], '65536'],
  ['BF16', [0, -99_840, 65_536], '-99840'],
] as const)('weights in %s of %j: refused for %s', async (dtype, values, refused) => {
  const checked = required(await stored('layers.3.up', dtype, values));
  if (refused === null) await checked;
  else
    await expect(checked).rejects.toMatchObject({
      code: 'beyond-half',
      kind: 'refused',
      message: expect.stringContaining(`Tensor layers.3.up of a model has a value of ${refused}`),
    });
});

it('quantised weights by their largest code and their scales', async () => {
  const view = await stored('up', 'F32', [0]);
  const scales = await stored('up.scale', 'F32', [1, 146]);
  const fp8: Weight = { stored: { kind: 'fp8', view, scales, block: [128, 128] }, shape: [1, 1] };
  await required(fp8);
  const tooLarge = await stored('up.scale', 'F32', [1, 147]);
  await expect(
    required({ stored: { kind: 'fp8', view, scales: tooLarge, block: [128, 128] }, shape: [1, 1] }),
  ).rejects.toMatchObject({ code: 'beyond-half', message: expect.stringContaining('Tensor up of a model') });
});

it('a checkpoint in bfloat16 that leaves the range of half precision is refused with the tensor’s name', async () => {
  const folder = await temporaryFolder();
  await writeProbeCheckpoint(folder);
  const name = 'model.layers.0.block_sparse_moe.experts.3.w2.weight';
  const file = path.join(folder, 'model.safetensors');
  const { byteOffset } = (await readSafetensorsHeader(file)).tensors.get(name) ?? expect.fail(name);
  const handle = await open(file, 'r+');
  // 70,144 in bfloat16.
  await handle.write(Buffer.of(0x89, 0x47), 0, 2, byteOffset + 2 * 77);
  await handle.close();
  const checkpoint = await openCheckpoint(folder);
  const forward = async (provider: 'cpu' | 'webgpu-float16') => {
    const overlayFolder = await temporaryFolder();
    const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, overlayFolder, provider };
    const runner = await openModelRunner(checkpoint, settings);
    try {
      return await runner.forward([[1, 2, 3]], null, { signal: new AbortController().signal });
    } finally {
      await runner.dispose();
    }
  };
  // Before a session opens, so that it needs no device.
  await expect(forward('webgpu-float16')).rejects.toMatchObject({
    code: 'beyond-half',
    kind: 'refused',
    message: expect.stringContaining(`Tensor ${name} of ${checkpoint.name} has a value of 70144`),
    remedy: expect.stringContaining('--precision float32'),
  });
  expect((await forward('cpu'))[0]?.logits.every(Number.isFinite)).toBe(true);
});

it('a plain weight is its tensor', async () => {
  const view = await stored('router', 'F32', [1e6]);
  await expect(required(plainWeight(view))).rejects.toMatchObject({ code: 'beyond-half' });
});
