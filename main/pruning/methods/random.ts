import { seededRandom } from '../../statistics/random.ts';
import { defineMethod, NO_OPTIONS } from '../method.ts';

/** Random experts: the baseline that every other method has to beat. */
export const random = defineMethod(
  {
    name: 'random',
    title: 'Random',
    summary: 'Keeps experts drawn at random, independently in every layer: the baseline of all other methods.',
    kind: 'drop',
    needs: 'nothing',
    cost: 'none',
    draws: true,
    formula: 'score(e) = uniform random number from the seed; the largest stay',
    source: 'Baseline of EEP (Liu et al. 2024, arXiv 2407.00945), which reports the mean over 30 random patterns.',
    defaults: 'seed 0; one draw per expert, so for one seed a larger factor keeps a subset of what a smaller one keeps',
    pitfalls: [
      'One seed says little: report mean and spread over several seeds.',
      'A seed gives the same experts in every run of this workbench, not in other tools, whose generators differ.',
    ],
  },
  NO_OPTIONS,
  () => ({
    kind: 'drop',
    extra: [],
    score: ({ seed, layers, experts }) => {
      const source = seededRandom(seed);
      return Array.from({ length: layers }, () => Float64Array.from({ length: experts }, () => source.float()));
    },
  }),
);
