import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { TensorView, Weight } from '../../../main/checkpoint/descriptor.ts';
import { type Checkpoint, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { readTensor, readTensorBytes } from '../../../main/checkpoint/read-tensor.ts';
import { readWithScales } from '../../../main/checkpoint/weight-reader.ts';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import { checkExport } from '../../../main/export/check-export.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { roundedWeightsFact } from '../../../main/export/rounded-folder.ts';
import { openModelRunner } from '../../open-model-runner.ts';
import { exportRequest, mergeEvenly } from '../export/export-settings.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const fixtures = path.join(import.meta.dirname, '..', '..', 'fixtures');
const folderOf = (name: string): string =>
  path.join(fixtures, /^(gptq|awq)/.test(name) ? 'packed-columns' : 'compressed-tensors', name);
const names = [
  ['int4', 'int4 (a scale per 1 x 4)'],
  ['int4-asymmetric', 'int4 (a scale per 1 x 8)'],
  ['int4-ordered', 'int4 (a scale per 1 x 4)'],
  ['int8', 'int8 (a scale per row)'],
  ['int8-asymmetric', 'int8 (a scale per row)'],
  ['fp8-tensor', 'float8 (a scale per matrix)'],
  ['fp8-channel', 'float8 (a scale per row)'],
  ['fp8-block', 'float8 (a scale per 4 x 4)'],
  ['nvfp4', 'float4 (a scale per 1 x 16)'],
  ['mxfp4', 'float4 (a scale per 1 x 32), float32'],
  ['gptq', 'int4 (gptq, a scale per 8 inputs)'],
  ['gptq-2', 'int2 (gptq, a scale per 8 inputs)'],
  ['gptq-8', 'int8 (gptq, a scale per 8 inputs)'],
  ['awq', 'int4 (awq, a scale per 16 inputs)'],
] as const;
const open = (name: string): Promise<Checkpoint> => openCheckpoint(folderOf(name));

/** Every quantised matrix by the name that it has unquantised. */
const scaledOf = ({ descriptor }: Checkpoint): ReadonlyMap<string, Weight> => {
  const found = new Map<string, Weight>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const weight = value as Partial<Weight>;
    if (weight.stored?.kind === 'scaled' || weight.stored?.kind === 'packed-columns')
      found.set(weight.stored.view.tensor.replace(/\.(weight_packed|qweight)$/, '.weight'), value as Weight);
    else for (const part of Object.values(value)) visit(part);
  };
  visit(descriptor.blocks);
  return found;
};
const logitsOf = async (model: Checkpoint, plan: Plan | null): Promise<Float32Array> => {
  const settings = { threads: 1, memoryBudgetBytes: 2 ** 30, overlayFolder: await temporaryFolder() };
  const runner = await openModelRunner(model, settings);
  try {
    const signal = new AbortController().signal;
    return (await runner.forward([[3, 7, 11, 2, 19, 30, 5]], plan, { signal }))[0]?.logits ?? expect.fail('no logits');
  } finally {
    await runner.dispose();
  }
};

