import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { fromFloat32, toFloat32 } from '../../main/checkpoint/read-tensor.ts';
import type { Plan } from '../../main/contract/plan.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import {
  changeableCopy,
  checkpointFixture,
  editJson,
  editTensors,
  type StoredTensor,
} from '../main/checkpoint/checkpoint-files.ts';
import { expectClose } from '../interop/same-statistics.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { exportRequest } from '../main/export/export-settings.ts';
import { publishedFixture, writePublished } from './published-fixture.ts';

/** Released forms in FP8, with scales of blocks beside the matrices, and in MXFP4. */

const BLOCK = 8;
/** Matrices that releases in FP8 quantise. */
const quantised = /(proj|w[123]|wq_b|wk)\.weight$/;
const kept = /norm|router|embed|lm_head|mlp\.gate\.|shared_expert_gate|conv1d|weights_proj/;

/** The nearest number of FP8 (E4M3) that is not larger, by its byte, of which 0x7f and 0xff are no numbers. */
const float8: readonly number[] = Array.from({ length: 127 }, (_, code) => {
  const [exponent, fraction] = [code >> 3, code & 7];
  return exponent === 0 ? (fraction / 8) * 2 ** -6 : (1 + fraction / 8) * 2 ** (exponent - 7);
});
const byteOf = (value: number): number => {
  const size = Math.abs(value);
  let code = 0;
  while (code < 126 && (float8[code + 1] ?? Infinity) <= size) code += 1;
  return value < 0 ? code | 0x80 : code;
};

/** A matrix in FP8 with a scale for each block, and the values that it stands for. */
const quantise = (values: Float32Array, [rows = 0, columns = 0]: readonly number[]) => {
  const across = Math.ceil(columns / BLOCK);
  const scales = new Float32Array(Math.ceil(rows / BLOCK) * across);
  const codes = new Uint8Array(values.length);
  const plain = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += 1) {
    const block = Math.floor(Math.floor(at / columns) / BLOCK) * across + Math.floor((at % columns) / BLOCK);
    const scale = 2 ** ((block % 3) - 9);
    scales[block] = scale;
    const code = byteOf((values[at] ?? 0) / scale);
    codes[at] = code;
    plain[at] = (code & 0x80 ? -1 : 1) * (float8[code & 0x7f] ?? NaN) * scale;
  }
  return { codes, plain, scales, grid: [Math.ceil(rows / BLOCK), across] };
};

const logitsOf = async (folder: string, tokens: readonly number[], plan: Plan | null = null): Promise<Float32Array> => {
  const runner = await openModelRunner(await openCheckpoint(folder), {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    overlayFolder: await temporaryFolder(),
  });
  try {
    const [result] = await runner.forward([tokens], plan, { signal: new AbortController().signal });
    return result?.logits ?? new Float32Array();
  } finally {
    await runner.dispose();
  }
};

/** Families with all kinds of layers and wrappers; ENGINE=torch (`npm run test:interop`) tries the others. */
const families = [
  ...['qwen3_5_moe', 'glm4_moe', 'ernie4_5_moe', 'mimo_v2_flash', 'nemotron_h-latent'],
  ...(process.env['ENGINE'] === 'torch'
    ? ['qwen3_next', 'minimax_m2', 'glm_moe_dsa', 'llama4-scout', 'mixtral', 'kimi_k25', 'lfm2_moe']
    : []),
];

test.each(families)('%s in FP8 computes as with the values that it stands for', async (name) => {
  const fixture = publishedFixture(name);
  const folders = { float8: await writePublished(fixture), plain: await writePublished(fixture) };
  let matrices = 0;
  for (const [form, folder] of Object.entries(folders))
    await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
      for (const [tensor, stored] of [...tensors]) {
        if (stored.shape.length !== 2 || !quantised.test(tensor) || kept.test(tensor)) continue;
        const made = quantise(toFloat32(stored.bytes, stored.dtype, tensor), stored.shape);
        const as = (values: Float32Array, shape: readonly number[]): StoredTensor => ({
          dtype: 'F32',
          shape,
          bytes: fromFloat32(values, 'F32'),
        });
        if (form === 'plain') tensors.set(tensor, as(made.plain, stored.shape));
        else {
          matrices += 1;
          tensors.set(tensor, { dtype: 'F8_E4M3', shape: stored.shape, bytes: made.codes });
          tensors.set(`${tensor}_scale_inv`, as(made.scales, made.grid));
        }
      }
    });
  expect(matrices).toBeGreaterThan(4);
  const config = path.join(folders.float8, 'config.json');
  const text = await readFile(config, 'utf8');
  const storage = { quant_method: 'fp8', fmt: 'e4m3', weight_block_size: [BLOCK, BLOCK] };
  await writeFile(config, text.replace(/^\{/, `{"quantization_config":${JSON.stringify(storage)},`));
  expect(await logitsOf(folders.float8, fixture.tokens)).toEqual(await logitsOf(folders.plain, fixture.tokens));
});

