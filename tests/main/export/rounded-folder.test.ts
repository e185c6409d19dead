import { factSentence } from '../../../main/words/sweep-facts.ts';
import type { SweepFact } from '../../../main/contract/sweep-fact.ts';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { readTensor, readTensorBytes } from '../../../main/checkpoint/read-tensor.ts';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import { type GgufType, ggufType, ggufTypeOf, type RoundedType } from '../../../main/contract/export.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import { exportedConfig } from '../../../main/export/export-config.ts';
import { exportedTensors } from '../../../main/export/exported-tensors.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { decodeValues, roundValues } from '../../../main/export/gguf/encode-values.ts';
import { exportedModel } from '../../../main/export/gguf/gguf-file.ts';
import { llamaArchitecture } from '../../../main/export/gguf/architectures.ts';
import { modelTensors } from '../../../main/export/gguf/model-tensors.ts';
import { readGguf } from '../../../main/checkpoint/gguf/read-gguf.ts';
import { ggufBytes, readPieces } from '../../../main/export/gguf/tensor-values.ts';
import {
  isMaskable,
  roundedBytes,
  roundedWeightsFact,
  wholePlan,
  writeRounded,
} from '../../../main/export/rounded-folder.ts';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { randomMixtral } from '../checkpoint/gguf/gguf-bytes.ts';
import { checkpointFixture } from '../checkpoint/checkpoint-files.ts';
import { exportSettingsIn, openModelRunner } from '../../open-model-runner.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { exportRequest, mergeEvenly } from './export-settings.ts';
import { llamaModel, provenModels } from './gguf/llama-models.ts';

const { signal } = new AbortController();
const bundled = (name: string): Promise<Checkpoint> => openCheckpoint(`resources/models/${name}`);

const rounded = async (checkpoint: Checkpoint, plan: Plan, type: RoundedType): Promise<Checkpoint> => {
  const folder = path.join(await temporaryFolder(), 'rounded');
  const { overlays } = exportSettingsIn(await temporaryFolder());
  return openCheckpoint(await writeRounded({ checkpoint, plan, type, overlays, signal }, folder));
};

/** Values of every tensor of the GGUF file that an export would write, as a reader dequantises them. */
const ggufValues = async (checkpoint: Checkpoint, type: GgufType): Promise<Map<string, Float32Array>> => {
  const { overlays } = exportSettingsIn(await temporaryFolder());
  const plan = wholePlan(checkpoint);
  const tensors = await exportedTensors(checkpoint, plan, overlays);
  const { model, config } = exportedModel(checkpoint, await exportedConfig(checkpoint, plan), tensors);
  const written = modelTensors(model, config, llamaArchitecture(model, config), type);
  const values = new Map<string, Float32Array>();
  for (const tensor of written) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of ggufBytes(tensor, readPieces(tensors))) chunks.push(chunk);
    const bytes = Uint8Array.from(Buffer.concat(chunks));
    const isTable = tensor.type === 'i32';
    values.set(
      tensor.name,
      isTable ? Float32Array.from(new Int32Array(bytes.buffer)) : decodeValues(tensor.type, bytes),
    );
  }
  return values;
};

const sentenceOf = (fact: SweepFact | null): string | null => (fact === null ? null : factSentence(fact));

