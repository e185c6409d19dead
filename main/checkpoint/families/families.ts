import { deepseekV2, deepseekV3 } from './deepseek.ts';
import type { Family } from './family.ts';
import { glm4Moe } from './glm4-moe.ts';
import { gptOss } from './gpt-oss.ts';
import { graniteMoe } from './granite-moe.ts';
import { mixtral } from './mixtral.ts';
import { olmoe } from './olmoe.ts';
import { phimoe } from './phimoe.ts';
import { qwen2Moe, qwen3Moe } from './qwen.ts';

export const families: readonly Family[] = [
  mixtral,
  qwen2Moe,
  qwen3Moe,
  olmoe,
  deepseekV2,
  deepseekV3,
  glm4Moe,
  graniteMoe,
  phimoe,
  gptOss,
];

export const familyOf = (modelType: string): Family | undefined =>
  families.find((family) => family.modelType === modelType);