describe.each(names)('a folder quantised with scales: %s', (name, dtype) => {
  it('has the values that the package decompresses, in every matrix', async () => {
    const model = await open(name);
    expect(model.info.dtype).toBe(dtype);
    const wanted = z
      .record(z.string(), z.string())
      .parse(JSON.parse(await readFile(path.join(folderOf(name), 'decompressed.json'), 'utf8')));
    const found = scaledOf(model);
    expect([...found.keys()].sort()).toEqual(Object.keys(wanted).sort());
    for (const [tensor, weight] of found) {
      const { buffer } = await readWithScales(weight);
      expect([tensor, createHash('sha256').update(new Uint8Array(buffer)).digest('hex')]).toEqual([
        tensor,
        wanted[tensor],
      ]);
    }
  });

  it('computes as a plain folder of those values, and is pruned as stored', async () => {
    const model = await open(name);
    const plain = path.join(await temporaryFolder(), 'plain');
    await mkdir(plain);
    const scaled = scaledOf(model);
    const isPart = (tensor: string): boolean =>
      /\.(weight_(packed|scale|global_scale|shape|zero_point|g_idx)|qweight|qzeros|scales|g_idx)$/.test(tensor);
    const kept = [...model.tensors.values()].filter(({ tensor }) => !scaled.has(tensor) && !isPart(tensor));
    await writeSafetensors(path.join(plain, 'model.safetensors'), [
      ...(await Promise.all(
        kept.map(async (view) => tensorInMemory(view.tensor, 'F32', view.shape, await readTensor(view))),
      )),
      ...(await Promise.all(
        [...scaled].map(async ([tensor, weight]) =>
          tensorInMemory(tensor, 'F32', weight.shape, await readWithScales(weight)),
        ),
      )),
    ]);
    const { quantization_config: _removed, ...config } = model.config;
    await writeFile(path.join(plain, 'config.json'), JSON.stringify(config));
    expect(await logitsOf(model, null)).toEqual(await logitsOf(await openCheckpoint(plain), null));

    const { experts } = model.info;
    const half: Plan = {
      kept: model.descriptor.moeLayers.map((_, layer) =>
        Array.from({ length: experts / 2 }, (__, expert) => 2 * expert + (layer % 2)),
      ),
    };
    const { folder, verification } = await exportPlan(await exportRequest(model.folder, half));
    expect(verification).toMatchObject({ ok: true, sameTensors: true, sameExperts: true });
    const pruned = await openCheckpoint(folder);
    expect(pruned.info).toMatchObject({ experts: experts / 2, dtype });
    const bytes = async (view: TensorView | undefined): Promise<Uint8Array> =>
      readTensorBytes(view ?? expect.fail('no tensor'));
    for (const [tensor, view] of pruned.tensors) {
      const [, start, layer, expert, rest] = /^(.*layers\.(\d+)\..*experts\.)(\d+)(\..*)$/.exec(tensor) ?? [];
      const source =
        expert === undefined
          ? tensor
          : `${start ?? ''}${String(half.kept[Number(layer)]?.[Number(expert)])}${rest ?? ''}`;
      if (tensor.endsWith('gate.weight')) continue;
      expect([tensor, await bytes(view)]).toEqual([tensor, await bytes(model.tensors.get(source))]);
    }
  });
});

