import type { ModelInfo } from '../../../main/contract/model.ts';

/** A model of eight experts in three layers, with `fields` overriding its fields. */
export const modelInfoOf = (fields: Partial<ModelInfo> = {}): ModelInfo => ({
  family: 'mixtral',
  layers: 3,
  moeLayers: 3,
  experts: 8,
  topK: 2,
  hidden: 96,
  expertWidth: 96,
  sharedExperts: 0,
  normTopK: true,
  vocabulary: 45,
  maxPositions: 64,
  parameters: { total: 1, expert: 1, active: 1 },
  dtype: 'float16',
  sizeBytes: 1,
  memory: { resident: 1, streaming: 1, float16: { resident: 1, streaming: 1 }, torch: { float32: 1, half: 1 } },
  supported: true,
  reasons: [],
  ...fields,
});
