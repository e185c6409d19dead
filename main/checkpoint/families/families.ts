import { afmoe } from './afmoe.ts';
import { bailingHybrid, bailingMoe, bailingMoeV2 } from './bailing.ts';
import { cohere2Moe } from './cohere2-moe.ts';
import { dbrx } from './dbrx.ts';
import { deepseek, deepseekV2, deepseekV3, deepseekV32, glmMoeDsa, kimiK2, kimiK25, sarvamMla } from './deepseek.ts';
import { deepseekV4 } from './deepseek-v4.ts';
import { dots1 } from './dots1.ts';
import { ernieMoe } from './ernie-moe.ts';
import { exaoneMoe } from './exaone-moe.ts';
import type { Family } from './family.ts';
import { gemma4, gemma4Text } from './gemma4.ts';
import { glm4Moe, glm4MoeLite, glm4vMoe } from './glm4-moe.ts';
import { gptOss } from './gpt-oss.ts';
import { graniteMoe, graniteMoeHybrid, graniteMoeShared } from './granite-moe.ts';
import { hunyuanMoe } from './hunyuan.ts';
import { hyV3 } from './hy-v3.ts';
import { jamba } from './jamba.ts';
import { kimiLinear } from './kimi-linear.ts';
import { lfm2Moe } from './lfm2-moe.ts';
import { llama4, llama4Text } from './llama4.ts';
import { longcatFlash } from './longcat.ts';
import { mimoV2Flash } from './mimo-v2.ts';
import { minimax } from './minimax.ts';
import { minimaxM2 } from './minimax-m2.ts';
import { mistral3, mistral4 } from './mistral4.ts';
import { mixtral } from './mixtral.ts';
import { nemotronH } from './nemotron-h.ts';
import { flexOlmo, olmoe } from './olmoe.ts';
import { phimoe } from './phimoe.ts';
import { mellum, qwen2Moe, qwen3VlMoe, qwen35Moe, qwen35MoeText, qwen3Moe, qwen3Next } from './qwen.ts';
import { solarOpen } from './solar-open.ts';
import { step3p5, step3p7 } from './step3p7.ts';

export const families: readonly Family[] = [
  mixtral,
  qwen2Moe,
  qwen3Moe,
  olmoe,
  deepseekV2,
  deepseekV3,
  deepseekV32,
  glmMoeDsa,
  deepseekV4,
  glm4Moe,
  graniteMoe,
  phimoe,
  gptOss,
  kimiK2,
  kimiK25,
  solarOpen,
  dots1,
  minimaxM2,
  glm4MoeLite,
  graniteMoeShared,
  exaoneMoe,
  hunyuanMoe,
  ernieMoe,
  mimoV2Flash,
  afmoe,
  llama4Text,
  llama4,
  step3p7,
  longcatFlash,
  gemma4Text,
  gemma4,
  lfm2Moe,
  qwen3Next,
  qwen35MoeText,
  qwen35Moe,
  graniteMoeHybrid,
  bailingHybrid,
  nemotronH,
  qwen3VlMoe,
  glm4vMoe,
  sarvamMla,
  mellum,
  hyV3,
  deepseek,
  bailingMoe,
  bailingMoeV2,
  kimiLinear,
  flexOlmo,
  cohere2Moe,
  mistral4,
  mistral3,
  dbrx,
  jamba,
  step3p5,
  minimax,
];

export const familyOf = (modelType: string): Family | undefined =>
  families.find((family) => family.modelType === modelType);
