import { averageScores } from '../weighed-profiles.ts';
import { defineMethod, NO_OPTIONS } from '../method.ts';
import { unifiedSaliency } from '../saliency.ts';

/** Mean squared activation norm: S(1, 0, 2). */
export const msan = defineMethod(
  {
    name: 'msan',
    title: 'MSAN',
    summary: 'Keeps the experts whose outputs have the largest mean square, whatever their gate.',
    kind: 'drop',
    needs: 'routing',
    cost: 'none beyond the profile',
    draws: false,
    formula: 'score(e) = (1 / n_e) * sum over tokens routed to e of ||f_e(x)||_2^2 = S(1, 0, 2)',
    source: 'arXiv 2606.15716, by the appendix of another paper that cites it.',
    defaults: 'none to choose',
    pitfalls: [
      'Squares make a few extreme outputs decide: super experts come first, and one outlier token can lift an expert.',
      'A mean over few tokens is noisy: an expert that one token chose can rank first.',
    ],
  },
  NO_OPTIONS,
  () => ({
    kind: 'drop',
    extra: [],
    score: (context) =>
      averageScores(context, (statistics, layer) =>
        unifiedSaliency(statistics, layer, { b: 1, alpha: 0, beta: 2, gate: 'own' }),
      ),
  }),
);