describe('rounded weights', () => {
  it.each(provenModels)('of $name are the dequantised values of its file', async ({ make }) => {
    const checkpoint = await openCheckpoint(await make());
    for (const type of ['q4_1', 'bf16'] as const) {
      const wanted = await ggufValues(checkpoint, type);
      const again = await ggufValues(await rounded(checkpoint, wholePlan(checkpoint), type), 'f32');
      expect([...again.keys()]).toEqual([...wanted.keys()]);
      for (const [name, values] of wanted) expect([type, name, again.get(name)]).toEqual([type, name, values]);
    }
  });

  const names: readonly (readonly [RegExp, string])[] = [
    [/^token_embd/, 'model.embed_tokens'],
    [/^output_norm/, 'model.norm'],
    [/^output\b/, 'lm_head'],
    [/^blk\.(\d+)\.attn_(q|k)_norm/, 'model.layers.$1.self_attn.$2_norm'],
    [/^blk\.(\d+)\.attn_norm/, 'model.layers.$1.input_layernorm'],
    [/^blk\.(\d+)\.ffn_norm/, 'model.layers.$1.post_attention_layernorm'],
    [/^blk\.(\d+)\.attn_(q|k|v)\b/, 'model.layers.$1.self_attn.$2_proj'],
    [/^blk\.(\d+)\.attn_output/, 'model.layers.$1.self_attn.o_proj'],
    [/^blk\.(\d+)\.ffn_gate_inp/, 'model.layers.$1.mlp.gate'],
    [/^blk\.(\d+)\.ffn_(gate|up|down)_exps/, 'model.layers.$1.mlp.experts.#.$2_proj'],
  ];

  it('give the logits of the exported file, under a mask too', async () => {
    const checkpoint = await openCheckpoint(await llamaModel('qwen3_moe'));
    const { experts } = checkpoint.info;
    const plan: Plan = {
      kept: checkpoint.descriptor.moeLayers.map((_, layer) => [1, 3, 4, 6].map((e) => (e + layer) % experts)),
    };
    const request = await exportRequest(checkpoint.folder, plan);
    const exported = await exportPlan({ ...request, format: 'gguf', ggufType: 'q4_0' });
    const file = path.join(exported.folder, 'model.gguf');
    const folder = path.join(await temporaryFolder(), 'dequantised');
    await mkdir(folder);
    const tensors = [];
    let bytes = 0;
    for (const { name, type, shape, byteOffset, byteLength } of (await readGguf(file)).tensors) {
      bytes += byteLength;
      const view = { tensor: name, file, dtype: 'U8' as const, shape: [byteLength], byteOffset, byteLength };
      const values = decodeValues(ggufType.parse(type), await readTensorBytes(view));
      const [pattern, replaced] = names.find(([one]) => one.test(name)) ?? expect.fail(name);
      const own = name.replace(pattern, replaced);
      if (own.includes('#')) {
        const [experts = 0, ...rest] = shape;
        const size = values.length / experts;
        for (let expert = 0; expert < experts; expert += 1)
          tensors.push(
            tensorInMemory(
              own.replace('#', String(expert)),
              'F32',
              rest,
              values.slice(expert * size, (expert + 1) * size),
            ),
          );
      } else tensors.push(tensorInMemory(own, 'F32', shape, values));
    }
    await writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
    for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
      await copyFile(path.join(exported.folder, name), path.join(folder, name));
    const dequantised = await openCheckpoint(folder);

    const { overlays } = request.settings;
    expect(await roundedBytes(checkpoint, plan, 'q4_0', overlays)).toBe(bytes);
    const pruned = await rounded(checkpoint, plan, 'q4_0');
    for (const [name, view] of dequantised.tensors)
      expect([name, await readTensor(pruned.tensors.get(name) ?? expect.fail(name))]).toEqual([
        name,
        await readTensor(view),
      ]);

    const tokens = [[3, 7, 11, 2, 19, 30, 5]];
    const logitsOf = async (model: Checkpoint, under: Plan | null): Promise<Float32Array> => {
      const settings = { threads: 1, memoryBudgetBytes: 2 ** 30, overlayFolder: await temporaryFolder() };
      const runner = await openModelRunner(model, settings);
      try {
        return (await runner.forward(tokens, under, { signal }))[0]?.logits ?? expect.fail('no logits');
      } finally {
        await runner.dispose();
      }
    };
    const wanted = await logitsOf(dequantised, null);
    expect(await logitsOf(pruned, null)).toEqual(wanted);
    const masked = await logitsOf(await rounded(checkpoint, wholePlan(checkpoint), 'q4_0'), plan);
    const unrounded = await logitsOf(checkpoint, plan);
    const furthest = (logits: Float32Array): number =>
      Math.max(...logits.map((value, index) => Math.abs(value - (wanted[index] ?? NaN))));
    expect(furthest(masked)).toBeLessThan(1e-4);
    expect(furthest(unrounded)).toBeGreaterThan(1e-2);
  });

  it('are those of the same layout where llama.cpp does not run the model; refused where GGUF has none', async () => {
    expect(roundedWeightsFact(await bundled('uncurl-8'), ['q8_0'])).toBeNull();
    const model = await bundled('switch-8');
    expect(sentenceOf(roundedWeightsFact(model, ['q8_0']))).toMatch(
      /switch-8: .* no such file is exported.* layer 1 has no experts/,
    );
    const after = await rounded(model, wholePlan(model), 'q8_0');
    for (const [name, view] of model.tensors) {
      const values = await readTensor(view);
      const isMatrix = view.shape.length === 2 && !name.endsWith('mlp.gate.weight');
      const own = await readTensor(after.tensors.get(name) ?? expect.fail(name));
      expect([name, own]).toEqual([name, isMatrix ? roundValues('q8_0', values) : values]);
    }
    for (const [name, reason] of [
      ['gpt_oss-mxfp4', 'its experts are MXFP4'],
      ['deepseek_v3-fp8', 'its weights are float8'],
      ['phimoe', 'GGUF has no place for its tensor'],
    ] as const) {
      const refused = await openCheckpoint(checkpointFixture(name));
      expect(() => roundedWeightsFact(refused, ['q8_0'])).toThrow(`cannot be rounded as GGUF stores them: ${reason}`);
    }
  });

  it('of a GGUF file are its stored values rounded once more, in a file of that type', async () => {
    const file = path.join(await temporaryFolder(), 'model.gguf');
    const types = { attention: 'q5_k', gate: 'q4_k', up: 'iq3_s', down: 'q6_k', embedding: 'q8_0' } as const;
    await writeFile(file, randomMixtral(types, 256, { experts: 3, layers: 1 }));
    const source = await openCheckpoint(file);
    expect(sentenceOf(roundedWeightsFact(source, ['q8_0']))).toContain('its stored values are rounded once more');
    const kept = source.descriptor.moeLayers.map(() => [0, 1, 2]);
    const { overlays } = exportSettingsIn(await temporaryFolder());
    const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
    for (const weights of ['q4_0', 'q6_k', 'gguf_mxfp4', 'f32'] as const) {
      const type = ggufTypeOf(weights);
      const after = await rounded(source, { kept }, weights);
      expect([...after.tensors.keys()]).toEqual([...source.tensors.keys()]);
      for (const [name, view] of source.tensors) {
        const again = after.tensors.get(name) ?? expect.fail(name);
        const isMatrix = view.shape.length > 1 && !name.includes('ffn_gate_inp');
        const values = await readTensor(view);
        expect([name, again.dtype]).toEqual([name, isMatrix && type !== 'f32' ? type : 'F32']);
        // A tensor that has the type already is copied.
        const wanted = isMatrix && view.dtype !== type ? roundValues(type, values) : values;
        expect([name, Buffer.compare(bytesOf(await readTensor(again)), bytesOf(wanted))]).toEqual([name, 0]);
      }
      const bytes = [...after.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
      expect(await roundedBytes(source, { kept }, weights, overlays)).toBe(bytes);
    }
    const pruned = { kept: kept.map(() => [0, 2]) };
    const { info } = await rounded(source, pruned, 'q5_0');
    expect(info).toMatchObject({ experts: 2, dtype: 'q5_0', isGguf: true });
    await expect(rounded(source, mergeEvenly(source, 2, 'reference-row'), 'q8_0')).rejects.toThrow(
      /is a GGUF file, and a plan merges/,
    );
  });

  it('are refused before anything runs where no row is a whole block', async () => {
    const model = await bundled('uncurl-8');
    for (const [type, reason] of [
      ['q4_k', 'No tensor of this model can be q4_k: none has rows of whole blocks of 256 values.'],
      ['q6_k', 'No tensor of this model can be q6_k: none has rows of whole blocks of 256 values.'],
      ['gguf_nvfp4', 'No tensor of this model can be nvfp4: none has rows of whole blocks of 64 values.'],
    ] as const) {
      expect(() => roundedWeightsFact(model, ['q8_0', type])).toThrow(reason);
      await expect(rounded(model, wholePlan(model), type)).rejects.toThrow(reason);
    }
    expect(roundedWeightsFact(model, ['gguf_mxfp4'])).toBeNull();
  });

  it.each(['f16', 'bf16'] as const)(
    'as %s hold blocks of other layers in float32, which has all their values',
    async (type) => {
      const checkpoint = await bundled('uncurl-8');
      const types = ['q4_1', type, 'q8_0'] as const;
      const after = await rounded(checkpoint, { ...wholePlan(checkpoint), expertTypes: [...types] }, type);
      for (const [name, view] of checkpoint.tensors) {
        const layer = /^model\.layers\.(\d)\..*\.experts\./.exec(name)?.[1];
        const isMatrix = view.shape.length === 2 && !name.endsWith('gate.weight');
        const values = await readTensor(view);
        const own = layer === undefined ? type : (types[Number(layer)] ?? expect.fail(name));
        const again = await readTensor(after.tensors.get(name) ?? expect.fail(name));
        expect([name, again]).toEqual([name, isMatrix ? roundValues(own, values) : values]);
      }
    },
  );

  it('round merged experts after the merge', async () => {
    const checkpoint = await bundled('uncurl-8');
    const plan = mergeEvenly(checkpoint, 4, 'reference-row');
    expect([isMaskable(plan), isMaskable(wholePlan(checkpoint))]).toEqual([false, true]);
    const request = await exportRequest(checkpoint.folder, plan);
    const merged = await openCheckpoint((await exportPlan(request)).folder);
    const [after, before] = [await rounded(checkpoint, plan, 'q5_0'), await rounded(merged, wholePlan(merged), 'q5_0')];
    for (const [name, view] of before.tensors)
      expect([name, await readTensor(after.tensors.get(name) ?? expect.fail(name))]).toEqual([
        name,
        await readTensor(view),
      ]);
  });
});
