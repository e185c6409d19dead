import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TensorDtype } from '../../../main/checkpoint/descriptor.ts';
import { fromFloat32, readTensorBytes, toFloat32 } from '../../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const fixtures = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../fixtures/reference');

/** Folder of a fixture, to read from. */
export const checkpointFixture = (name: string): string => path.join(fixtures, 'checkpoints', name);
export const scoringFixture = (name: string): string => path.join(fixtures, 'scoring', name);

/** A copy of a folder that a test may change. */
export const changeableCopy = async (folder: string): Promise<string> => {
  const copy = path.join(await temporaryFolder(), path.basename(folder));
  await cp(folder, copy, { recursive: true });
  return copy;
};

export interface StoredTensor {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Reads a weight file, lets `edit` change its tensors, and writes it again. */
export const editTensors = async (file: string, edit: (tensors: Map<string, StoredTensor>) => void): Promise<void> => {
  const { tensors, metadata } = await readSafetensorsHeader(file);
  const stored = new Map<string, StoredTensor>();
  for (const [name, view] of tensors)
    stored.set(name, { dtype: view.dtype, shape: view.shape, bytes: await readTensorBytes(view) });
  edit(stored);
  await rm(file);
  await writeSafetensors(
    file,
    [...stored].map(([name, { dtype, shape, bytes }]) => ({
      name,
      dtype,
      shape,
      byteLength: bytes.length,
      bytes: () => bytes,
    })),
    metadata,
  );
};

/** Makes the experts of a folder, of `moe_intermediate_size`, as wide as the model, so that rows have whole groups. */
export const widenExperts = async (folder: string): Promise<string> => {
  let wide = 0;
  await editJson(path.join(folder, 'config.json'), (config) => {
    wide = Number(config['hidden_size']);
    config['moe_intermediate_size'] = wide;
  });
  await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
    for (const [tensor, { dtype, bytes }] of tensors) {
      if (!/\.experts\.\d+\.\w+\.weight$/.test(tensor)) continue;
      const old = toFloat32(bytes, dtype, tensor);
      const values = Float32Array.from({ length: wide * wide }, (_, index) => old[(index * 7) % old.length] ?? NaN);
      tensors.set(tensor, { dtype, shape: [wide, wide], bytes: fromFloat32(values, dtype) });
    }
  });
  return folder;
};

/** Spreads the tensors of a checkpoint over the shards given by `shardOf`, numbered from 1. */
export const reshard = async (
  folder: string,
  count: number,
  shardOf: (tensor: string, position: number) => number,
): Promise<void> => {
  const single = path.join(folder, 'model.safetensors');
  const names = [...(await readSafetensorsHeader(single)).tensors.keys()];
  const fileOf = (shard: number): string =>
    `model-${String(shard).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`;
  const weightMap = new Map(names.map((name, position) => [name, fileOf(shardOf(name, position))]));
  for (let shard = 1; shard <= count; shard += 1) {
    await cp(single, path.join(folder, fileOf(shard)));
    await editTensors(path.join(folder, fileOf(shard)), (tensors) => {
      for (const name of names) if (weightMap.get(name) !== fileOf(shard)) tensors.delete(name);
    });
  }
  await rm(single);
  await writeFile(
    path.join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(weightMap) }),
  );
};

export const editJson = async (file: string, edit: (json: Record<string, unknown>) => void): Promise<void> => {
  const json = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  edit(json);
  await writeFile(file, JSON.stringify(json));
};

export interface MixtralShape {
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
  readonly hidden: number;
  readonly width: number;
  readonly vocabulary: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly maxPositions: number;
  readonly slidingWindow: number | null;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly stacked: boolean;
  readonly seed: number;
}

const smallest: MixtralShape = {
  layers: 2,
  experts: 6,
  topK: 2,
  hidden: 16,
  width: 12,
  vocabulary: 40,
  heads: 4,
  keyValueHeads: 2,
  maxPositions: 64,
  slidingWindow: null,
  dtype: 'F32',
  stacked: false,
  seed: 1,
};

/** Writes a checkpoint with random weights into a new folder; `edit` may change float32 values of tensors first. */
export const makeMixtral = async (
  wanted: Partial<MixtralShape> = {},
  edit: (tensors: Map<string, { readonly shape: readonly number[]; readonly floats: Float32Array }>) => void = () =>
    undefined,
): Promise<string> => {
  const shape = { ...smallest, ...wanted };
  const { layers, experts, hidden, width, vocabulary, heads, keyValueHeads, dtype } = shape;
  const random = seededRandom(shape.seed);
  const tensors = new Map<string, { readonly shape: readonly number[]; readonly floats: Float32Array }>();
  const add = (name: string, dimensions: readonly number[], scale: number, centre = 0): void => {
    const length = dimensions.reduce((product, each) => product * each, 1);
    tensors.set(name, {
      shape: dimensions,
      floats: Float32Array.from({ length }, () => centre + scale * (2 * random.float() - 1)),
    });
  };
  const head = hidden / heads;
  add('model.embed_tokens.weight', [vocabulary, hidden], 1);
  for (let layer = 0; layer < layers; layer += 1) {
    const prefix = `model.layers.${layer}`;
    add(`${prefix}.input_layernorm.weight`, [hidden], 0.2, 1);
    add(`${prefix}.self_attn.q_proj.weight`, [heads * head, hidden], 0.5);
    add(`${prefix}.self_attn.k_proj.weight`, [keyValueHeads * head, hidden], 0.5);
    add(`${prefix}.self_attn.v_proj.weight`, [keyValueHeads * head, hidden], 0.5);
    add(`${prefix}.self_attn.o_proj.weight`, [hidden, heads * head], 0.5);
    add(`${prefix}.post_attention_layernorm.weight`, [hidden], 0.2, 1);
    const router = shape.stacked ? 'mlp.gate' : 'block_sparse_moe.gate';
    add(`${prefix}.${router}.weight`, [experts, hidden], 0.8);
    if (shape.stacked) {
      add(`${prefix}.mlp.experts.gate_up_proj`, [experts, 2 * width, hidden], 0.5);
      add(`${prefix}.mlp.experts.down_proj`, [experts, hidden, width], 0.5);
      continue;
    }
    for (let expert = 0; expert < experts; expert += 1) {
      add(`${prefix}.block_sparse_moe.experts.${expert}.w1.weight`, [width, hidden], 0.5);
      add(`${prefix}.block_sparse_moe.experts.${expert}.w2.weight`, [hidden, width], 0.5);
      add(`${prefix}.block_sparse_moe.experts.${expert}.w3.weight`, [width, hidden], 0.5);
    }
  }
  add('model.norm.weight', [hidden], 0.2, 1);
  add('lm_head.weight', [vocabulary, hidden], 0.8);
  edit(tensors);

  const folder = await temporaryFolder();
  await writeSafetensors(
    path.join(folder, 'model.safetensors'),
    [...tensors].map(([name, { shape: dimensions, floats }]) => {
      const bytes = fromFloat32(floats, dtype);
      return { name, dtype, shape: dimensions, byteLength: bytes.length, bytes: () => bytes };
    }),
    { format: 'pt' },
  );
  const config = {
    model_type: 'mixtral',
    architectures: ['MixtralForCausalLM'],
    hidden_act: 'silu',
    hidden_size: hidden,
    intermediate_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    num_local_experts: experts,
    num_experts_per_tok: shape.topK,
    vocab_size: vocabulary,
    max_position_embeddings: shape.maxPositions,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    sliding_window: shape.slidingWindow,
    tie_word_embeddings: false,
  };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config, null, 2));
  return folder;
};
