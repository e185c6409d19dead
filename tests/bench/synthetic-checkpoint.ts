import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TensorDtype } from '../../main/checkpoint/descriptor.ts';
import { fromFloat32 } from '../../main/checkpoint/read-tensor.ts';
import { type TensorToWrite, writeSafetensors } from '../../main/checkpoint/write-safetensors.ts';
import { seededRandom } from '../../main/statistics/random.ts';

export interface SyntheticShape {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly experts: number;
  readonly topK: number;
  readonly width: number;
  readonly vocabulary: number;
  readonly maxPositions: number;
  readonly dtype: Extract<TensorDtype, 'F32' | 'F16' | 'BF16'>;
}

/** A tensor of random numbers of a standard deviation; 0: of ones. */
export type RandomTensor = (name: string, shape: readonly number[], deviation: number) => TensorToWrite;

export const randomTensors = (dtype: SyntheticShape['dtype'], seed: number): RandomTensor => {
  const random = seededRandom(seed);
  const bytesPer = dtype === 'F32' ? 4 : 2;
  return (name, shape, deviation) => {
    const length = shape.reduce((product, each) => product * each, 1);
    return {
      name,
      dtype,
      shape,
      byteLength: length * bytesPer,
      // Uniform numbers of the wanted variance; the distribution does not affect speed.
      bytes: () =>
        fromFloat32(
          Float32Array.from({ length }, () =>
            deviation === 0 ? 1 : (random.float() - 0.5) * deviation * Math.sqrt(12),
          ),
          dtype,
        ),
    };
  };
};

/**
 * Writes a Mixtral checkpoint with random weights on the scale of a trained model: for speed and memory, not for
 * meaning.
 */
export const writeSyntheticCheckpoint = async (folder: string, shape: SyntheticShape, seed: number): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const tensor = randomTensors(shape.dtype, seed);
  const { hidden, width } = shape;
  const headDimension = hidden / shape.heads;
  const tensors = [tensor('model.embed_tokens.weight', [shape.vocabulary, hidden], 1)];
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const prefix = `model.layers.${String(layer)}.`;
    tensors.push(
      tensor(`${prefix}input_layernorm.weight`, [hidden], 0),
      tensor(`${prefix}self_attn.q_proj.weight`, [hidden, hidden], hidden ** -0.5),
      tensor(`${prefix}self_attn.k_proj.weight`, [shape.keyValueHeads * headDimension, hidden], hidden ** -0.5),
      tensor(`${prefix}self_attn.v_proj.weight`, [shape.keyValueHeads * headDimension, hidden], hidden ** -0.5),
      tensor(`${prefix}self_attn.o_proj.weight`, [hidden, hidden], hidden ** -0.5),
      tensor(`${prefix}post_attention_layernorm.weight`, [hidden], 0),
      tensor(`${prefix}block_sparse_moe.gate.weight`, [shape.experts, hidden], hidden ** -0.5),
    );
    for (let expert = 0; expert < shape.experts; expert += 1) {
      const own = `${prefix}block_sparse_moe.experts.${String(expert)}.`;
      tensors.push(
        tensor(`${own}w1.weight`, [width, hidden], hidden ** -0.5),
        tensor(`${own}w2.weight`, [hidden, width], width ** -0.5),
        tensor(`${own}w3.weight`, [width, hidden], hidden ** -0.5),
      );
    }
  }
  tensors.push(
    tensor('model.norm.weight', [hidden], 0),
    tensor('lm_head.weight', [shape.vocabulary, hidden], hidden ** -0.5),
  );
  await writeSafetensors(path.join(folder, 'model.safetensors'), tensors, { format: 'pt' });
  const dtype = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[shape.dtype];
  const config = {
    architectures: ['MixtralForCausalLM'],
    model_type: 'mixtral',
    hidden_act: 'silu',
    hidden_size: hidden,
    intermediate_size: width,
    max_position_embeddings: shape.maxPositions,
    num_attention_heads: shape.heads,
    num_experts_per_tok: shape.topK,
    num_hidden_layers: shape.layers,
    num_key_value_heads: shape.keyValueHeads,
    num_local_experts: shape.experts,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    rope_scaling: null,
    sliding_window: null,
    tie_word_embeddings: false,
    torch_dtype: dtype,
    vocab_size: shape.vocabulary,
    bos_token_id: 0,
    eos_token_id: 0,
  };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config, null, 1));
};
