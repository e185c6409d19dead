import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { expectClose } from '../interop/same-statistics.ts';
import { changeableCopy, checkpointFixture, editJson, editTensors } from '../main/checkpoint/checkpoint-files.ts';
import { exportRequest } from '../main/export/export-settings.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import { openModelRunner } from '../open-model-runner.ts';

/** Reference folders with the names and keys that `save_pretrained` of transformers 5.24 gives them once loaded. */

type Config = Record<string, unknown>;
type Renames = readonly (readonly [RegExp, string])[];

const forms: readonly (readonly [string, Renames, (config: Config) => void])[] = [
  [
    'deepseek_v4',
    [
      [/^embed\./, 'model.embed_tokens.'],
      [/^norm\./, 'model.norm.'],
      [/^hc_head_/, 'model.hc_head.hc_'],
      [/^layers\./, 'model.layers.'],
      [/\.attn\.kv_norm\./, '.attn.norm.'],
    ],
    () => undefined,
  ],
  ['deepseek_v4-fused', [[/\.kv_norm\./, '.norm.']], () => undefined],
  ['kimi_k25', [[/^language_model\.model\.layers\./, 'language_model.model.blocks.']], () => undefined],
  ['qwen3_5_moe-text', [[/^model\./, 'model.language_model.']], () => undefined],
  [
    'step3p7',
    [],
    (config) => {
      const text = z.record(z.string(), z.unknown()).parse(config['text_config']);
      const heads = { 1: { num_attention_heads: 6 }, 2: { num_attention_heads: 6 } };
      config['text_config'] = { ...text, per_layer_config: heads };
    },
  ],
];

const logitsOf = async (folder: string, tokens: readonly number[]): Promise<Float32Array> => {
  const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, overlayFolder: await temporaryFolder() };
  const runner = await openModelRunner(await openCheckpoint(folder), settings);
  try {
    const [result] = await runner.forward([tokens], null, { signal: new AbortController().signal });
    return result?.logits ?? new Float32Array();
  } finally {
    await runner.dispose();
  }
};

const firstTokens = async (name: string): Promise<readonly number[]> => {
  const text = await readFile(path.join(checkpointFixture(name), 'tokens.json'), 'utf8');
  return z.array(z.array(z.number())).parse(JSON.parse(text))[0] ?? [];
};

test.each(forms)('%s, as transformers saves it', async (name, renames, edit) => {
  const folder = await changeableCopy(checkpointFixture(name));
  await editJson(path.join(folder, 'config.json'), edit);
  let renamed = 0;
  await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
    for (const [tensor, stored] of [...tensors]) {
      const saved = renames.reduce((so, [from, to]) => so.replace(from, to), tensor);
      if (saved === tensor) continue;
      renamed += 1;
      tensors.delete(tensor);
      tensors.set(saved, stored);
    }
  });
  expect(renamed > 0).toBe(renames.length > 0);
  const header = await readSafetensorsHeader(path.join(checkpointFixture(name), 'reference.safetensors'));
  const logits = header.tensors.get('logits.0') ?? expect.fail('no logits');
  expectClose(await logitsOf(folder, await firstTokens(name)), await readTensor(logits));
});

test('heads of a layer that the other keys do not give are refused', async () => {
  const folder = await changeableCopy(checkpointFixture('step3p7'));
  await editJson(path.join(folder, 'config.json'), (config) => {
    const text = z.record(z.string(), z.unknown()).parse(config['text_config']);
    config['text_config'] = { ...text, per_layer_config: { 1: { num_attention_heads: 4 } } };
  });
  await expect(openCheckpoint(folder)).rejects.toThrow(
    '"per_layer_config" says {"num_attention_heads":4} for layer 1, where the other keys give 6 heads',
  );
});

test('the empty matrices of no shared experts are carried', async () => {
  const without = await changeableCopy(checkpointFixture('deepseek_v3'));
  const empty = await changeableCopy(checkpointFixture('deepseek_v3'));
  for (const folder of [without, empty]) {
    await editJson(path.join(folder, 'config.json'), (config) => (config['n_shared_experts'] = 0));
    await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
      for (const [tensor, { dtype, shape }] of [...tensors]) {
        if (!tensor.includes('.shared_experts.')) continue;
        tensors.delete(tensor);
        const cut = shape.map((length, axis) => ((axis === 0) === tensor.includes('down_proj') ? length : 0));
        if (folder === empty) tensors.set(tensor, { dtype, shape: cut, bytes: new Uint8Array() });
      }
    });
  }
  const tokens = await firstTokens('deepseek_v3');
  expect(await logitsOf(empty, tokens)).toEqual(await logitsOf(without, tokens));
  const { moeLayers } = (await openCheckpoint(empty)).descriptor;
  // Every group of four loses its last expert.
  const left = (experts: number): number[] => [...Array(experts).keys()].filter((expert) => expert % 4 !== 3);
  const plan = { kept: moeLayers.map(({ moe }) => left(moe.experts)) };
  const exported = await openCheckpoint((await exportPlan(await exportRequest(empty, plan))).folder);
  expect([...exported.tensors.values()].filter(({ shape }) => shape.includes(0))).toHaveLength(3 * moeLayers.length);
});
