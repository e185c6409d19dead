import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { writeSafetensors } from '../../main/checkpoint/write-safetensors.ts';
import { bundledModel } from './shapes.ts';
import { randomTensors, type SyntheticShape } from './synthetic-checkpoint.ts';

/** Blocks of Qwen3-Next in any size. */
export interface Qwen3NextShape {
  readonly hidden: number;
  readonly layers: number;
  /** Attention in every n-th layer, gated delta nets in the others; 0: in none. */
  readonly attentionEvery: number;
  readonly heads: number;
  readonly headDimension: number;
  readonly keyValueHeads: number;
  readonly linear: {
    readonly keyHeads: number;
    readonly valueHeads: number;
    readonly dimension: number;
    readonly kernel: number;
  };
  readonly experts: number;
  readonly topK: number;
  readonly width: number;
  readonly vocabulary: number;
  readonly dtype: SyntheticShape['dtype'];
}

/** Folder of a checkpoint with random weights and the tokenizer of the bundled model, written on first use. */
export const qwen3NextCheckpoint = async (name: string, shape: Qwen3NextShape): Promise<string> => {
  const folder = path.join(os.tmpdir(), name);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished`;
  // A run that was ended may have left a part.
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  const tensor = randomTensors(shape.dtype, 1);
  const { hidden, layers, attentionEvery, heads, headDimension, keyValueHeads, linear, vocabulary, width } = shape;
  const layerTypes = Array.from({ length: layers }, (_, layer) =>
    attentionEvery !== 0 && (layer + 1) % attentionEvery === 0 ? 'full_attention' : 'linear_attention',
  );
  const [keys, values] = [linear.keyHeads * linear.dimension, linear.valueHeads * linear.dimension];
  const matrix = (name: string, rows: number, columns: number): ReturnType<typeof tensor> =>
    tensor(`${name}.weight`, [rows, columns], columns ** -0.5);
  const network = (prefix: string): readonly ReturnType<typeof tensor>[] => [
    matrix(`${prefix}gate_proj`, width, hidden),
    matrix(`${prefix}up_proj`, width, hidden),
    matrix(`${prefix}down_proj`, hidden, width),
  ];
  const tensors = [
    tensor('model.embed_tokens.weight', [vocabulary, hidden], 1),
    tensor('model.norm.weight', [hidden], 0.1),
    matrix('lm_head', vocabulary, hidden),
    ...layerTypes.flatMap((type, layer) => {
      const prefix = `model.layers.${String(layer)}.`;
      const operator =
        type === 'full_attention'
          ? [
              matrix(`${prefix}self_attn.q_proj`, 2 * heads * headDimension, hidden),
              matrix(`${prefix}self_attn.k_proj`, keyValueHeads * headDimension, hidden),
              matrix(`${prefix}self_attn.v_proj`, keyValueHeads * headDimension, hidden),
              matrix(`${prefix}self_attn.o_proj`, hidden, heads * headDimension),
              tensor(`${prefix}self_attn.q_norm.weight`, [headDimension], 0.1),
              tensor(`${prefix}self_attn.k_norm.weight`, [headDimension], 0.1),
            ]
          : [
              matrix(`${prefix}linear_attn.in_proj_qkvz`, 2 * keys + 2 * values, hidden),
              matrix(`${prefix}linear_attn.in_proj_ba`, 2 * linear.valueHeads, hidden),
              tensor(`${prefix}linear_attn.conv1d.weight`, [2 * keys + values, 1, linear.kernel], 0.5),
              tensor(`${prefix}linear_attn.A_log`, [linear.valueHeads], 0.5),
              tensor(`${prefix}linear_attn.dt_bias`, [linear.valueHeads], 0.5),
              tensor(`${prefix}linear_attn.norm.weight`, [linear.dimension], 0),
              matrix(`${prefix}linear_attn.out_proj`, hidden, values),
            ];
      return [
        ...operator,
        tensor(`${prefix}input_layernorm.weight`, [hidden], 0.1),
        tensor(`${prefix}post_attention_layernorm.weight`, [hidden], 0.1),
        matrix(`${prefix}mlp.gate`, shape.experts, hidden),
        tensor(`${prefix}mlp.shared_expert_gate.weight`, [1, hidden], hidden ** -0.5),
        ...network(`${prefix}mlp.shared_expert.`),
        ...Array.from({ length: shape.experts }, (_, expert) =>
          network(`${prefix}mlp.experts.${String(expert)}.`),
        ).flat(),
      ];
    }),
  ];
  await writeSafetensors(path.join(unfinished, 'model.safetensors'), tensors, { format: 'pt' });
  const config = {
    architectures: ['Qwen3NextForCausalLM'],
    model_type: 'qwen3_next',
    hidden_size: hidden,
    num_hidden_layers: layers,
    layer_types: layerTypes,
    num_attention_heads: heads,
    head_dim: headDimension,
    num_key_value_heads: keyValueHeads,
    vocab_size: vocabulary,
    max_position_embeddings: 4096,
    num_experts: shape.experts,
    num_experts_per_tok: shape.topK,
    moe_intermediate_size: width,
    shared_expert_intermediate_size: width,
    linear_num_key_heads: linear.keyHeads,
    linear_num_value_heads: linear.valueHeads,
    linear_key_head_dim: linear.dimension,
    linear_value_head_dim: linear.dimension,
    linear_conv_kernel_dim: linear.kernel,
    tie_word_embeddings: false,
  };
  await writeFile(path.join(unfinished, 'config.json'), JSON.stringify(config, null, 1));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(path.join(bundledModel, file), path.join(unfinished, file));
  await rename(unfinished, folder);
  return folder;
};
