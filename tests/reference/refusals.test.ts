import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { WorkbenchError } from '../../main/contract/errors.ts';
import { writeHeaderFile, type NamedTensor } from '../main/checkpoint/header-files.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';

/**
 * Tensors of every checkpoint, damaged one at a time: missing or renamed, transposed, and of a dtype that its layout
 * does not allow. Of those that differ only in the numbers of layer and expert, the first and the last. Only headers
 * matter, so a damaged copy is a header over zeros.
 */

const root = process.env['CHECKPOINTS'] ?? '';
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

it(`has checkpoints in ${root}`, () => {
  expect(folders.length).toBeGreaterThan(0);
});

type Config = Readonly<Record<string, unknown>>;
const configSchema = z.record(z.string(), z.unknown());
const headerSchema = z.record(z.string(), z.looseObject({ dtype: z.string(), shape: z.array(z.number()) }));

/** A sound checkpoint as data, the basis of the damage. */
interface Sound {
  readonly config: Config;
  /** Tensors by weight file. */
  readonly files: ReadonlyMap<string, readonly NamedTensor[]>;
}

const readHeader = (file: string): readonly NamedTensor[] => {
  const bytes = readFileSync(file);
  const { __metadata__: _metadata, ...entries } = z
    .record(z.string(), z.unknown())
    .parse(JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString('utf8')));
  return Object.entries(headerSchema.parse(entries)).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
};

const readSound = (folder: string): Sound => {
  const files = readdirSync(path.join(root, folder))
    .filter((name) => /^model.*\.safetensors$/.test(name))
    .sort();
  return {
    config: configSchema.parse(JSON.parse(readFileSync(path.join(root, folder, 'config.json'), 'utf8'))),
    files: new Map(files.map((name) => [name, readHeader(path.join(root, folder, name))])),
  };
};

const isSharded = ({ files }: Sound): boolean => !files.has('model.safetensors');

/** The text model's config, which a wrapper has inside its own. */
const textConfig = (config: Config): Config => configSchema.parse(config['text_config'] ?? config);

/** A folder with a sound checkpoint, except for the file changed last. */
class Bench {
  readonly sound: Sound;
  readonly folder: string;
  #changed: string | null = null;

  constructor(sound: Sound, folder: string) {
    this.sound = sound;
    this.folder = folder;
  }

  static async set(sound: Sound): Promise<Bench> {
    const bench = new Bench(sound, await temporaryFolder());
    await bench.#writeConfig(sound.config);
    for (const [file, tensors] of sound.files) await bench.#writeTensors(file, tensors);
    bench.#changed = null;
    return bench;
  }

  /** The refusal after applying `change` to the tensors of one file; null if the checkpoint opens. */
  async refusal(
    file: string,
    change: (tensors: readonly NamedTensor[]) => readonly NamedTensor[],
  ): Promise<WorkbenchError | null> {
    if (this.#changed !== null && this.#changed !== file)
      await this.#writeTensors(this.#changed, this.sound.files.get(this.#changed) ?? []);
    const tensors = change(this.sound.files.get(file) ?? []);
    await this.#writeTensors(file, tensors);
    if (isSharded(this.sound)) await this.#writeIndex(new Map(this.sound.files).set(file, tensors));
    return refusalOf(this.folder);
  }

  /** `change`: of the text model's config. */
  async refusalOfConfig(change: Config): Promise<WorkbenchError | null> {
    const { config } = this.sound;
    const changed = { ...textConfig(config), ...change };
    await this.#writeConfig('text_config' in config ? { ...config, text_config: changed } : changed);
    return refusalOf(this.folder);
  }

  async #writeConfig(config: Config): Promise<void> {
    await writeFile(path.join(this.folder, 'config.json'), JSON.stringify(config));
    if (isSharded(this.sound)) await this.#writeIndex(this.sound.files);
  }

