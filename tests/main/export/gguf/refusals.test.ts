import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { WorkbenchError } from '../../../../main/contract/errors.ts';
import type { Plan } from '../../../../main/contract/plan.ts';
import { openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import { exportPlan } from '../../../../main/export/export-plan.ts';
import type {
  BlockDescriptor,
  ModelDescriptor,
  MoeDescriptor,
  TensorView,
} from '../../../../main/checkpoint/descriptor.ts';
import { families } from '../../../../main/checkpoint/families/families.ts';
import { llamaArchitectures } from '../../../../main/checkpoint/gguf/llama-architectures.ts';
import { familyReasons, llamaArchitecture } from '../../../../main/export/gguf/architectures.ts';
import { changeableCopy, checkpointFixture, editJson, scoringFixture } from '../../checkpoint/checkpoint-files.ts';
import { publishedFixture, writePublished } from '../../../reference/published-fixture.ts';
import { publishedNames } from '../../../reference/published-keys.ts';
import { softmaxRule } from '../../checkpoint/routing-rules.ts';
import { exportRequest } from '../export-settings.ts';
import { addCharacters, characterOf, llamaModel, publishedModel, sparseQwen2 } from './llama-models.ts';

type Config = Record<string, unknown>;

/** Drops the last expert of every layer; `groups` of equal size lose one each. */
const dropping = async (folder: string): Promise<Plan> => {
  const { moeLayers } = (await openCheckpoint(folder)).descriptor;
  return {
    kept: moeLayers.map(({ moe: { experts, routing } }) => {
      const groups = 'groups' in routing ? (routing.groups?.count ?? 1) : 1;
      return Array.from({ length: experts }, (_, expert) => expert).filter(
        (expert) => (expert + 1) % (experts / groups) !== 0,
      );
    }),
  };
};

const refusalOf = async (folder: string, plan?: Plan): Promise<void> => {
  const request = { ...(await exportRequest(folder, plan ?? (await dropping(folder)))), format: 'gguf' as const };
  try {
    await exportPlan(request);
  } finally {
    expect(await readdir(request.parent)).toEqual([]);
  }
};

const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16, rope_theta: 10000 };
const cases: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
  ['a sliding window', () => llamaModel('mixtral-window'), /layer 0 has a sliding window of 5/],
  [
    'clip_qkv',
    () => llamaModel('olmoe-clip', (config: Config) => (config['norm_topk_prob'] = false)),
    /clip_qkv is 1, but llama\.cpp's olmoe does not clip/,
  ],
  [
    'norm_topk_prob of OLMoE',
    () => llamaModel('olmoe', (config: Config) => (config['norm_topk_prob'] = true)),
    /norm_topk_prob is true, but llama\.cpp's olmoe always computes false/,
  ],
  ['norm_topk_prob of Qwen3-MoE', () => llamaModel('qwen3_moe-raw-yarn'), /norm_topk_prob is false, .*qwen3moe/],
  ['norm_topk_prob of Qwen2-MoE', () => llamaModel('qwen2_moe-sparse-step'), /norm_topk_prob is true, .*qwen2moe/],
  ['dense layers', () => llamaModel('qwen2_moe'), /layer 1 has no experts, but llama\.cpp's qwen2moe requires them/],
  ['groups and yarn of DeepSeek-V2', () => llamaModel('deepseek_v2-groups'), /within 2 of 4 groups.*scaled by yarn/],
  ['SparseMixer', () => llamaModel('phimoe'), /llama\.cpp weights the experts of PhiMoE by a plain softmax/],
  [
    'groups of dots.llm1',
    () => llamaModel('dots1-window'),
    /layer 1 has a sliding window of 5.*its attention has biases/,
  ],
  [
    'fewer heads of keys in dots.llm1',
    () => llamaModel('dots1', (config: Config) => (config['num_key_value_heads'] = 2), [/[kv]_proj/, [16, 32]]),
    /it has 2 key\/value heads for 4 heads, but llama\.cpp's dots1 opens only files with as many/,
  ],
  [
    'fewer heads of keys in OLMoE',
    () =>
      llamaModel(
        'olmoe',
        (config: Config) => Object.assign(config, { num_key_value_heads: 2, norm_topk_prob: false }),
        [/[kv]_proj/, [16, 32]],
        [/k_norm/, [16]],
      ),
    /it has 2 key\/value heads for 4 heads, but llama\.cpp's olmoe opens only files with as many/,
  ],
  [
    'sigmoids that are not divided by their sum',
    () => llamaModel('mimo_v2_flash', (config: Config) => (config['norm_topk_prob'] = false)),
    /norm_topk_prob is false, but llama\.cpp's mimo2 always computes true/,
  ],
  ['a dense layer in the middle', () => llamaModel('ernie4_5_moe-interval'), /layer 2 has no experts/],
  [
    'a least sum of weights',
    () => llamaModel('ernie4_5_moe', (config: Config) => (config['moe_norm_min'] = 0.3)),
    /weights are divided by at least 0\.3/,
  ],
  [
    'biases of Hunyuan',
    () => llamaModel('hunyuan_v1_moe-fused'),
    /its attention has biases, which llama\.cpp's hunyuan-moe/,
  ],
  ['float8', () => llamaModel('deepseek_v3-fp8'), /its weights are float8/],
  ['MXFP4', () => llamaModel('gpt_oss-mxfp4'), /its experts are MXFP4/],
  [
    'yarn of Mixtral',
    () => llamaModel('mixtral-fused', (config: Config) => (config['rope_parameters'] = yarn)),
    /scaled by yarn, which is not proven/,
  ],
  [
    'yarn that is not rounded to whole pairs',
    () =>
      llamaModel('gpt_oss-bf16', (config: Config) => {
        config['rope_parameters'] = {
          ...yarn,
          rope_theta: 100,
          original_max_position_embeddings: 500,
          truncate: false,
        };
      }),
    /llama\.cpp rotates pair \d by/,
  ],
  [
    'another magnitude of yarn',
    () =>
      llamaModel('gpt_oss-bf16', (config: Config) => {
        config['rope_parameters'] = { ...yarn, rope_theta: 150000, attention_factor: 1.5 };
      }),
    /rotary embedding is scaled by 1\.5 instead of 1\.13/,
  ],
  [
    'mscale that is not mscale_all_dim',
    () =>
      llamaModel('deepseek_v3', (config: Config) => {
        config['rope_scaling'] = { ...yarn, mscale: 1, mscale_all_dim: 0.5 };
      }),
    /no mscale_all_dim that equals its mscale/,
  ],
  [
    'another epsilon than that of the inner norms',
    () => llamaModel('deepseek_v2-lite', (config: Config) => (config['rms_norm_eps'] = 1e-4)),
    /its norms have the epsilons 0\.0001 and 0\.000001, but llama\.cpp supports only one/,
  ],
  [
    'another clamp',
    () => llamaModel('gpt_oss-bf16', (config: Config) => (config['swiglu_limit'] = 5)),
    /swiglu_limit 5 and swiglu_alpha 1\.702/,
  ],
  [
    'another order of windows',
    () =>
      llamaModel('gpt_oss-bf16', (config: Config) => (config['layer_types'] = ['full_attention', 'sliding_attention'])),
    /layer 0 has no sliding window/,
  ],
  [
    'no tokenizer',
    async () => {
      const folder = await llamaModel('mixtral');
      await rm(path.join(folder, 'tokenizer.json'));
      return folder;
    },
    /there is no tokenizer\.json/,
  ],
  [
    'an unknown rule for splitting text',
    async () => {
      const folder = await llamaModel('mixtral');
      await addCharacters(folder, (tokenizer) => {
        tokenizer['pre_tokenizer'] = {
          type: 'ByteLevel',
          add_prefix_space: false,
          trim_offsets: true,
          use_regex: true,
        };
      });
      return folder;
    },
    /its rule for splitting text is unknown to llama\.cpp \(the check text gives [0-9a-f]{16}…\)/,
  ],
  [
    'an unknown kind of tokenizer',
    async () => {
      const folder = await llamaModel('mixtral');
      await addCharacters(folder, (tokenizer) => (tokenizer['pre_tokenizer'] = { type: 'Whitespace' }));
      return folder;
    },
    /neither byte-level BPE, nor BPE with byte fallback, nor single characters/,
  ],
  [
    'a tokenizer that marks spaces as SentencePiece does, without its bytes for other characters',
    async () => {
      const folder = await llamaModel('mixtral');
      await addCharacters(folder, (tokenizer) => {
        tokenizer['pre_tokenizer'] = { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'never', split: true };
      });
      return folder;
    },
    /neither byte-level BPE, nor BPE with byte fallback, nor single characters/,
  ],
];

