import { z } from 'zod';
import { averageScores, type Saliency } from '../weighed-profiles.ts';
import { defineMethod } from '../method.ts';
import { frequencySaliency, noviceSaliency, reapSaliency } from '../saliency.ts';

const saliencies: Readonly<Record<'fusion' | 'frequency' | 'reap', Saliency>> = {
  fusion: noviceSaliency,
  frequency: frequencySaliency,
  reap: (statistics, layer) => reapSaliency(statistics, layer),
};

const options = z.object({
  rank: z
    .enum(['fusion', 'frequency', 'reap'])
    .default('fusion')
    .describe(
      'Which experts stay: those with the largest product of use and spread of the output, the most often chosen, ' +
        'or those that REAP keeps.',
    ),
});

/** Mixture of novices and experts. */
export const mone = defineMethod(
  {
    name: 'mone',
    title: 'MoNE',
    summary: 'Replaces experts by their mean output on calibration tokens, a constant, and keeps the whole router.',
    kind: 'drop',
    needs: 'routing',
    cost: 'outputs of every expert on every token while profiling',
    draws: false,
    formula:
      'score(e) = sum of g over T_e * sqrt(sum_h var_h(f_e(x) over T_e)); a removed expert outputs mean(f_e(x) over ' +
      'T_e) with the weight that the router gives it',
    source: 'Zhang et al. 2025, arXiv 2507.00390 (ranking metric fusion); vLLM, design page on expert substitution.',
    defaults: 'rank fusion; several tasks: their statistics are weighted by their shares',
    pitfalls: [
      'The number of experts in the config stays: only the matrices of removed experts are saved.',
      'Layers may keep different numbers (budget global): the only form of export that allows that.',
      'vLLM reads such checkpoints in versions after 0.32 only; transformers, llama.cpp and ONNX exports do not. ' +
        'This workbench opens them again.',
      'A constant cannot be refitted: there is no recovery of such plans.',
      'An expert that no calibration token chose is replaced by 0.',
    ],
  },
  options,
  ({ rank }) => ({
    kind: 'drop',
    extra: ['routed-outputs'],
    score: (context) => averageScores(context, saliencies[rank]),
    leavesConstants: true,
  }),
);
