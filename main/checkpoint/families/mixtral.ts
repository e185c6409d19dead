import type { Family } from './family.ts';
import { groupedAttention, mixtralKeys, mixtralLayout, plain, softmaxOver, stackedLayout } from './shared-names.ts';

/** Mixtral (arXiv 2401.04088); names as transformers 4 and 5 write them. */
export const mixtral: Family = {
  ...plain,
  modelType: 'mixtral',
  keys: mixtralKeys,
  defaults: {
    num_local_experts: 8,
    num_experts_per_tok: 2,
    intermediate_size: 14336,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
  },
  required: [...plain.required, { key: 'attention_bias', values: [false] }],
  routing: softmaxOver(true),
  attention: groupedAttention,
  window: { kind: 'always', key: 'sliding_window' },
  layouts: [mixtralLayout, stackedLayout],
};
