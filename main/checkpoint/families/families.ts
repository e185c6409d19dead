import { deepseekV4 } from './deepseek-v4.ts';
import * as deepseek from './deepseek.ts';
import type { Family } from './family.ts';
import * as ling from './ling.ts';
import * as mixtral from './mixtral.ts';
import * as sigmoidRouters from './sigmoid-routers.ts';
import * as softmaxRouters from './softmax-routers.ts';
import * as stateLayers from './state-layers.ts';
import * as windowedLayers from './windowed-layers.ts';

export const families: readonly Family[] = [
  mixtral.mixtral,
  softmaxRouters.qwen2Moe,
  softmaxRouters.qwen3Moe,
  softmaxRouters.olmoe,
  deepseek.deepseekV2,
  deepseek.deepseekV3,
  deepseek.deepseekV32,
  deepseek.glmMoeDsa,
  deepseekV4,
  sigmoidRouters.glm4Moe,
  mixtral.graniteMoe,
  mixtral.phimoe,
  mixtral.gptOss,
  deepseek.kimiK2,
  deepseek.kimiK25,
  sigmoidRouters.solarOpen,
  sigmoidRouters.dots1,
  mixtral.minimaxM2,
  sigmoidRouters.glm4MoeLite,
  mixtral.graniteMoeShared,
  sigmoidRouters.exaoneMoe,
  softmaxRouters.hunyuanMoe,
  softmaxRouters.ernieMoe,
  sigmoidRouters.mimoV2Flash,
  sigmoidRouters.afmoe,
  windowedLayers.llama4Text,
  windowedLayers.llama4,
  windowedLayers.step3p7,
  deepseek.longcatFlash,
  windowedLayers.gemma4Text,
  windowedLayers.gemma4,
  stateLayers.lfm2Moe,
  softmaxRouters.qwen3Next,
  softmaxRouters.qwen35MoeText,
  softmaxRouters.qwen35Moe,
  mixtral.graniteMoeHybrid,
  ling.bailingHybrid,
  stateLayers.nemotronH,
  softmaxRouters.qwen3VlMoe,
  sigmoidRouters.glm4vMoe,
  deepseek.sarvamMla,
  softmaxRouters.mellum,
  sigmoidRouters.hyV3,
  deepseek.deepseek,
  ling.bailingMoe,
  ling.bailingMoeV2,
  ling.kimiLinear,
  softmaxRouters.flexOlmo,
  sigmoidRouters.cohere2Moe,
  deepseek.mistral4,
  deepseek.mistral3,
  softmaxRouters.dbrx,
  stateLayers.jamba,
  windowedLayers.step3p5,
  mixtral.minimax,
];

export const familyOf = (modelType: string): Family | undefined =>
  families.find((family) => family.modelType === modelType);

/** Types of models with experts that cannot be opened, by the reason: those of transformers 5.24, and others. */
const byReason: readonly (readonly [reason: string, types: readonly string[]])[] = [
  [
    'tokens of images have experts of their own in it, and its programs take one number of ' +
      'experts for both: no program would open a model without some of those for text',
    ['ernie4_5_vl_moe', 'ernie4_5_vl_moe_text', 'ernie4_5_moe_vl'],
  ],
  ['it reads images; models here read text', ['vitpose_backbone', 'dots3_note_vision_encoder']],
  ['its attention has experts too, which are not computed here', ['jetmoe']],
  ['it is an encoder and a decoder; models here are decoders', ['switch_transformers', 'nllb-moe', 'nllb_moe']],
  ['its joined queries, keys and values are proven for Ling alone', ['sarvam_moe']],
  ['its windows are not proven', ['granitemoe_swa']],
  ['its mixture of attention and delta nets is not proven', ['glm5_next', 'glm5_next_text', 'lara_mini']],
  [
    'its attention chooses blocks of keys by an indexer of each head of keys, which is not computed here',
    ['minimax_m3_vl', 'minimax_m3_vl_text'],
  ],
  [
    'its text model lies within a model of speech, which is not read here',
    [
      'qwen3_omni_moe',
      'qwen3_omni_moe_thinker',
      'qwen3_omni_moe_text',
      'qwen3_omni_moe_talker_text',
      'dots3_note',
      'dots3_note_text',
    ],
  ],
  ['the layouts of its experts and of their shared network are not proven', ['aria', 'aria_text']],
  ['a norm follows the sum of its experts, which is not computed here', ['axk1']],
  ['its norms have gates, which are not computed here', ['axk2']],
  ['the gates of its attention have biases, which are not computed here', ['beam']],
  [
    'its text model lies within a reader of pages, which is not read here',
    ['deepseek_ocr2', 'deepseek_ocr2_text', 'unlimited_ocr', 'unlimited_ocr_text'],
  ],
  [
    'it fills in masked tokens in any order; models here write from left to right',
    ['diffusion_gemma', 'diffusion_gemma_text'],
  ],
  [
    'its experts are rows of a table, and its attention masks keys by what they contain, which ' +
      'are not computed here',
    ['doge'],
  ],
  ['its attention with sinks, and with positions in windows alone, is not proven', ['flint']],
  ['its sparse attention has gates and sinks, which are not computed here', ['hy_v4', 'hy_v4_vl', 'hy_v4_vl_text']],
  [
    'its attention has relative positions and convolutions, which are not computed here',
    ['inkling_mm_model', 'inkling_text', 'inkling2', 'inkling2_text', 'inkling2_loop', 'inkling2_loop_text'],
  ],
  ['its experts are chosen by corrected logits and weighted by sigmoids, which is not proven', ['kolibri1']],
  [
    'its layers have different numbers of heads, and its router may cap logits, which is not ' + 'computed here',
    ['laguna'],
  ],
  [
    'its layers share the keys of latent attention, which is not computed here',
    ['mistral_large4', 'mistral_large4_text'],
  ],
  ['its branches are added through gates, which are not computed here', ['muse_spark', 'muse_spark_text']],
  [
    'it classifies tokens, each of which sees those on both sides; models here write from left to right',
    ['openai_privacy_filter'],
  ],
  ['its attention chooses keys by an indexer of its own, which is not computed here', ['qwen4_exp', 'qwen4_exp_text']],
  ['its router is a network that takes its state from the layer before, which is not computed here', ['zaya']],
];

/** Why known families cannot be opened, by `model_type`. */
export const refusedFamilies: ReadonlyMap<string, string> = new Map(
  byReason.flatMap(([reason, types]) => types.map((type) => [type, reason] as const)),
);
