import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { fromFloat32, toFloat32 } from '../../../../main/checkpoint/read-tensor.ts';
import { openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import type { GgufType } from '../../../../main/contract/export.ts';
import { exportedTensors } from '../../../../main/export/exported-tensors.ts';
import { GGUF_FILE, planGguf, writeGguf } from '../../../../main/export/gguf/gguf-file.ts';
import { parsePythonJson } from '../../../../main/files/parse-json.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';
import { overlaysIn } from '../../../open-model-runner.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import {
  changeableCopy,
  checkpointFixture,
  editJson,
  editTensors,
  scoringFixture,
} from '../../checkpoint/checkpoint-files.ts';
import { publishedFixture, writePublished } from '../../../reference/published-fixture.ts';

type Edit = (config: Record<string, unknown>) => void;

/** Character for a token of the made-up vocabulary. */
export const characterOf = (id: number): string => String.fromCodePoint(0x4e00 + id);

const size = z.number().optional();
// As Python writes it, a config may have Infinity.
const configWithSize = z.looseObject({ vocab_size: size, text_config: z.looseObject({ vocab_size: size }).optional() });

/** Gives a folder a tokenizer of single characters, one per row of the embedding; token 0 is the unknown one. */
export const addCharacters = async (folder: string, edit: Edit = () => undefined): Promise<void> => {
  const whole = configWithSize.parse(parsePythonJson(await readFile(path.join(folder, 'config.json'), 'utf8')));
  const size = whole.vocab_size ?? whole.text_config?.vocab_size ?? 0;
  const unknown = { id: 0, content: '<unk>', single_word: false, lstrip: false, rstrip: false, normalized: false };
  const ids = Array.from({ length: size - 1 }, (_, index) => index + 1);
  const tokenizer: Record<string, unknown> = {
    version: '1.0',
    added_tokens: [{ ...unknown, special: true }],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      byte_fallback: false,
      fuse_unk: false,
      vocab: Object.fromEntries([['<unk>', 0], ...ids.map((id) => [characterOf(id), id] as const)]),
      merges: [],
    },
  };
  edit(tokenizer);
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(path.join(folder, 'tokenizer_config.json'), JSON.stringify({ unk_token: '<unk>' }));
};

/** A copy of a fixture with a tokenizer, its config edited, and tensors of a name in another shape. */
export const llamaModel = async (
  name: string,
  edit: Edit = () => undefined,
  ...shapes: readonly (readonly [RegExp, readonly number[]])[]
): Promise<string> => {
  const folder = await changeableCopy(checkpointFixture(name));
  await editJson(path.join(folder, 'config.json'), edit);
  if (shapes.length > 0) await resize(folder, shapes);
  await addCharacters(folder);
  return folder;
};

/** The fixture of Qwen2-MoE without its dense layer, which llama.cpp does not run. */
export const sparseQwen2 = async (): Promise<string> => {
  const folder = await llamaModel('qwen2_moe', (config) => {
    config['num_hidden_layers'] = 2;
    config['mlp_only_layers'] = [];
  });
  await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
    for (const [name, tensor] of [...tensors]) {
      if (/^model\.layers\.[12]\./.test(name)) tensors.delete(name);
      if (name.startsWith('model.layers.2.')) tensors.set(name.replace('.layers.2.', '.layers.1.'), tensor);
    }
  });
  return folder;
};

/** Gives tensors other shapes: their values are repeated, or cut off. */
const resize = (
  folder: string,
  shapes: readonly (readonly [RegExp, readonly number[]])[],
  dropped = /^$/,
): Promise<void> =>
  editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
    for (const [name, tensor] of [...tensors]) {
      const shape = shapes.find(([pattern]) => pattern.test(name))?.[1];
      if (dropped.test(name)) tensors.delete(name);
      if (shape === undefined) continue;
      const values = shape.reduce((product, length) => product * length, 1);
      const size = tensor.bytes.length / tensor.shape.reduce((product, length) => product * length, 1);
      const bytes = Uint8Array.from({ length: values * size }, (_, at) => tensor.bytes[at % tensor.bytes.length] ?? 0);
      tensors.set(name, { ...tensor, shape, bytes });
    }
  });