/** Edits the `model` of a folder's tokenizer of single characters. */
const spelled = async (edit: (tokenizer: Config, model: Config) => void): Promise<string> => {
  const folder = await llamaModel('mixtral');
  await addCharacters(folder, (tokenizer) => {
    const model = z.record(z.string(), z.unknown()).parse(tokenizer['model']);
    edit(tokenizer, model);
    tokenizer['model'] = model;
  });
  return folder;
};

const vocabularyOf = (model: Config): Record<string, number> => z.record(z.string(), z.number()).parse(model['vocab']);

const tokenizers: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
  [
    'a model that is not BPE',
    () =>
      spelled((_, model) => {
        Object.assign(model, { type: 'WordLevel' });
      }),
    /its model is WordLevel, not BPE/,
  ],
  [
    'a token beyond the embedding',
    () =>
      spelled((_, model) => {
        model['vocab'] = { ...vocabularyOf(model), '\u{20000}': 96 };
      }),
    /has id 96, but the model has 96 tokens/,
  ],
  [
    'single characters without an unknown token',
    () =>
      spelled((_, model) => {
        model['unk_token'] = null;
      }),
    /single characters but no unknown token/,
  ],
  [
    'a token that no character and no merge makes',
    () =>
      spelled((_, model) => {
        const { [characterOf(5)]: id = 5, ...others } = vocabularyOf(model);
        model['vocab'] = { ...others, [`${characterOf(5)}${characterOf(6)}`]: id };
      }),
    /nothing merges into its token/,
  ],
  [
    'the mark of a space among single characters',
    () =>
      spelled((_, model) => {
        const { [characterOf(5)]: id = 5, ...others } = vocabularyOf(model);
        model['vocab'] = { ...others, '\u2581': id };
      }),
    /has the token \u2581, which means a space/,
  ],
  [
    'two tokens before a text',
    () =>
      spelled((tokenizer) => {
        tokenizer['post_processor'] = {
          type: 'TemplateProcessing',
          single: [
            { SpecialToken: { id: characterOf(1), type_id: 0 } },
            { SpecialToken: { id: characterOf(2), type_id: 0 } },
            { Sequence: { id: 'A', type_id: 0 } },
          ],
          pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
          special_tokens: {
            [characterOf(1)]: { id: characterOf(1), ids: [1], tokens: [characterOf(1)] },
            [characterOf(2)]: { id: characterOf(2), ids: [2], tokens: [characterOf(2)] },
          },
        };
      }),
    /adds other tokens to a text/,
  ],
  [
    'merges that no scores give',
    async () => {
      const folder = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
      await editJson(path.join(folder, 'tokenizer.json'), (tokenizer) => {
        const model = z.record(z.string(), z.unknown()).parse(tokenizer['model']);
        const merges = z.array(z.unknown()).parse(model['merges']);
        tokenizer['model'] = { ...model, merges: [...merges].reverse() };
      });
      return folder;
    },
    /would not turn text into the same tokens/,
  ],
];

