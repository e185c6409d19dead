import { averageScores } from '../weighed-profiles.ts';
import { defineMethod, NO_OPTIONS } from '../method.ts';
import { unifiedSaliency } from '../saliency.ts';

/** Mean activation norm: S(1, 0, 1). */
export const man = defineMethod(
  {
    name: 'man',
    title: 'MAN',
    summary:
      'Keeps the experts whose outputs are longest on average, whatever their gate: for pruning without a ' +
      'task in mind.',
    kind: 'drop',
    needs: 'routing',
    cost: 'none beyond the profile',
    draws: false,
    formula: 'score(e) = (1 / n_e) * sum over tokens routed to e of ||f_e(x)||_2 = S(1, 0, 1)',
    source:
      'arXiv 2606.15716, by the appendix of another paper that cites it; the same number as the mean form of EAN.',
    defaults: 'none to choose',
    pitfalls: [
      'The same ranking as ean with the form mean: a sweep of both measures the same twice.',
      'A mean over few tokens is noisy: an expert that one token chose can rank first.',
    ],
  },
  NO_OPTIONS,
  () => ({
    kind: 'drop',
    extra: [],
    score: (context) =>
      averageScores(context, (statistics, layer) =>
        unifiedSaliency(statistics, layer, { b: 1, alpha: 0, beta: 1, gate: 'own' }),
      ),
  }),
);
