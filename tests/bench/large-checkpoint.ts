import { existsSync } from 'node:fs';
import { mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TensorToWrite, writeSafetensors } from '../../main/checkpoint/write-safetensors.ts';
import { pooledTensors } from './synthetic-checkpoint.ts';

/** The shape of OLMoE-1B-7B (allenai, config.json): 6.9 billion parameters, 14 GB in bfloat16. */
const shape = { hidden: 2048, layers: 16, heads: 16, experts: 64, topK: 8, width: 1024, vocabulary: 50_304 };
const SHARDS = 3;
const FIRST_CHARACTER = 0x10_000;

/** Character of a token in the large checkpoint. */
export const largeCharacter = (token: number): string => String.fromCodePoint(FIRST_CHARACTER + token);

const randomTensors = (): readonly TensorToWrite[] => {
  const tensor = pooledTensors('BF16', 1);
  const { hidden, width, vocabulary } = shape;
  const row = hidden ** -0.5;
  const layers = Array.from({ length: shape.layers }, (_, layer) => {
    const own = `model.layers.${String(layer)}.`;
    const projection = (name: string): TensorToWrite => tensor(`${own}self_attn.${name}.weight`, [hidden, hidden], row);
    const experts = Array.from({ length: shape.experts }, (__, expert) => {
      const part = `${own}mlp.experts.${String(expert)}.`;
      return [
        tensor(`${part}gate_proj.weight`, [width, hidden], row),
        tensor(`${part}up_proj.weight`, [width, hidden], row),
        tensor(`${part}down_proj.weight`, [hidden, width], width ** -0.5),
      ];
    });
    return [
      ...['input_layernorm', 'post_attention_layernorm', 'self_attn.q_norm', 'self_attn.k_norm'].map((name) =>
        tensor(`${own}${name}.weight`, [hidden], 0),
      ),
      ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map(projection),
      tensor(`${own}mlp.gate.weight`, [shape.experts, hidden], row),
      ...experts.flat(),
    ];
  });
  return [
    tensor('model.embed_tokens.weight', [vocabulary, hidden], 1),
    ...layers.flat(),
    tensor('model.norm.weight', [hidden], 0),
    tensor('lm_head.weight', [vocabulary, hidden], row),
  ];
};

const config = {
  architectures: ['OlmoeForCausalLM'],
  model_type: 'olmoe',
  hidden_act: 'silu',
  hidden_size: shape.hidden,
  intermediate_size: shape.width,
  max_position_embeddings: 4096,
  num_attention_heads: shape.heads,
  num_key_value_heads: shape.heads,
  num_hidden_layers: shape.layers,
  num_experts: shape.experts,
  num_experts_per_tok: shape.topK,
  norm_topk_prob: false,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  rope_scaling: null,
  clip_qkv: null,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  vocab_size: shape.vocabulary,
  eos_token_id: 0,
};

const tokenizer = {
  version: '1.0',
  added_tokens: [
    { id: 0, content: '<unk>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  ],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    byte_fallback: false,
    fuse_unk: false,
    vocab: Object.fromEntries([
      ['<unk>', 0],
      ...Array.from({ length: shape.vocabulary - 1 }, (_, index) => [largeCharacter(index + 1), index + 1] as const),
    ]),
    merges: [],
  },
};

/** Folder of a checkpoint of 14 GB with random weights in three shards, written on first use. */
export const largeCheckpoint = async (): Promise<string> => {
  const folder = path.join(os.tmpdir(), 'uncurl-bench-14gb');
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished);
  const tensors = randomTensors();
  const size = Math.ceil(tensors.length / SHARDS);
  const fileOf: Record<string, string> = {};
  for (let shard = 0; shard < SHARDS; shard += 1) {
    const file = `model-0000${String(shard + 1)}-of-0000${String(SHARDS)}.safetensors`;
    const own = tensors.slice(shard * size, (shard + 1) * size);
    for (const { name } of own) fileOf[name] = file;
    await writeSafetensors(path.join(unfinished, file), own, { format: 'pt' });
  }
  const total = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const write = (name: string, content: unknown): Promise<void> =>
    writeFile(path.join(unfinished, name), JSON.stringify(content));
  await write('model.safetensors.index.json', { metadata: { total_size: total }, weight_map: fileOf });
  await write('config.json', config);
  await write('tokenizer.json', tokenizer);
  await write('tokenizer_config.json', { unk_token: '<unk>' });
  await rename(unfinished, folder);
  return folder;
};

/**
 * Writes a folder with the same config, tokenizer and tensors, whose weights take no space on disk and are zeros: for
 * layouts.
 */
export const emptyLargeCheckpoint = async (folder: string): Promise<void> => {
  await mkdir(folder);
  let offset = 0;
  const entries = randomTensors().map(({ name, dtype, shape: dimensions, byteLength }) => {
    const start = offset;
    offset += byteLength;
    return [name, { dtype, shape: dimensions, data_offsets: [start, offset] }] as const;
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = path.join(folder, 'model.safetensors');
  await writeFile(file, Buffer.concat([length, header]));
  await truncate(file, length.length + header.length + offset);
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(path.join(folder, 'tokenizer_config.json'), JSON.stringify({ unk_token: '<unk>' }));
};