/** Two e2m1 floats in a byte for each pair of columns, with a power of two for each 32 of them. */
const pairs = (values: Float32Array, [rows = 0, columns = 0]: readonly number[]) => {
  const sizes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
  const plain = new Float32Array(values.length);
  const bytes = new Uint8Array(values.length / 2);
  const exponents = Uint8Array.from({ length: (rows * columns) / 32 }, (_, group) => 124 + (group % 3));
  values.forEach((value, at) => {
    const scale = 2 ** ((exponents[Math.floor(at / 32)] ?? 0) - 127);
    const size = sizes.findLastIndex((each) => each <= Math.abs(value) / scale);
    plain[at] = (value < 0 ? -1 : 1) * (sizes[size] ?? NaN) * scale;
    bytes[at >> 1] = (bytes[at >> 1] ?? 0) | ((size | (value < 0 ? 8 : 0)) << (at % 2 === 0 ? 0 : 4));
  });
  return { codes: bytes, plain, scales: exponents, grid: [rows, columns / 32] };
};

/** Matrices of DeepSeek-V4, in its published names. */
const routedMatrix = /\.ffn\.experts\.\d+\.w[123]\.weight$/;
const otherMatrix = /\.(wq_a|wq_b|wkv|wo_b|shared_experts\.w[123])\.weight$/;

test('DeepSeek-V4 in FP8 with MXFP4 experts computes as with their values, and is exported so', async () => {
  const folders = {
    released: await changeableCopy(checkpointFixture('deepseek_v4')),
    plain: await changeableCopy(checkpointFixture('deepseek_v4')),
  };
  const made = { float8: 0, float4: 0 };
  for (const [form, folder] of Object.entries(folders)) {
    // Experts as wide as the model, so that rows have whole groups of 32.
    await editJson(path.join(folder, 'config.json'), (config) => {
      config['moe_intermediate_size'] = 32;
      if (form === 'plain') return;
      config['expert_dtype'] = 'fp4';
      const storage = { quant_method: 'fp8', fmt: 'e4m3', scale_fmt: 'ue8m0', weight_block_size: [BLOCK, BLOCK] };
      config['quantization_config'] = storage;
    });
    await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
      for (const [tensor, stored] of [...tensors]) {
        const isRouted = routedMatrix.test(tensor);
        if ((!isRouted && !otherMatrix.test(tensor)) || tensor.includes('compressor')) continue;
        const shape = tensor.includes('experts') ? [32, 32] : stored.shape;
        const [rows = 0, columns = 0] = shape;
        const old = toFloat32(stored.bytes, stored.dtype, tensor);
        const values = Float32Array.from({ length: rows * columns }, (_, at) => old[(at * 7) % old.length] ?? NaN);
        const { codes, plain, scales, grid } = (isRouted ? pairs : quantise)(values, shape);
        if (form === 'plain') {
          tensors.set(tensor, { dtype: 'F32', shape, bytes: fromFloat32(plain, 'F32') });
          continue;
        }
        made[isRouted ? 'float4' : 'float8'] += 1;
        const exponents = isRouted ? scales : scales.map((scale) => Math.log2(scale) + 127);
        tensors.set(
          tensor,
          isRouted
            ? { dtype: 'I8', shape: [rows, columns / 2], bytes: codes }
            : { dtype: 'F8_E4M3', shape, bytes: codes },
        );
        const bytes = Uint8Array.from(exponents);
        tensors.set(tensor.replace(/weight$/, 'scale'), { dtype: 'F8_E8M0', shape: grid, bytes });
      }
    });
  }
  // Two layers have an indexer with a matrix of its own.
  expect(made).toEqual({ float8: 4 * (4 + 3) + 2, float4: 4 * 8 * 3 });
  const tokens = publishedFixture('deepseek_v4').tokens;
  const logits = await logitsOf(folders.released, tokens);
  expect(logits).toEqual(await logitsOf(folders.plain, tokens));
  // A pruned copy has the codes of the kept experts, and computes what the mask does.
  const kept = (await openCheckpoint(folders.released)).descriptor.moeLayers.map(() => [0, 1, 2, 4, 6]);
  const { folder } = await exportPlan(await exportRequest(folders.released, { kept }));
  const own = await logitsOf(folder, tokens);
  expectClose(own, await logitsOf(folders.released, tokens, { kept }));
  expect(own).not.toEqual(logits);
});