describe('a folder quantised with scales', () => {
  const changed = async (name: string, from: string, to: string): Promise<Promise<Checkpoint>> => {
    const folder = path.join(await temporaryFolder(), 'changed');
    await cp(folderOf(name), folder, { recursive: true });
    const file = path.join(folder, 'config.json');
    const text = await readFile(file, 'utf8');
    expect(text).toContain(from);
    await writeFile(file, text.replace(from, to));
    return openCheckpoint(folder);
  };

  it.each([
    ['int4', '"group_size": 4', '"group_size": 8', /weight_scale" has shape \[\d+, \d+\] where .* asks for/],
    ['fp8-block', '4,\n      4\n', '4,\n      8\n', /weight_scale" has shape/],
    ['int4', '"num_bits": 4', '"num_bits": 2', /weight_packed" has shape/],
    ['int4', '"format": "pack-quantized"', '"format": "marlin-24"', /weights as "marlin-24" are not supported/],
    ['int8', '"strategy": "channel"', '"strategy": "token"', /scales by "token" are not supported/],
    ['nvfp4', '"strategy": "tensor_group"', '"strategy": "channel"', /scales by "channel" are not supported in/],
    ['nvfp4', '"group_size": 16', '"group_size": 12', /which are not whole groups of 12/],
    ['nvfp4', '"group_size": 16', '"group_size": 8', /weight_scale" has shape \[\d+, 2\] where .* asks for \[\d+, 4\]/],
    ['nvfp4', '"symmetric": true', '"symmetric": false', /zero points and ordered columns are not supported in/],
    ['mxfp4', '"num_bits": 4', '"num_bits": 8', /8-bit float weights as mxfp4-pack-quantized are not supported/],
    ['mxfp4', 'mxfp4-pack-quantized', 'nvfp4-pack-quantized', /weight_scale" is U8; this layout allows F8_E4M3/],
    ['int8', '"kv_cache_scheme": null', '"kv_cache_scheme": {"num_bits": 8}', /"kv_cache_scheme" is not supported/],
    ['int8', '"lm_head"', '"model.layers.0.mlp.experts.3.up_proj"', /names single experts/],
    ['int8', '"lm_head"', String.raw`"re:.*experts\\.3\\..*"`, /names single experts/],
    ['int8', '"symmetric": true', '"symmetric": false', /tensors are missing: .*weight_zero_point/],
    ['gptq', '"group_size": 8', '"group_size": 16', /qzeros" has shape \[4, \d+\] where .* asks for \[2, \d+\]/],
    ['gptq', '"bits": 4', '"bits": 3', /3-bit weights of gptq are not supported/],
    ['gptq', '"bits": 4', '"bits": 8', /qweight" has shape \[\d+, \d+\] where .* asks for/],
    ['awq', '"bits": 4', '"bits": 8', /8-bit weights of awq are not supported/],
    ['gptq', '"sym": false', '"checkpoint_format": "marlin"', /checkpoint_format "marlin" of gptq/],
    ['awq', '"gemm"', '"gemv"', /version "gemv" of awq/],
    ['awq', '"version"', '"modules_to_not_convert": ["experts.3.up_proj"], "version"', /names single experts/],
    ['fp8-tensor', '"type": "float"', '"type": "int"', /is F8_E4M3; this layout allows I8/],
  ])('is refused by name: %s with %s as %s', async (name, from, to, message) => {
    await expect(changed(name, from, to)).rejects.toThrow(message);
  });

  it.each([
    ['nvfp4', 'weight_scale', 0x7f, /layers\.0.*weight_scale" has the scale NaN/],
    ['nvfp4', 'weight_global_scale', 0, /layers\.0.*weight_global_scale" has the scale 0/],
    ['nvfp4', 'weight_global_scale', 0xff, /layers\.0.*weight_global_scale" has the scale NaN/],
    ['mxfp4', 'weight_scale', 0xff, /layers\.0.*weight_scale" has the scale Infinity/],
    ['int8', 'weight_scale', 0xff, /layers\.0.*weight_scale" has the scale NaN/],
  ])('is refused by name with bad scales: %s, bytes of %s as %i', async (name, ending, byte, message) => {
    const folder = path.join(await temporaryFolder(), 'changed');
    await cp(folderOf(name), folder, { recursive: true });
    const { tensors } = await openCheckpoint(folder);
    const tensor = [...tensors.keys()].find((key) => key.includes('experts.') && key.endsWith(ending)) ?? '';
    const { file, byteOffset, byteLength } = tensors.get(tensor) ?? expect.fail('no tensor');
    const bytes = await readFile(file);
    await writeFile(file, bytes.fill(byte, byteOffset, byteOffset + byteLength));
    await expect(logitsOf(await openCheckpoint(folder), null)).rejects.toThrow(message);
  });

  it.each(['int4', 'nvfp4'])(
    'is pruned as stored in shards, also where scales lie in another one: %s',
    async (name) => {
      const folder = path.join(await temporaryFolder(), 'sharded');
      await cp(folderOf(name), folder, { recursive: true });
      const whole = await openCheckpoint(folder);
      const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
      const shardOf = (tensor: string): string => shards[/scale|layers\.1\./.test(tensor) ? 1 : 0];
      for (const shard of shards)
        await writeSafetensors(
          path.join(folder, shard),
          [...whole.tensors.values()]
            .filter(({ tensor }) => shardOf(tensor) === shard)
            .map((view) => ({
              name: view.tensor,
              dtype: view.dtype,
              shape: view.shape,
              byteLength: view.byteLength,
              bytes: async function* () {
                yield await readTensorBytes(view);
              },
            })),
        );
      const weight_map = Object.fromEntries([...whole.tensors.keys()].map((tensor) => [tensor, shardOf(tensor)]));
      await writeFile(path.join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }));
      await rm(path.join(folder, 'model.safetensors'));
      const sharded = await openCheckpoint(folder);
      expect(sharded.weightFiles.map((file) => file.name)).toEqual(shards);
      const kept = sharded.descriptor.moeLayers.map(() => [1, 4, 5, 9, 14]);
      const exported = await exportPlan(await exportRequest(folder, { kept }));
      expect(exported.verification).toMatchObject({ ok: true, sameTensors: true, sameExperts: true });
      const pruned = await openCheckpoint(exported.folder);
      expect(pruned.weightFiles.map((file) => file.name)).toEqual(shards);
      const single = await openCheckpoint((await exportPlan(await exportRequest(folderOf(name), { kept }))).folder);
      expect([...pruned.tensors.keys()].sort()).toEqual([...single.tensors.keys()].sort());
      for (const [tensor, view] of pruned.tensors)
        expect([tensor, path.basename(view.file), await readTensorBytes(view)]).toEqual([
          tensor,
          shardOf(tensor),
          await readTensorBytes(single.tensors.get(tensor) ?? expect.fail('no tensor')),
        ]);
    },
  );

  it('is refused by name if one expert of a layer is stored in another way', async () => {
    const folder = path.join(await temporaryFolder(), 'mixed');
    await cp(folderOf('int4'), folder, { recursive: true });
    const { tensors, descriptor } = await openCheckpoint(folder);
    const plain = 'model.layers.0.mlp.experts.1.up_proj.weight';
    const shape = descriptor.moeLayers[0]?.moe.expertTensors[1]?.up.shape ?? [];
    const kept = [...tensors.values()].filter(({ tensor }) => !tensor.startsWith(plain));
    const rest = await Promise.all(
      kept.map(async ({ tensor: name, ...view }) => {
        const bytes = await readTensorBytes({ tensor: name, ...view });
        return { name, dtype: view.dtype, shape: view.shape, byteLength: bytes.length, bytes: () => bytes };
      }),
    );
    const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
    await rm(path.join(folder, 'model.safetensors'));
    await writeSafetensors(path.join(folder, 'model.safetensors'), [
      ...rest,
      tensorInMemory(plain, 'F32', shape, values),
    ]);
    await expect(openCheckpoint(folder)).rejects.toThrow(
      /experts\.0\.up_proj\.weight_packed" and "model\.layers\.0\.mlp\.experts\.1\.up_proj\.weight" are experts of one layer/,
    );
  });

  it('is read whatever the length of a name that its config ignores', async () => {
    const model = await changed('int8', '"lm_head"', JSON.stringify('experts.'.repeat(100_000)));
    expect(model.info.family).toBe((await open('int8')).info.family);
  });

  it('takes plans that drop experts, and formats that keep its bytes', async () => {
    const model = await open('int4');
    const kept = model.descriptor.moeLayers.map(() => [0, 1, 2, 3, 4, 5, 6, 7]);
    expect((await checkExport(model, { kept }, 'hf')).refusal).toBeNull();
    expect((await checkExport(model, { kept }, 'onnx')).refusal?.message).toContain('quantised with scales');
    expect((await checkExport(model, { kept }, 'gguf')).refusal?.message).toContain('quantised with scales');
    expect(() => roundedWeightsFact(model, ['q8_0'])).toThrow('its weights are quantised with scales');
    const request = await exportRequest(model.folder, mergeEvenly(model, 8, 'reference-row'));
    await expect(exportPlan(request)).rejects.toThrow(/needs weights stored as plain matrices/);
  });
});
