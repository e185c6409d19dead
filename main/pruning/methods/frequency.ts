import { averageScores } from '../weighed-profiles.ts';
import { defineMethod, NO_OPTIONS } from '../method.ts';
import { frequencySaliency } from '../saliency.ts';

/** Activation frequency: the one-shot baseline of the UNCURL paper. */
export const frequency = defineMethod(
  {
    name: 'frequency',
    title: 'Activation frequency',
    summary: 'Keeps the experts that the router chooses most often on the task.',
    kind: 'drop',
    needs: 'routing',
    cost: 'none beyond the profile',
    draws: false,
    formula: 'score(e) = n_e = number of tokens whose top-k contains e',
    source: 'Baseline of UNCURL (Sarkar et al. 2024, arXiv 2409.01483) and default criterion of the REAP repository.',
    defaults: "the model's own routing rule and top-k; padding never counts; ties go to the lower index",
    pitfalls: [
      'Usage misleads: rarely chosen experts can matter more for accuracy than their share of the tokens.',
      'M-SMoE and HC-SMoE count the top 2 of the raw logits whatever the top-k is; REAP counts padding where ' +
        'no mask is given, and its protection of super experts does not cover this criterion. Here none of ' +
        'this happens.',
      'Several tasks: each counts as its share per layer, so a long task does not outvote a short one.',
    ],
  },
  NO_OPTIONS,
  () => ({ kind: 'drop', extra: [], score: (context) => averageScores(context, frequencySaliency) }),
);