/** The fixture of Qwen3-Next with values as wide as keys, which llama.cpp does not tell apart. */
const squareQwen3Next = async (): Promise<string> => {
  const folder = await llamaModel('qwen3_next', (config) => (config['linear_value_head_dim'] = 8));
  await resize(folder, [
    [/in_proj_qkvz/, [96, 32]],
    [/conv1d/, [64, 1, 4]],
    [/linear_attn\.norm/, [8]],
    [/linear_attn\.out_proj/, [32, 32]],
  ]);
  return folder;
};

/** The fixture of Qwen3.5, the same. */
const squareQwen35 = async (): Promise<string> => {
  const folder = await llamaModel('qwen3_5_moe', (config) => {
    Object.assign(config['text_config'] as object, { linear_value_head_dim: 8 });
  });
  await resize(folder, [
    [/in_proj_qkv\./, [64, 32]],
    [/in_proj_z\./, [32, 32]],
    [/conv1d/, [64, 1, 4]],
    [/linear_attn\.norm/, [8]],
    [/linear_attn\.out_proj/, [32, 32]],
  ]);
  // Queries and keys so long that the floor of their norms, which llama.cpp has in place of an addend, is no matter.
  await multiply(folder, /conv1d/, 3);
  return folder;
};

/** The fixture of Granite 4 with rotation and groups, without biases and limits that llama.cpp ignores. */
const rotatingGranite = async (): Promise<string> => {
  const folder = await llamaModel('granitemoehybrid-fused', (config) => {
    Object.assign(config, { mamba_proj_bias: false, attention_bias: false });
    delete config['time_step_limit'];
  });
  await resize(folder, [], /(in_proj|out_proj|[qkvo]_proj)\.bias$/);
  return folder;
};

/** The fixture of Nemotron 3 with a latent space and groups, without its dense layer and biases. */
const latentNemotron = async (): Promise<string> => {
  const folder = await llamaModel('nemotron_h-latent', (config) =>
    Object.assign(config, {
      use_bias: false,
      layers_block_type: ['linear_attention', 'moe', 'full_attention', 'linear_attention', 'moe'],
      num_hidden_layers: 5,
    }),
  );
  await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
    for (const [name, tensor] of [...tensors]) {
      const [, start = '', layer = ''] = /^(.*layers\.)(\d+)\./.exec(name) ?? [];
      if (Number(layer) < 3) {
        if (/(in_proj|out_proj)\.bias$/.test(name)) tensors.delete(name);
        continue;
      }
      tensors.delete(name);
      if (layer !== '3' && !/(in_proj|out_proj)\.bias$/.test(name))
        tensors.set(`${start}${String(Number(layer) - 1)}.${name.slice(start.length + 2)}`, tensor);
    }
  });
  return folder;
};

/** The fixture of K-EXAONE with windows as llama.cpp has them, and two shared experts. */
const sharingExaone = async (): Promise<string> => {
  const folder = await llamaModel('exaone_moe', (config) =>
    Object.assign(config, {
      sliding_window_pattern: 'LLLG',
      layer_types: threeOfFour,
      num_shared_experts: 2,
    }),
  );
  await resize(folder, [
    [/shared_experts\.(gate|up)_proj/, [24, 32]],
    [/shared_experts\.down_proj/, [32, 24]],
  ]);
  return folder;
};

/** Width and number of an indexer's heads: llama.cpp needs a multiple of 64; of so many, one always sees a key. */
const INDEXER = { width: 64, heads: 16 } as const;