  async #writeIndex(files: Sound['files']): Promise<void> {
    const map = [...files].flatMap(([file, tensors]) => tensors.map(({ name }) => [name, file]));
    await writeFile(
      path.join(this.folder, 'model.safetensors.index.json'),
      JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(map) }),
    );
  }

  async #writeTensors(file: string, tensors: readonly NamedTensor[]): Promise<void> {
    await writeHeaderFile(path.join(this.folder, file), tensors);
    this.#changed = file;
  }
}

const refusalOf = async (folder: string): Promise<WorkbenchError | null> => {
  try {
    await openCheckpoint(folder);
    return null;
  } catch (error) {
    if (error instanceof WorkbenchError && error.kind === 'refused') return error;
    throw error;
  }
};

/** Dtypes that are wrong for a tensor, given its own. */
const wrongDtypes = ({ name, dtype }: NamedTensor): readonly string[] => {
  if (dtype === 'I64') return ['I32', 'F32', 'BF16', 'U8', 'F64'];
  if (dtype === 'U8') return ['I8', 'BOOL', 'I32', 'BF16', 'F32', 'F8_E4M3'];
  if (dtype === 'F8_E4M3') return ['F8_E5M2', 'U8', 'I8', 'BF16', 'F32'];
  if (name.endsWith('_scale_inv')) return ['F64', 'F16', 'I32', 'U8', 'F8_E4M3'];
  return ['I64', 'I32', 'U8', 'BOOL', 'F64', 'F8_E4M3', 'F8_E5M2', 'I16'];
};

const transposed = (shape: readonly number[]): readonly number[] => [
  ...shape.slice(0, -2),
  ...shape.slice(-2).reverse(),
];
const shown = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Names of tensors that no text model reads: a vision tower and its projector. */
const carried =
  /^(model\.)?(vision_tower|embed_vision|vision_model|multi_modal_projector|mm_projector|vit_large_projector)\./;

interface Stored {
  readonly file: string;
  readonly tensor: NamedTensor;
}

/** The first and the last of the tensors that differ only in the numbers of layer and expert. */
const firstAndLast = (stored: readonly Stored[]): readonly Stored[] =>
  [...Map.groupBy(stored, ({ tensor }) => tensor.name.replace(/\.\d+(?=\.)/g, '.N')).values()].flatMap((alike) =>
    alike.filter((_, index) => index === 0 || index === alike.length - 1),
  );

