import { deepseekV2, deepseekV3, kimiK2, kimiK25 } from './deepseek.ts';
import { dots1 } from './dots1.ts';
import type { Family } from './family.ts';
import { glm4Moe, glm4MoeLite } from './glm4-moe.ts';
import { gptOss } from './gpt-oss.ts';
import { graniteMoe, graniteMoeShared } from './granite-moe.ts';
import { minimaxM2 } from './minimax-m2.ts';
import { mixtral } from './mixtral.ts';
import { olmoe } from './olmoe.ts';
import { phimoe } from './phimoe.ts';
import { qwen2Moe, qwen3Moe } from './qwen.ts';
import { solarOpen } from './solar-open.ts';

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
  kimiK2,
  kimiK25,
  solarOpen,
  dots1,
  minimaxM2,
  glm4MoeLite,
  graniteMoeShared,
];

export const familyOf = (modelType: string): Family | undefined =>
  families.find((family) => family.modelType === modelType);