/** Gives tensors whose names contain one of these parts other shapes, and random numbers. */
const randomise = (folder: string, shapes: Readonly<Record<string, readonly number[]>>): Promise<void> =>
  editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
    const random = seededRandom(7);
    for (const name of [...tensors.keys()]) {
      const shape = Object.entries(shapes).find(([part]) => name.includes(part))?.[1];
      if (shape === undefined) continue;
      const count = shape.reduce((product, length) => product * length, 1);
      const values = Float32Array.from({ length: count }, () => 2 * random.float() - 1);
      tensors.set(name, { dtype: 'F32', shape, bytes: fromFloat32(values, 'F32') });
    }
  });

/**
 * A fixture with indexers of a width that llama.cpp supports, whose scores never tie. Ties, where no head sees a key,
 * are broken at will by both.
 */
const wideIndexers = async (name: string, types?: readonly string[]): Promise<string> => {
  const { width, heads } = INDEXER;
  const folder = await llamaModel(name, (config) =>
    Object.assign(config, {
      index_head_dim: width,
      index_n_heads: heads,
      index_topk: 8,
      ...(types === undefined ? {} : { indexer_types: types }),
    }),
  );
  await randomise(folder, {
    'indexer.wq_b': [heads * width, 24],
    'indexer.wk.': [width, 32],
    'indexer.weights_proj': [heads, 32],
    'indexer.k_norm': [width],
  });
  const shared = (types ?? []).flatMap((type, layer) => (type === 'shared' ? [String(layer)] : []));
  await resize(folder, [], new RegExp(`layers\\.(${shared.join('|')})\\.self_attn\\.indexer`));
  return folder;
};

/** The fixture of DeepSeek-V4 as llama.cpp fixes it, with a sequence that is long enough for entries of 128 tokens. */
const longDeepseek4 = async (): Promise<string> => {
  const { width, heads } = INDEXER;
  const folder = await llamaModel('deepseek_v4', (config) =>
    Object.assign(config, {
      index_head_dim: width,
      index_n_heads: heads,
      compress_rate_hca: 128,
      max_position_embeddings: 256,
    }),
  );
  await randomise(folder, {
    'indexer.wq_b': [heads * width, 20],
    'indexer.weights_proj': [heads, 32],
    'indexer.compressor.wgate': [2 * width, 32],
    'indexer.compressor.wkv': [2 * width, 32],
    'indexer.compressor.ape': [4, 2 * width],
    'indexer.compressor.norm': [width],
    'layers.2.attn.compressor.ape': [128, 16],
  });
  const tokens = [Array.from({ length: 140 }, (_, at) => (37 * at + 11) % 96), [34, 55, 82, 57, 49], [78]];
  await writeFile(path.join(folder, 'tokens.json'), JSON.stringify(tokens));
  return folder;
};

/** Large enough that GELU gives back x or 0, which llama.cpp takes from a table in float16 elsewhere. */
const STEEP = 2 ** 14;

/** Multiplies values of tensors; of `gate_up_proj` those of the gates alone. */
const multiply = (folder: string, pattern: RegExp, factor: number): Promise<void> =>
  editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
    for (const [name, stored] of tensors) {
      if (!pattern.test(name)) continue;
      const floats = Float32Array.from(toFloat32(stored.bytes, stored.dtype, name));
      const [rows = 1, columns = 1] = stored.shape.slice(-2);
      const gates = name.includes('gate_up') ? rows / 2 : rows;
      for (let at = 0; at < floats.length; at += 1)
        if (Math.floor(at / columns) % rows < gates) floats[at] = (floats[at] ?? 0) * factor;
      tensors.set(name, { ...stored, bytes: fromFloat32(floats, stored.dtype === 'BF16' ? 'BF16' : 'F32') });
    }
  });

/** A fixture of Gemma 4 whose gates are steep. */
const steepGates = async (name: string): Promise<string> => {
  const folder = await llamaModel(name);
  await multiply(folder, /gate_proj|gate_up_proj|input_gate/, STEEP);
  return folder;
};

const threeOfFour = [...Array.from({ length: 3 }, () => 'sliding_attention'), 'full_attention'];