describe.each(folders)('%s', (folder) => {
  const sound = readSound(folder);
  const stored = firstAndLast(
    [...sound.files].flatMap(([file, tensors]) =>
      tensors.filter(({ name }) => !carried.test(name)).map((tensor) => ({ file, tensor })),
    ),
  );
  const oblong = stored.filter(({ tensor: { shape } }) => shape.length >= 2 && shape.at(-1) !== shape.at(-2));
  const replaced =
    (name: string, ...by: readonly NamedTensor[]) =>
    (tensors: readonly NamedTensor[]): readonly NamedTensor[] =>
      tensors.flatMap((tensor) => (tensor.name === name ? by : [tensor]));

  it('opens undamaged', async () => {
    expect(await refusalOf((await Bench.set(sound)).folder)).toBeNull();
  });

  it(`is refused without any one of ${String(stored.length)} tensors, or with it renamed, by its names`, async () => {
    const bench = await Bench.set(sound);
    for (const [index, { file, tensor }] of stored.entries()) {
      // In turn: left out, renamed at the end, left out, renamed at the beginning.
      const by = [null, `${tensor.name}_old`, null, `other.${tensor.name}`][index % 4] ?? null;
      const change = by === null ? replaced(tensor.name) : replaced(tensor.name, { ...tensor, name: by });
      const refusal = await bench.refusal(file, change);
      const what = by === null ? `without ${tensor.name}` : `${tensor.name} as ${by}`;
      expect(refusal?.message ?? 'it opened', what).toContain(`"${tensor.name}" is missing`);
      if (by !== null) expect(refusal?.message).toContain(`"${by}"`);
    }
  });

  it(`is refused with any of ${String(oblong.length)} oblong tensors transposed`, async () => {
    const bench = await Bench.set(sound);
    for (const { file, tensor } of oblong) {
      const shape = transposed(tensor.shape);
      const { message } = (await bench.refusal(file, replaced(tensor.name, { ...tensor, shape }))) ?? {
        message: 'it opened',
      };
      expect(message, `${tensor.name} transposed`).toContain(
        `tensor "${tensor.name}" has shape ${shown(shape)} where config.json asks for ${shown(tensor.shape)}`,
      );
      expect(message).toContain('it is transposed');
    }
  });

  it('is refused with any one tensor of a dtype that its layout does not allow, by name', async () => {
    const bench = await Bench.set(sound);
    for (const [index, { file, tensor }] of stored.entries()) {
      // One dtype per tensor, in turn: with all of them the folders take minutes.
      const wrong = wrongDtypes(tensor);
      const dtype = wrong[index % wrong.length] ?? '';
      const refusal = await bench.refusal(file, replaced(tensor.name, { ...tensor, dtype }));
      const what = `${tensor.name} as ${dtype}`;
      // A float8 matrix without scale counts as one with a missing scale.
      if (refusal?.code === 'missing-tensor')
        expect(refusal.message, what).toContain(`"${tensor.name}_scale_inv" is missing`);
      else expect(refusal?.message ?? 'it opened', what).toContain(`tensor "${tensor.name}" is ${dtype}`);
    }
  });

  it('is refused with an unused tensor, by name; not with a rotary buffer', async () => {
    const bench = await Bench.set(sound);
    const [first] = sound.files.keys();
    const added = (name: string) => (tensors: readonly NamedTensor[]) => [
      ...tensors,
      { name, dtype: 'F32', shape: [4] },
    ];
    const layer = `model.layers.${String(sound.config['num_hidden_layers'])}`;
    for (const name of [
      'model.layers.0.self_attn.q_proj.lora_A.weight',
      'model.layers.1.mlp.experts.99.up_proj.weight',
      `${layer}.input_layernorm.weight`,
      'score.weight',
    ]) {
      const refusal = await bench.refusal(first ?? '', added(name));
      expect(refusal?.message ?? 'it opened', name).toContain(`"${name}"`);
    }
    expect(await bench.refusal(first ?? '', added('model.layers.0.self_attn.rotary_emb.inv_freq'))).toBeNull();
  });

  it('is refused with any one number in its config that contradicts the tensors', async () => {
    const bench = await Bench.set(sound);
    for (const [key, values] of Object.entries(contradictions(textConfig(sound.config)))) {
      for (const value of values) {
        const refusal = await bench.refusalOfConfig({ [key]: value });
        const named = [
          '"(language_)?model\\.',
          '"backbone\\.',
          '"layers\\.',
          '"(lm_)?head',
          key,
          'heads',
          'groups',
          'short_factor',
        ];
        const lists = ['is_moe_layer', 'hybrid_layer_pattern', 'no_rope_layers'];
        expect(refusal?.message ?? 'it opened', `${key}: ${JSON.stringify(value)}`).toMatch(
          new RegExp([...named, ...lists].join('|')),
        );
      }
    }
  });
});

