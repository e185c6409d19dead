import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fromFloat32 } from '../../checkpoint/read-tensor.ts';
import { type TensorToWrite, writeSafetensors } from '../../checkpoint/write-safetensors.ts';
import { seededRandom } from '../../statistics/random.ts';

/** Grouped heads and bfloat16 weights, as in most real models; small enough to be written in a tenth of a second. */
export const probeShape = {
  hidden: 128,
  heads: 4,
  keyValueHeads: 2,
  experts: 24,
  topK: 2,
  width: 128,
  vocabulary: 256,
  positions: 128,
} as const;

const SEED = 20_240_901;

/** Writes a Mixtral of one block with seeded weights of a trained model's scale into an empty folder. */
export const writeProbeCheckpoint = async (folder: string): Promise<void> => {
  const { hidden, heads, keyValueHeads, experts, topK, width, vocabulary, positions } = probeShape;
  const random = seededRandom(SEED);
  const keyWidth = (hidden / heads) * keyValueHeads;
  /** Uniform numbers of standard deviation `scale` about `centre`. */
  const tensor = (name: string, shape: readonly number[], scale: number, centre = 0): TensorToWrite => {
    const length = shape.reduce((product, each) => product * each, 1);
    const bytes = (): Uint8Array =>
      fromFloat32(
        Float32Array.from({ length }, () => centre + (2 * random.float() - 1) * scale * Math.sqrt(3)),
        'BF16',
      );
    return { name, dtype: 'BF16', shape, byteLength: 2 * length, bytes };
  };
  const layer = 'model.layers.0';
  const inward = hidden ** -0.5;
  await writeSafetensors(path.join(folder, 'model.safetensors'), [
    tensor('model.embed_tokens.weight', [vocabulary, hidden], 1),
    tensor(`${layer}.input_layernorm.weight`, [hidden], 0.1, 1),
    tensor(`${layer}.self_attn.q_proj.weight`, [hidden, hidden], inward),
    tensor(`${layer}.self_attn.k_proj.weight`, [keyWidth, hidden], inward),
    tensor(`${layer}.self_attn.v_proj.weight`, [keyWidth, hidden], inward),
    tensor(`${layer}.self_attn.o_proj.weight`, [hidden, hidden], inward),
    tensor(`${layer}.post_attention_layernorm.weight`, [hidden], 0.1, 1),
    tensor(`${layer}.block_sparse_moe.gate.weight`, [experts, hidden], inward),
    ...Array.from({ length: experts }, (_, expert) => `${layer}.block_sparse_moe.experts.${expert}`).flatMap(
      (expert) => [
        tensor(`${expert}.w1.weight`, [width, hidden], inward),
        tensor(`${expert}.w2.weight`, [hidden, width], width ** -0.5),
        tensor(`${expert}.w3.weight`, [width, hidden], inward),
      ],
    ),
    tensor('model.norm.weight', [hidden], 0.1, 1),
    tensor('lm_head.weight', [vocabulary, hidden], inward),
  ]);
  const config = {
    model_type: 'mixtral',
    architectures: ['MixtralForCausalLM'],
    hidden_act: 'silu',
    hidden_size: hidden,
    intermediate_size: width,
    num_hidden_layers: 1,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    num_local_experts: experts,
    num_experts_per_tok: topK,
    vocab_size: vocabulary,
    max_position_embeddings: positions,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    sliding_window: null,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
  };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
};