/** A released config with small sizes and its weights, its text model's config edited; every second expert is kept. */
export const publishedModel = async (name: string, edit: Edit = () => undefined): Promise<string> => {
  const fixture = publishedFixture(name);
  const folder = await writePublished(fixture);
  await editJson(path.join(folder, 'config.json'), edit);
  await addCharacters(folder);
  await writeFile(path.join(folder, 'tokens.json'), JSON.stringify([fixture.tokens, [3, 1, 4], [5]]));
  const { moeLayers } = (await openCheckpoint(folder)).descriptor;
  const kept = moeLayers.map(({ moe }) => Array.from({ length: moe.experts / 2 }, (_, expert) => 2 * expert));
  await writeFile(path.join(folder, 'kept.json'), JSON.stringify({ kept }));
  return folder;
};

/** Hunyuan 3 with two shared experts. */
const sharingHunyuan = async (): Promise<string> => {
  const folder = await publishedModel('hy_v3');
  await randomise(folder, {
    'shared_mlp.gate_proj': [24, 32],
    'shared_mlp.up_proj': [24, 32],
    'shared_mlp.down_proj': [32, 24],
  });
  await editJson(path.join(folder, 'config.json'), (config) => (config['num_shared_experts'] = 2));
  return folder;
};

/** Configs under which llama.cpp computes the same as the models, one per architecture and kind of rotary embedding. */
export const provenModels: readonly { readonly name: string; readonly make: () => Promise<string> }[] = [
  ...['mixtral', 'mixtral-bf16-sharded', 'mixtral-fused', 'qwen3_moe', 'olmoe', 'deepseek_v2-lite', 'deepseek_v3'],
  ...['glm4_moe', 'granitemoe', 'gpt_oss-bf16', 'kimi_k2', 'dots1', 'minimax_m2', 'minimax_m2-fused'],
  ...['hunyuan_v1_moe', 'ernie4_5_moe', 'granitemoeshared'],
]
  .map((name) => ({ name, make: () => llamaModel(name) }))
  .concat([
    { name: 'bailing_hybrid', make: () => llamaModel('bailing_hybrid') },
    { name: 'glm_moe_dsa with wide indexers', make: () => wideIndexers('glm_moe_dsa') },
    {
      name: 'glm_moe_dsa with a shared choice of keys',
      make: () => wideIndexers('glm_moe_dsa', ['full', 'shared', 'full']),
    },
    { name: 'deepseek_v32 with wide indexers', make: () => wideIndexers('deepseek_v32') },
    { name: 'deepseek_v4 with published windows', make: longDeepseek4 },
    { name: 'lfm2_moe', make: () => llamaModel('lfm2_moe') },
    { name: 'granitemoehybrid', make: () => llamaModel('granitemoehybrid') },
    { name: 'granitemoehybrid with rotation and groups', make: rotatingGranite },
    { name: 'qwen3_next with values as wide as keys', make: squareQwen3Next },
    { name: 'nemotron_h with a latent space and groups', make: latentNemotron },
    { name: 'nemotron_h', make: () => llamaModel('nemotron_h') },
    { name: 'kimi_k25 in bfloat16', make: () => llamaModel('kimi_k25-v5') },
    {
      name: 'llama4 with the published chunks',
      make: () =>
        llamaModel('llama4', (config) => {
          Object.assign(config['text_config'] as object, {
            attention_chunk_size: 8192,
            floor_scale: 8192,
            attn_scale: 0.1,
          });
        }),
    },
    { name: 'step3p7', make: () => llamaModel('step3p7') },
    { name: 'qwen3_5_moe with values as wide as keys', make: squareQwen35 },
    { name: 'mimo_v2_flash', make: () => llamaModel('mimo_v2_flash') },
    { name: 'gemma4 with steep gates', make: () => steepGates('gemma4') },
    { name: 'gemma4 with inputs of each layer and steep gates', make: () => steepGates('gemma4-ple') },
    { name: 'solar_open', make: () => llamaModel('solar_open') },
    {
      name: 'afmoe with three windows of four layers',
      make: () =>
        llamaModel('afmoe', (config) => {
          config['global_attn_every_n_layers'] = 4;
          config['layer_types'] = threeOfFour;
        }),
    },
    {
      name: 'exaone_moe with three windows of four layers',
      make: () =>
        llamaModel('exaone_moe', (config) => {
          config['sliding_window_pattern'] = 'LLLG';
          config['layer_types'] = threeOfFour;
        }),
    },
    ...[
      ...['sarvam_mla', 'glm4v_moe', 'qwen3_vl_moe', 'hy_v3', 'deepseek', 'bailing_moe', 'bailing_moe_v2'],
      ...['cohere2_moe', 'dbrx', 'mistral4', 'mistral3', 'kimi_linear', 'jamba', 'minimax', 'mellum'],
    ].map((name) => ({ name, make: () => publishedModel(name) })),
    { name: 'hy_v3 with two shared experts', make: sharingHunyuan },
    {
      name: 'dbrx that clamps',
      make: () => publishedModel('dbrx', (config) => Object.assign(config['attn_config'] as object, { clip_qkv: 0.5 })),
    },
    { name: 'qwen2_moe without a dense layer', make: sparseQwen2 },
    { name: 'exaone_moe with two shared experts', make: sharingExaone },
    { name: 'glm4_moe_lite', make: () => llamaModel('glm4_moe_lite') },
    ...['deepseek_v3', 'glm4_moe_lite'].map((name) => ({
      name: `${name} that rotates halves`,
      make: () => llamaModel(name, (config) => (config['rope_interleave'] = false)),
    })),
    {
      name: 'qwen3_moe with yarn',
      make: () => llamaModel('qwen3_moe-raw-yarn', (config) => (config['norm_topk_prob'] = true)),
    },
    {
      name: 'deepseek_v2 with compressed queries',
      make: () =>
        llamaModel('deepseek_v2-groups', (config) => {
          Object.assign(config, {
            n_group: 1,
            topk_group: 1,
            topk_method: 'greedy',
            rope_parameters: { rope_theta: 10000, rope_type: 'default' },
          });
        }),
    },
  ]);