describe('ambiguous checkpoints are refused', () => {
  const openChanged = async (
    context: TestContext,
    folder: string,
    config: Config,
    change: (tensors: readonly NamedTensor[]) => readonly NamedTensor[] = (tensors) => tensors,
  ): Promise<WorkbenchError | null> => {
    if (!folders.includes(folder)) context.skip(`${folder} is not in ${root}`);
    const sound = readSound(folder);
    const bench = await Bench.set({ ...sound, config: { ...sound.config, ...config } });
    return bench.refusal('model.safetensors', change);
  };

  it('a last layer that, by the config, predicts further tokens', async (context) => {
    const fewer = { num_hidden_layers: 2, num_nextn_predict_layers: 1 };
    expect((await openChanged(context, 'deepseek_v3', fewer))?.message).toContain(
      'are not used in this family: "model.layers.2.',
    );
    const mark = { name: 'model.layers.2.eh_proj.weight', dtype: 'F32', shape: [32, 64] };
    expect(await openChanged(context, 'deepseek_v3', fewer, (tensors) => [...tensors, mark])).toBeNull();
  });

  it('layer types that are too few, unknown, or contradicted by other keys', async (context) => {
    expect((await openChanged(context, 'gpt_oss-bf16', { layer_types: ['sliding_attention'] }))?.message).toMatch(
      /"layer_types" names 1 layers, "num_hidden_layers" 2/,
    );
    expect(
      (await openChanged(context, 'gpt_oss-bf16', { layer_types: ['chunked_attention', 'full_attention'] }))?.message,
    ).toMatch(/"layer_types" contains "chunked_attention"/);
    const types = { layer_types: ['full_attention', 'full_attention', 'full_attention', 'sliding_attention'] };
    expect((await openChanged(context, 'qwen2_moe-sparse-step', types))?.message).toMatch(
      /"layer_types" says sliding_attention for layer 3, where the other keys give no window/,
    );
  });

  it('layers of an unknown kind, or of too few, where each is half a block', async (context) => {
    expect((await openChanged(context, 'nemotron_h', { hybrid_override_pattern: 'MEM*X' }))?.message).toMatch(
      /a layer is "X"; only mamba, .* are supported here/,
    );
    expect((await openChanged(context, 'nemotron_h', { hybrid_override_pattern: 'MEM*' }))?.message).toMatch(
      /"hybrid_override_pattern" names 4 layers, "num_hidden_layers" 5/,
    );
    expect((await openChanged(context, 'nemotron_h', { hybrid_override_pattern: null }))?.message).toMatch(
      /"hybrid_override_pattern" is missing/,
    );
    expect((await openChanged(context, 'nemotron_h', { mlp_bias: true }))?.message).toMatch(/up_proj\.bias"/);
  });

  it('more experts per token than the chosen groups contain, and groups too small to be ranked', async (context) => {
    expect((await openChanged(context, 'deepseek_v3', { num_experts_per_tok: 9 }))?.message).toMatch(
      /top-9 exceeds the 8 experts of 2 groups/,
    );
    expect((await openChanged(context, 'deepseek_v3', { n_group: 16, topk_group: 8 }))?.message).toMatch(
      /groups of 1 expert cannot be ranked by their best 2/,
    );
  });

  it('a quantisation in the config that the weights lack, or in the weights that the config lacks', async (context) => {
    expect((await openChanged(context, 'gpt_oss-mxfp4', { quantization_config: null }))?.message).toMatch(
      /does not name mxfp4, but the experts are MXFP4 blocks/,
    );
    expect(
      (await openChanged(context, 'gpt_oss-bf16', { quantization_config: { quant_method: 'mxfp4' } }))?.message,
    ).toMatch(/names mxfp4, but the experts are not MXFP4 blocks/);
    expect(
      (await openChanged(context, 'qwen3_moe', { quantization_config: { quant_method: 'mxfp4' } }))?.message,
    ).toMatch(/names mxfp4/);
    const plain = (tensors: readonly NamedTensor[]): readonly NamedTensor[] =>
      tensors.flatMap((tensor) =>
        tensor.name.endsWith('_scale_inv')
          ? []
          : [{ ...tensor, dtype: tensor.dtype === 'F8_E4M3' ? 'BF16' : tensor.dtype }],
      );
    expect((await openChanged(context, 'deepseek_v3-fp8', {}, plain))?.message).toMatch(
      /names fp8, but no tensor is float8/,
    );
  });
});

/** Keys of config.json that determine shapes or names. */
const lengthKeys = [
  'hidden_size',
  'vocab_size',
  'num_hidden_layers',
  'num_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'num_kv_shared_layers',
  'hidden_size_per_layer_input',
  'head_dim',
  'global_head_dim',
  'num_local_experts',
  'num_experts',
  'n_routed_experts',
  'zero_expert_num',
  'ffn_hidden_size',
  'expert_ffn_hidden_size',
  'moe_num_experts',
  'num_attention_groups',
  'share_expert_dim',
  'intermediate_size',
  'intermediate_size_mlp',
  'moe_intermediate_size',
  'shared_expert_intermediate_size',
  'n_shared_experts',
  'num_shared_experts',
  'moe_num_shared_experts',
  'shared_intermediate_size',
  'index_n_heads',
  'o_groups',
  'o_lora_rank',
  'hc_mult',
  'index_head_dim',
  'kv_lora_rank',
  'q_lora_rank',
  'qk_nope_head_dim',
  'qk_rope_head_dim',
  'v_head_dim',
  'first_k_dense_replace',
  'num_dense_layers',
  'moe_layer_start_index',
  'decoder_sparse_step',
  'linear_num_key_heads',
  'linear_num_value_heads',
  'linear_key_head_dim',
  'linear_value_head_dim',
  'linear_conv_kernel_dim',
  'conv_L_cache',
  'moe_shared_expert_intermediate_size',
  'moe_latent_size',
  'mamba_num_heads',
  'mamba_head_dim',
  'ssm_state_size',
  'n_groups',
  'conv_kernel',
];
const flagKeys = [
  'attention_bias',
  'qkv_bias',
  'use_qk_norm',
  'lm_head_bias',
  'use_bias',
  'conv_bias',
  'use_expert_bias',
];

/** Wrong values for the keys that a config has. */
const contradictions = (config: Config): Readonly<Record<string, readonly unknown[]>> => {
  const wrong: Record<string, readonly unknown[]> = {};
  const isLatent = 'kv_lora_rank' in config;
  for (const key of lengthKeys) {
    const value = config[key];
    if (typeof value !== 'number' || unread(key, config, isLatent)) continue;
    wrong[key] = [value + 1, 2 * value, 'many', -1, 1.5].filter((each) => each !== value);
  }
  for (const key of flagKeys)
    if (typeof config[key] === 'boolean' && !unread(key, config, isLatent)) wrong[key] = [!config[key], 'yes'];
  const topK = config['num_experts_per_tok'];
  const experts = config['num_local_experts'] ?? config['num_experts'] ?? config['n_routed_experts'];
  if (typeof topK === 'number' && typeof experts === 'number') wrong['num_experts_per_tok'] = [experts + 1, 0];
  return wrong;
};

const isEmpty = (list: unknown): boolean => Array.isArray(list) && list.length === 0;

/** Keys without meaning in a family. */
const unread = (key: string, config: Config, isLatent: boolean): boolean =>
  // transformers' attention of these two has no biases, whatever a config says.
  (key === 'attention_bias' && ['deepseek_v4', 'nemotron_h'].includes(String(config['model_type']))) ||
  (isLatent && (key === 'head_dim' || key === 'num_key_value_heads')) ||
  // More layers of Gemma 4 that share keys only leave their own unread.
  (key === 'num_kv_shared_layers' && config[key] === 0) ||
  // Llama 4 norms queries and keys without weight.
  (key === 'use_qk_norm' && config['model_type'] === 'llama4_text') ||
  (key === 'intermediate_size_mlp' && config['moe_layers'] instanceof Array && config['moe_layers'].length === 4) ||
  (key === 'first_k_dense_replace' && Array.isArray(config['mlp_layer_types'])) ||
  // Nemotron-H always has one shared expert, whose width is stated.
  (key === 'n_shared_experts' && config['model_type'] === 'nemotron_h') ||
  (key === 'intermediate_size' &&
    (config['hybrid_override_pattern'] === 'MEM*E' ||
      ['qwen3_moe', 'solar_open'].includes(String(config['model_type'])) ||
      (config['model_type'] === 'qwen3_next' && isEmpty(config['mlp_only_layers'])) ||
      config['first_k_dense_replace'] === 0 ||
      config['num_dense_layers'] === 0));