/** Cases without a fixture: descriptors with one change, as input of the check. */
const described: readonly (readonly [string, string, (model: ModelDescriptor) => ModelDescriptor, RegExp])[] = [
  [
    'more experts than llama.cpp takes',
    'mixtral',
    (model) => withMoe(model, { experts: 1025 }),
    /it has 1025 experts, but llama\.cpp supports at most 1024/,
  ],
  ['fewer experts than top-k', 'mixtral', (model) => withMoe(model, { experts: 1 }), /top-2 exceeds its 1 experts/],
  [
    'weights of experts that are scaled',
    'qwen3_moe',
    (model) =>
      withMoe(model, {
        routing: softmaxRule(true, 2),
      }),
    /chosen weights are scaled by 2/,
  ],
  [
    'DeepSeek without shared experts',
    'deepseek_v3',
    (model) => withMoe(model, { shared: null }),
    /it has no shared experts/,
  ],
  [
    'heads that are not as wide as the model',
    'olmoe',
    (model) => ({
      ...model,
      blocks: model.blocks.map((block) =>
        block.attention?.kind === 'grouped'
          ? { ...block, attention: { ...block.attention, headDimension: 10 } }
          : block,
      ),
    }),
    /heads of \d+ are not hidden_size \d+, as llama\.cpp's olmoe requires/,
  ],
  ['a bias of the head', 'mixtral', (model) => ({ ...model, headBias: model.finalNorm.scale }), /its head has a bias/],
  [
    'biases where the architecture has none',
    'mixtral',
    (model) => withBias(model, 'query', model.finalNorm.scale),
    /its attention has biases, which llama\.cpp's llama ignores/,
  ],
  [
    'no biases where the architecture has them',
    'gpt_oss-bf16',
    (model) => withBias(model, 'query', null),
    /its attention has no biases, but llama\.cpp's gpt-oss is proven only with them/,
  ],
  [
    'a bias on the output of the attention',
    'mixtral',
    (model) => withBias(model, 'output', model.finalNorm.scale),
    /its attention has a bias on its output/,
  ],
  [
    'biases of latent attention',
    'deepseek_v3',
    (model) => ({
      ...model,
      blocks: model.blocks.map((block) =>
        block.attention?.kind === 'latent'
          ? {
              ...block,
              attention: { ...block.attention, output: { ...block.attention.output, bias: model.finalNorm.scale } },
            }
          : block,
      ),
    }),
    /its attention has biases, which llama\.cpp's deepseek2 ignores/,
  ],
  [
    'windows of different lengths',
    'gpt_oss-bf16',
    (model) => ({
      ...model,
      blocks: [
        ...model.blocks,
        ...model.blocks.map((block) => ({ ...block, window: block.window === null ? null : 9 })),
      ],
    }),
    /its layers have windows of different lengths/,
  ],
  [
    'a family that was not tried',
    'mixtral',
    (model) => ({ ...model, family: 'another' }),
    /llama\.cpp has no architecture for another/,
  ],
  [
    'norms of Llama 4 that follow from the number of experts',
    'llama4',
    (model) => ({ ...model, blocks: model.blocks.map((block) => ({ ...block, moe: withExperts(block.moe, 128) })) }),
    /llama\.cpp norms queries and keys unless there are 128 experts, and this model does, with 128/,
  ],
];

