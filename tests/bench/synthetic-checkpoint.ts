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

/** Numbers of a pool. */
const POOL = 2 ** 24;

/** As `randomTensors`, cut from one pool of random numbers, each at its own offset: for checkpoints of many gigabytes. */
export const pooledTensors = (dtype: 'F32' | 'F16' | 'BF16', seed: number): RandomTensor => {
  const random = seededRandom(seed);
  const bytesPer = dtype === 'F32' ? 4 : 2;
  const pools = new Map<number, Uint8Array>();
  const poolOf = (deviation: number): Uint8Array => {
    const known = pools.get(deviation);
    if (known !== undefined) return known;
    const values = Float32Array.from({ length: POOL }, () =>
      deviation === 0 ? 1 : (random.float() - 0.5) * deviation * Math.sqrt(12),
    );
    const made = fromFloat32(values, dtype);
    pools.set(deviation, made);
    return made;
  };
  return (name, shape, deviation) => {
    const byteLength = bytesPer * shape.reduce((product, each) => product * each, 1);
    const start = bytesPer * Math.floor(random.float() * POOL);
    return { name, dtype, shape, byteLength, bytes: () => stretchOf(poolOf(deviation), start, byteLength) };
  };
};

async function* stretchOf(pool: Uint8Array, start: number, byteLength: number): AsyncGenerator<Uint8Array> {
  for (let written = 0, at = start; written < byteLength; at = 0) {
    const piece = pool.subarray(at, Math.min(pool.length, at + byteLength - written));
    written += piece.length;
    yield await Promise.resolve(piece);
  }
}

/** Columns of a matrix that share a scale, in the INT4 form. */
const GROUP = 128;
const CODES_IN_WORD = 8;
/** Standard deviation of whole numbers from -8 to 7. */
const CODE_DEVIATION = 4.61;

/** A matrix in four bits with a scale for every `GROUP` columns, as compressed-tensors packs it; random codes. */
const int4Matrix =
  (tensor: RandomTensor, seed: number) =>
  (name: string, [rows, columns]: readonly [number, number], deviation: number): readonly TensorToWrite[] => {
    const scales = Float32Array.from({ length: (rows * columns) / GROUP }, () => deviation / CODE_DEVIATION);
    return [
      {
        name: `${name}_packed`,
        dtype: 'I32',
        shape: [rows, columns / CODES_IN_WORD],
        byteLength: (rows * columns) / 2,
        bytes: () => {
          const random = seededRandom(seed);
          return new Uint8Array(
            Int32Array.from({ length: (rows * columns) / CODES_IN_WORD }, () =>
              Math.floor((random.float() - 0.5) * 2 ** 32),
            ).buffer,
          );
        },
      },
      { ...tensor(`${name}_scale`, [rows, columns / GROUP], 1), bytes: () => fromFloat32(scales, 'BF16') },
      {
        name: `${name}_shape`,
        dtype: 'I64',
        shape: [2],
        byteLength: 16,
        bytes: () => new Uint8Array(BigInt64Array.from([rows, columns].map(BigInt)).buffer),
      },
    ];
  };

/** `quantization_config` of such matrices. */
const int4Config = {
  quant_method: 'compressed-tensors',
  format: 'pack-quantized',
  quantization_status: 'compressed',
  kv_cache_scheme: null,
  ignore: ['lm_head', 're:.*self_attn.*', 're:.*gate$'],
  config_groups: {
    group_0: {
      targets: ['Linear'],
      format: 'pack-quantized',
      input_activations: null,
      output_activations: null,
      weights: {
        num_bits: 4,
        type: 'int',
        symmetric: true,
        strategy: 'group',
        group_size: GROUP,
        actorder: null,
        block_structure: null,
        dynamic: false,
        observer: 'minmax',
        observer_kwargs: {},
      },
    },
  },
};

/**
 * Writes a Mixtral checkpoint with random weights on the scale of a trained model: for speed and memory, not for
 * meaning. `isLarge`: its numbers are cut from a pool. `isInt4`: its experts have four bits.
 */
export const writeSyntheticCheckpoint = async (
  folder: string,
  shape: SyntheticShape,
  seed: number,
  { isLarge = false, isInt4 = false }: { readonly isLarge?: boolean; readonly isInt4?: boolean } = {},
): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const tensor = (isLarge ? pooledTensors : randomTensors)(shape.dtype, seed);
  let matrices = 0;
  const matrix = (name: string, sides: readonly [number, number], deviation: number): readonly TensorToWrite[] =>
    isInt4 ? int4Matrix(tensor, seed + (matrices += 1))(name, sides, deviation) : [tensor(name, sides, deviation)];
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
        ...matrix(`${own}w1.weight`, [width, hidden], hidden ** -0.5),
        ...matrix(`${own}w2.weight`, [hidden, width], width ** -0.5),
        ...matrix(`${own}w3.weight`, [width, hidden], hidden ** -0.5),
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
    ...(isInt4 ? { quantization_config: int4Config } : {}),
  };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config, null, 1));
};