/** Eight integers of four bits in a word, with a scale in bfloat16 for each 32 of a row. */
const words = (values: Float32Array, [rows = 0, columns = 0]: readonly number[]) => {
  const scale = (at: number): number => 2 ** -((Math.floor(at / 32) % 3) + 3);
  const codes = values.map((value, at) => Math.max(-8, Math.min(7, Math.round(value / scale(at)))));
  const packed = new Int32Array(values.length / 8);
  codes.forEach((code, at) => {
    packed[at >> 3] = (packed[at >> 3] ?? 0) | ((code + 8) << (4 * (at % 8)));
  });
  const scales = Float32Array.from({ length: values.length / 32 }, (_, group) => scale(32 * group));
  const plain = codes.map((code, at) => code * scale(at));
  return {
    packed: new Uint8Array(packed.buffer),
    plain,
    scales: fromFloat32(scales, 'BF16'),
    grid: [rows, columns / 32],
  };
};

/** As Kimi-K2.5's config states it, within that of the text model. */
const int4 = {
  quant_method: 'compressed-tensors',
  format: 'pack-quantized',
  quantization_status: 'compressed',
  kv_cache_scheme: null,
  global_compression_ratio: null,
  ignore: ['lm_head', 're:.*self_attn.*', 're:.*shared_experts.*', 're:.*mlp\\.(gate|up|gate_up|down)_proj.*'],
  config_groups: {
    group_0: {
      targets: ['Linear'],
      input_activations: null,
      output_activations: null,
      weights: {
        num_bits: 4,
        type: 'int',
        symmetric: true,
        strategy: 'group',
        group_size: 32,
        dynamic: false,
        actorder: null,
        block_structure: null,
        observer: 'minmax',
        observer_kwargs: {},
      },
    },
  },
};

test('Kimi K2.5 with INT4 experts computes as with their values, and is exported so', async () => {
  const folders = {
    released: await changeableCopy(checkpointFixture('kimi_k25')),
    plain: await changeableCopy(checkpointFixture('kimi_k25')),
  };
  for (const [form, folder] of Object.entries(folders)) {
    await editJson(path.join(folder, 'config.json'), (config) => {
      const text = z.record(z.string(), z.unknown()).parse(config['text_config']);
      const storage = form === 'released' ? { quantization_config: int4 } : {};
      config['text_config'] = { ...text, moe_intermediate_size: 32, ...storage };
    });
    await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
      for (const [tensor, stored] of [...tensors]) {
        if (!/experts\..*_proj\.weight$/.test(tensor)) continue;
        const old = toFloat32(stored.bytes, stored.dtype, tensor);
        const values = Float32Array.from({ length: 32 * 32 }, (_, at) => old[(at * 7) % old.length] ?? NaN);
        const { packed, plain, scales, grid } = words(values, [32, 32]);
        if (form === 'plain' || tensor.includes('shared_experts')) {
          tensors.set(tensor, { dtype: 'F32', shape: [32, 32], bytes: fromFloat32(plain, 'F32') });
          continue;
        }
        tensors.delete(tensor);
        tensors.set(`${tensor}_packed`, { dtype: 'I32', shape: [32, 4], bytes: packed });
        tensors.set(`${tensor}_scale`, { dtype: 'BF16', shape: grid, bytes: scales });
        const shape = new Uint8Array(new Int32Array([32, 32]).buffer);
        tensors.set(`${tensor}_shape`, { dtype: 'I32', shape: [2], bytes: shape });
      }
    });
  }
  const { tokens } = publishedFixture('kimi_k25');
  const logits = await logitsOf(folders.released, tokens);
  expect(logits).toEqual(await logitsOf(folders.plain, tokens));
  const kept = (await openCheckpoint(folders.released)).descriptor.moeLayers.map(() => [0, 1, 2, 4, 6, 9]);
  const { folder } = await exportPlan(await exportRequest(folders.released, { kept }));
  const own = await logitsOf(folder, tokens);
  expectClose(own, await logitsOf(folders.released, tokens, { kept }));
  expect(own).not.toEqual(logits);
});
