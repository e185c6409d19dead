import { present } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { DEFAULT_DELTA, UNPRUNED } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { PointDerivation } from './derived-points.ts';
import { withThresholds } from './threshold-family.ts';

const ITEMS = 240;

/** Synthetic outcomes with `wrong` incorrect answers, those of the candidate at other indices. */
const outcomesOf = (metric: MetricName, wrong: number, isGrouped: boolean): ItemOutcome[] =>
  Array.from({ length: ITEMS }, (_, index): ItemOutcome => {
    const id = `i${index}`;
    const isRight = (index * 7 + wrong) % wrong !== 0;
    if (metric === 'perplexity') return { kind: 'text', id, logprob: -20 - ((index * wrong) % 11) / 7, tokens: 12 };
    if (metric === 'exact_match') {
      const text = isRight ? 'right' : 'wrong';
      const written = { kind: 'written', id, text, filtered: text, correct: isRight, tokens: 3 } as const;
      return { ...written, stopped: 'until', truncatedTokens: 0 };
    }
    const [chosen, truncatedTokens] = [isRight ? 0 : 1, index % 50 === 0 ? 1 : 0];
    const choice = { kind: 'choice', id, logprobs: [-1, -2], chosen, chosenNorm: chosen, answer: 0 } as const;
    return isGrouped ? { ...choice, truncatedTokens, group: `g${index % 60}` } : { ...choice, truncatedTokens };
  });

const KINDS: readonly (readonly [task: string, metric: MetricName, isGrouped: boolean])[] = [
  ['choices', 'acc', false],
  ['passages', 'acc', true],
  ['texts', 'perplexity', false],
  ['written', 'exact_match', false],
];

let known: string | null = null;

/**
 * Results of this version's formulas on fixed outcomes, as text: it changes when a formula does, so that runs checked
 * by an earlier version are checked again.
 */
export const formulaPrint = (): string => {
  if (known !== null) return known;
  const metrics = new Map(KINDS.map(([task, metric]) => [task, metric]));
  const derivation = new PointDerivation((task) => present(metrics.get(task), `no metric of ${task}`), DEFAULT_DELTA);
  for (const [task, metric, isGrouped] of KINDS) {
    const point = { model: 'm', task, seed: null };
    derivation.add({
      point: { ...point, method: UNPRUNED, factor: 1 },
      kept: 16,
      outcomes: outcomesOf(metric, 9, isGrouped),
    });
    [8, 7, 3].forEach((wrong, index) => {
      const factor = 2 ** (index + 1);
      const outcomes = outcomesOf(metric, wrong, isGrouped);
      derivation.add({ point: { ...point, method: 'made-up', factor }, kept: 16 / factor, outcomes });
    });
  }
  const results = [...derivation.points().values()];
  known = JSON.stringify(withThresholds({ run: '', results, thresholds: [], rule: '' }, { delta: DEFAULT_DELTA }));
  return known;
};