const withExperts = (moe: MoeDescriptor | null, experts: number): MoeDescriptor | null =>
  moe === null ? null : { ...moe, experts };

/** Fixtures as they are, with settings that an architecture does not have. */
const otherwise: readonly (readonly [string, RegExp])[] = [
  ['qwen3_next', /its delta nets have keys of 8 and values of 12 dimensions/],
  ['qwen3_next-fused', /layer 1 has no experts.*norm_topk_prob is false.*do not follow at equal distances/],
  ['qwen3_5_moe', /its delta nets have keys of 8 and values of 12 dimensions/],
  ['lfm2_moe-fused', /its convolutions have biases.*its experts have no bias, which llama\.cpp requires/],
  ['granitemoehybrid-fused', /around its states have biases.*its steps are limited to 0\.2 to 0\.9/],
  ['nemotron_h-latent', /layer 3 has no experts.*around its states have biases/],
  ['afmoe', /layer 1 has no sliding window.*layer 1 has no rotary embedding/],
  ['afmoe-fused', /mup_enabled is false, but llama\.cpp always scales embeddings/],
  ['exaone_moe', /layer 1 has no sliding window/],
  ['llama4', /its chunks have 8 positions, but llama\.cpp always takes 8192.*do not grow by 0\.1 every 8192/],
  ['llama4-text', /its layers with experts do not follow at equal distances/],
  ['gemma4-text', /its attention has biases, which llama\.cpp's gemma4 ignores/],
  ['longcat_flash', /llama\.cpp has no architecture for LongCat-Flash/],
  ['deepseek_v32', /heads of its indexer have 16 dimensions, but llama\.cpp needs a multiple of 64/],
  ['glm_moe_dsa', /heads of its indexer have 16 dimensions/],
  ['glm_moe_dsa-shared', /layer 1 has no experts/],
  ['deepseek_v4', /it compresses 8 tokens, but llama\.cpp always takes 128/],
  ['deepseek_v4-fused', /experts by token are not the first ones.*its streams are 2, but llama\.cpp mixes 4/],
  ['bailing_hybrid-fused', /the decay of its states has no bound, which llama\.cpp's bailingmoe3 requires/],
];

/** Released configs, edited to what an architecture does not have. */
const edited: readonly (readonly [string, Config, RegExp])[] = [
  [
    'mellum',
    {
      rope_parameters: {
        full_attention: { rope_type: 'default', rope_theta: 500_000 },
        sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
      },
    },
    /windows have the base 10000, but llama\.cpp takes that of the other layers, 500000/,
  ],
  [
    'cohere2_moe',
    { layer_types: Array.from({ length: 5 }, () => 'full_attention') },
    /it has no layer with a sliding window/,
  ],
  ['kimi_linear', { moe_renormalize: false }, /norm_topk_prob is false, .*kimi-linear always computes true/],
  ['minimax', { mlp_alpha_factor: 2 }, /inputs are multiplied by 3\.55\d+ and 2, but llama\.cpp has one factor/],
  ['deepseek', { norm_topk_prob: true }, /norm_topk_prob is true, but llama\.cpp's deepseek always computes false/],
];

/** Released configs that llama.cpp computes otherwise, although it has their architecture. */
const refusedAsReleased: Readonly<Record<string, unknown>> = {
  // In the small sizes of the fixtures alone.
  deepseek_v32: expect.stringContaining('heads of its indexer have 8 dimensions'),
  deepseek_v4: expect.stringContaining('heads of its indexer have 8 dimensions'),
  glm_moe_dsa: expect.stringContaining('heads of its indexer have 8 dimensions'),
  'llama4-maverick': expect.stringContaining('its chunks have 8 positions'),
  'llama4-scout': expect.stringContaining('its chunks have 8 positions'),
  qwen2_moe: expect.stringContaining('layer 1 has no experts'),
  afmoe: expect.stringContaining('layer 1 has no sliding window'),
  exaone_moe: expect.stringContaining('layer 1 has no sliding window'),
  gpt_oss: expect.stringMatching(/llama\.cpp rotates pair 2 by/),
  kimi_k2: expect.stringMatching(/llama\.cpp rotates pair 1 by/),
};

const changed =
  (change: (block: BlockDescriptor) => BlockDescriptor): ((model: ModelDescriptor) => ModelDescriptor) =>
  (model) => ({ ...model, blocks: model.blocks.map(change) });

/** Released configs whose descriptor is changed, where no config says so alone. */
const redescribed: readonly (readonly [string, (model: ModelDescriptor) => ModelDescriptor, RegExp])[] = [
  ['bailing_moe', changed((block) => ({ ...block, moe: null })), /its first layers have no experts/],
  [
    'cohere2_moe',
    changed((block) => ({ ...block, rotary: null })),
    /layer 0 has no rotary embedding, but llama\.cpp rotates layers with a window and dense ones/,
  ],
  [
    'jamba',
    (model) => withMoe(model, { width: 8 }),
    /its dense layers are not as wide as an expert, as llama\.cpp requires/,
  ],
  [
    'jamba',
    changed((block) => ({
      ...block,
      state: block.state?.kind === 'mamba-1' ? { ...block.state, channels: 96 } : null,
    })),
    /its states are not twice as wide as hidden_size/,
  ],
  [
    'kimi_linear',
    changed((block) => ({
      ...block,
      state: block.state?.kind === 'channel-delta' ? { ...block.state, heads: 2, decayBound: -5 } : null,
    })),
    /its states has a bound, which .* ignores.*another number of heads than its attention/,
  ],
  [
    'kimi_linear',
    changed((block) => ({
      ...block,
      attention:
        block.attention?.kind === 'latent' && 'whole' in block.attention.query
          ? {
              ...block.attention,
              query: {
                down: block.attention.query.whole,
                norm: block.attention.keyValueNorm,
                up: block.attention.query.whole,
              },
            }
          : block.attention,
    })),
    /its queries are made of vectors of low rank/,
  ],
];

const withMoe = (model: ModelDescriptor, change: Partial<MoeDescriptor>): ModelDescriptor => ({
  ...model,
  moeLayers: model.moeLayers.map(({ block, moe }) => ({ block, moe: { ...moe, ...change } })),
});

const withBias = (model: ModelDescriptor, part: 'query' | 'output', bias: TensorView | null): ModelDescriptor => ({
  ...model,
  blocks: model.blocks.map((block) => {
    const { attention } = block;
    return attention?.kind !== 'grouped'
      ? block
      : { ...block, attention: { ...attention, [part]: { ...attention[part], bias } } };
  }),
});

const bundled = fileURLToPath(new URL('../../../../resources/models/switch-8', import.meta.url));

describe('a GGUF export is refused before a byte is written', () => {
  it.each(cases)('for %s', async (_, make, message) => {
    await expect(refusalOf(await make())).rejects.toThrow(message);
  });

  it.each(tokenizers)('for a tokenizer with %s', async (_, make, message) => {
    const refused = refusalOf(await make());
    await expect(refused).rejects.toMatchObject({ code: 'tokenizer-not-for-llama-cpp' });
    await expect(refused).rejects.toThrow(message);
  });

  it.each(described)('for %s', async (_, name, change, message) => {
    const { descriptor, config } = await openCheckpoint(checkpointFixture(name));
    expect(() => llamaArchitecture(change(descriptor), config)).toThrow(message);
  });

  it.each(otherwise)('for %s, which llama.cpp computes otherwise', async (name, message) => {
    const { descriptor, config } = await openCheckpoint(checkpointFixture(name));
    expect(() => llamaArchitecture(descriptor, config)).toThrow(message);
  });

  it.each(edited)('for %s with %j', async (name, change, message) => {
    const { descriptor, config } = await openCheckpoint(
      await publishedModel(name, (whole) => Object.assign(whole, change)),
    );
    expect(() => llamaArchitecture(descriptor, config)).toThrow(message);
  });

  it.each(redescribed)('for another %s', async (name, change, message) => {
    const { descriptor, config } = await openCheckpoint(await publishedModel(name));
    expect(() => llamaArchitecture(descriptor, config)).not.toThrow();
    expect(() => llamaArchitecture(change(descriptor), config)).toThrow(message);
  });

  it('for no released config of a family with an architecture but these', async () => {
    const refused: Record<string, string> = {};
    for (const name of publishedNames()) {
      const { descriptor, config } = await openCheckpoint(await writePublished(publishedFixture(name)));
      if (!llamaArchitectures.has(descriptor.family)) continue;
      try {
        llamaArchitecture(descriptor, config);
      } catch (error) {
        if (!(error instanceof WorkbenchError)) throw error;
        refused[name] = error.message;
      }
    }
    expect(refused).toEqual(refusedAsReleased);
  });

  it('for every family without an architecture, with its own reason', () => {
    const without = families.map(({ modelType }) => modelType).filter((name) => !llamaArchitectures.has(name));
    expect(without.sort()).toEqual([...familyReasons.keys()].sort());
  });

  it('for the bundled models in the shape of Switch', async () => {
    await expect(refusalOf(bundled)).rejects.toThrow(/layer 1 has no experts.*norm_topk_prob is false/);
  });

  it('with a code', async () => {
    const folder = await sparseQwen2();
    await editJson(path.join(folder, 'config.json'), (config) => (config['norm_topk_prob'] = true));
    await expect(refusalOf(folder)).rejects.toMatchObject({ code: 'not-for-llama-cpp', kind: 'refused' });
  });

  it('for a plan that keeps different numbers per layer', async () => {
    const plan: Plan = {
      kept: [
        [0, 1, 2],
        [0, 1, 2, 3],
      ],
    };
    await expect(refusalOf(await llamaModel('mixtral'), plan)).rejects.toThrow(/between 3 and 4 experts/);
  });
});

it('refuses a model none of whose layers has attention by that name', async () => {
  const { descriptor, config } = await openCheckpoint(await llamaModel('lfm2_moe'));
  expect(llamaArchitecture(descriptor, config).name).toBe('lfm2moe');
  const blocks = descriptor.blocks.map((block) => ({ ...block, attention: null }));
  expect(() => llamaArchitecture({ ...descriptor, blocks }, config)).toThrow(/none of its layers has attention/);
});
