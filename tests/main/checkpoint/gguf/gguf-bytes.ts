import {
  type BlockType,
  type GgufTensorType,
  ggufTypes,
  isBlockType,
  tensorBytes,
} from '../../../../main/checkpoint/gguf/gguf-types.ts';
import type { DropPlan } from '../../../../main/contract/plan.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

/** GGUF files made byte by byte, for readers. */

export const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
export const u64 = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
export const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
export const metadata = (key: string, type: number, ...value: readonly Buffer[]): Buffer =>
  Buffer.concat([text(key), u32(type), ...value]);
export const float = (key: string, value: number): Buffer =>
  metadata(key, 6, Buffer.from(Float32Array.of(value).buffer));

export interface RawTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
  readonly offset: number;
}

/** A file with these values and tensors, and the data. */
export const ggufFile = (
  values: readonly Buffer[],
  tensors: readonly RawTensor[],
  data: Uint8Array,
  version = 3,
): Buffer => {
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(tensors.length),
    u64(values.length),
    ...values,
    ...tensors.map(({ name, shape, type, offset }) =>
      Buffer.concat([text(name), u32(shape.length), ...[...shape].reverse().map(u64), u32(type), u64(offset)]),
    ),
  ]);
  return Buffer.concat([header, Buffer.alloc(Math.ceil(header.length / 32) * 32 - header.length), data]);
};

/** Positions of the float16 scales of a block. */
const scales: Readonly<Partial<Record<BlockType, readonly number[]>>> = {
  q4_0: [0],
  q5_1: [0, 2],
  q8_0: [0],
  q2_k: [80, 82],
  q3_k: [108],
  q4_k: [0, 2],
  q5_k: [0, 2],
  q6_k: [208],
  iq4_xs: [0],
  iq2_xxs: [0],
  iq3_s: [0],
};
/** 2^-10 in float16. */
const SMALL = 0x1400;

/** Random blocks with small scales, or random numbers within +-0.05. */
const randomData = (
  type: GgufTensorType,
  shape: readonly number[],
  random: ReturnType<typeof seededRandom>,
): Buffer => {
  const bytes = Buffer.alloc(tensorBytes(type, shape));
  if (type === 'f32') {
    for (let at = 0; at < bytes.length; at += 4) bytes.writeFloatLE((random.float() - 0.5) / 10, at);
    return bytes;
  }
  const at = isBlockType(type) ? scales[type] : undefined;
  if (at === undefined) throw new Error(`no random ${type}`);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = random.integer(256);
  for (let block = 0; block < bytes.length; block += ggufTypes[type].bytes)
    for (const offset of at) bytes.writeUInt16LE(SMALL, block + offset);
  return bytes;
};

const [EXPERTS, LAYERS, TOKENS] = [5, 2, 40];
const HEADS = 4;

/**
 * A Mixtral of 5 experts (or `experts`) and 2 layers (or `layers`) with random weights: its matrices of attention,
 * gates, ups, downs and its embedding are of these types. `kept`: experts of every layer that the file has, each with
 * the bytes that it has in the whole file.
 */
export const randomMixtral = (
  types: Readonly<Record<'attention' | 'gate' | 'up' | 'down' | 'embedding', GgufTensorType>>,
  hidden = 256,
  {
    experts: count = EXPERTS,
    layers = LAYERS,
    kept,
  }: { readonly experts?: number; readonly layers?: number; readonly kept?: DropPlan['kept'] } = {},
): Buffer => {
  const random = seededRandom(20_261_128);
  const shapes: (readonly [string, GgufTensorType, readonly number[]])[] = [
    ['token_embd.weight', types.embedding, [TOKENS, hidden]],
    ['output_norm.weight', 'f32', [hidden]],
    ['output.weight', types.embedding, [TOKENS, hidden]],
  ];
  for (let layer = 0; layer < layers; layer += 1) {
    const at = (name: string, type: GgufTensorType, shape: readonly number[]): void =>
      void shapes.push([`blk.${String(layer)}.${name}.weight`, type, shape]);
    at('attn_norm', 'f32', [hidden]);
    at('attn_q', types.attention, [hidden, hidden]);
    at('attn_k', types.attention, [hidden / 2, hidden]);
    at('attn_v', types.attention, [hidden / 2, hidden]);
    at('attn_output', types.attention, [hidden, hidden]);
    at('ffn_norm', 'f32', [hidden]);
    at('ffn_gate_inp', 'f32', [count, hidden]);
    at('ffn_gate_exps', types.gate, [count, hidden, hidden]);
    at('ffn_up_exps', types.up, [count, hidden, hidden]);
    at('ffn_down_exps', types.down, [count, hidden, hidden]);
  }
  const tensors: RawTensor[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [name, type, shape] of shapes) {
    const whole = name.includes('norm')
      ? Buffer.from(new Float32Array(hidden).fill(1).buffer)
      : randomData(type, shape, random);
    const experts = /_(inp|exps)\./.test(name) ? kept?.[Number(/\d+/.exec(name)?.[0])] : undefined;
    const size = whole.length / count;
    const bytes =
      experts === undefined
        ? whole
        : Buffer.concat(experts.map((expert) => whole.subarray(expert * size, (expert + 1) * size)));
    const own = experts === undefined ? shape : [experts.length, ...shape.slice(1)];
    tensors.push({ name, shape: own, type: ggufTypes[type].number, offset });
    const padding = Buffer.alloc(Math.ceil(bytes.length / 32) * 32 - bytes.length);
    data.push(bytes, padding);
    offset += bytes.length + padding.length;
  }
  const whole = (key: string, value: number): Buffer => metadata(`llama.${key}`, 4, u32(value));
  const list = (key: string, type: number, values: readonly Buffer[]): Buffer =>
    metadata(key, 9, u32(type), u64(values.length), ...values);
  return ggufFile(
    [
      metadata('general.architecture', 8, text('llama')),
      metadata('general.name', 8, text('random')),
      whole('context_length', 64),
      whole('embedding_length', hidden),
      whole('block_count', layers),
      whole('feed_forward_length', hidden),
      whole('attention.head_count', HEADS),
      whole('attention.head_count_kv', 2),
      float('llama.attention.layer_norm_rms_epsilon', 1e-5),
      whole('rope.dimension_count', hidden / HEADS),
      float('llama.rope.freq_base', 10000),
      whole('expert_count', kept?.[0]?.length ?? count),
      whole('expert_used_count', 2),
      whole('vocab_size', TOKENS),
      metadata('tokenizer.ggml.model', 8, text('t5')),
      metadata('tokenizer.ggml.pre', 8, text('default')),
      metadata('tokenizer.ggml.add_space_prefix', 7, Buffer.of(0)),
      metadata('tokenizer.ggml.remove_extra_whitespaces', 7, Buffer.of(0)),
      metadata('tokenizer.ggml.add_bos_token', 7, Buffer.of(0)),
      list(
        'tokenizer.ggml.tokens',
        8,
        Array.from({ length: TOKENS }, (_, id) => text(id === 0 ? '<unk>' : String.fromCodePoint(0x60 + id))),
      ),
      list(
        'tokenizer.ggml.scores',
        6,
        Array.from({ length: TOKENS }, () => Buffer.alloc(4)),
      ),
      list(
        'tokenizer.ggml.token_type',
        5,
        Array.from({ length: TOKENS }, (_, id) => u32(id === 0 ? 2 : 1)),
      ),
      metadata('tokenizer.ggml.unknown_token_id', 4, u32(0)),
    ],
    tensors,
    Buffer.concat(data),
  );
};
