import { dbrx } from './dbrx.ts';
import { deepseekV4 } from './deepseek-v4.ts';
import * as deepseek from './deepseek.ts';
import type { Family } from './family.ts';
import { gemma4, gemma4Text } from './gemma4.ts';
import * as ling from './ling.ts';
import { llama4, llama4Text } from './llama4.ts';
import * as mixtral from './mixtral.ts';
import * as sigmoidRouters from './sigmoid-routers.ts';
import * as softmaxRouters from './softmax-routers.ts';
import * as stateLayers from './state-layers.ts';
import { step3p5, step3p7 } from './step3p7.ts';

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
  llama4Text,
  llama4,
  step3p7,
  deepseek.longcatFlash,
  gemma4Text,
  gemma4,
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
  dbrx,
  stateLayers.jamba,
  step3p5,
  mixtral.minimax,
];

export const familyOf = (modelType: string): Family | undefined =>
  families.find((family) => family.modelType === modelType);