/** A model with a tokenizer of pieces with byte fallback, merged in the order of their scores. */
export const scoredPieces = async (): Promise<string> => {
  const folder = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
  await editJson(path.join(folder, 'tokenizer.json'), (tokenizer) => {
    const { model } = z
      .looseObject({ model: z.looseObject({ vocab: z.record(z.string(), z.number()) }) })
      .parse(tokenizer);
    const pieces = Object.entries(model.vocab)
      .filter(([token]) => !token.startsWith('<'))
      .sort(([, a], [, b]) => a - b)
      .map(([token]) => token);
    const known = new Set(pieces);
    // In the order of converters of SentencePiece models: all merges of each piece, the best piece first.
    const merges = pieces.flatMap((piece) => {
      const characters = Array.from(piece);
      return characters.slice(1).flatMap((_, index) => {
        const pair = [characters.slice(0, index + 1).join(''), characters.slice(index + 1).join('')];
        return pair.every((part) => known.has(part)) ? [pair] : [];
      });
    });
    tokenizer['model'] = { ...model, merges };
  });
  return folder;
};

/** A GGUF file of the whole model. */
export const ggufOf = async (folder: string, type: GgufType): Promise<string> => {
  const checkpoint = await openCheckpoint(folder);
  const all = checkpoint.descriptor.moeLayers.map(({ moe }) => Array.from({ length: moe.experts }, (_, each) => each));
  const out = await temporaryFolder();
  const tensors = await exportedTensors(checkpoint, { kept: all }, overlaysIn(out));
  const gguf = await planGguf(checkpoint, { kept: all }, tensors, type);
  await writeGguf(gguf, out, () => undefined);
  return path.join(out, GGUF_FILE);
};
