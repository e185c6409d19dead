import type { SweepDocument, Threshold } from '../contract/sweep.ts';
import { powerText } from '../evaluation/power-words.ts';
import { textTable } from './text-table.ts';

const printed = (number: number | null): string => (number === null ? '-' : String(Number(number.toFixed(2))));

/** ", worse from 8": where the quality is known to have fallen by more than the margin. */
const worseText = ({ firstWorse }: Threshold): string =>
  firstWorse === null ? ', none known to be worse' : `, worse from ${printed(firstWorse)}`;

const verdictOf = (threshold: Threshold): string => {
  const { verdict, factor, firstUnsafe } = threshold;
  switch (verdict) {
    case 'found':
      return `${printed(factor)} (unsafe from ${printed(firstUnsafe)}${worseText(threshold)})`;
    case 'all-safe':
      return `at least ${printed(factor)}`;
    case 'none-safe':
      return `none (unsafe from ${printed(firstUnsafe)}${worseText(threshold)})`;
    case 'cannot-tell':
      return `cannot tell: too few items${threshold.firstWorse === null ? '' : worseText(threshold)}`;
  }
};

/** Results and thresholds of a sweep as tables, with the rule that the thresholds follow. */
export const sweepText = ({ run, results, thresholds, rule, multiplicity, notes = [] }: SweepDocument): string =>
  [
    textTable(
      ['model', 'task', 'method', 'seed', 'factor', 'kept', 'n', 'value', 'difference', 'low', 'high', 'p', 'verdict'],
      results.map(({ model, task, method, seed, factor, kept, n, value, difference, low, high, p, verdict }) => [
        model,
        task,
        method,
        seed,
        printed(factor),
        printed(kept),
        n,
        value.toFixed(3),
        difference.toFixed(3),
        low.toFixed(3),
        high.toFixed(3),
        p === null ? null : p.toPrecision(2),
        verdict ?? null,
      ]),
    ),
    textTable(
      ['model', 'task', 'method', 'seed', 'threshold', 'what this test could have told'],
      thresholds.map((threshold) => [
        threshold.model,
        threshold.task,
        threshold.method,
        threshold.seed,
        verdictOf(threshold),
        powerText(threshold),
      ]),
    ),
    rule,
    ...(multiplicity === undefined ? [] : [multiplicity.sentence]),
    ...notes,
    `Run ${run}.`,
  ].join('\n\n');
