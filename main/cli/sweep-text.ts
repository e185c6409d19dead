import type { SweepDocument, Threshold } from '../contract/sweep.ts';
import { textTable } from './text-table.ts';

const printed = (number: number | null): string => (number === null ? '-' : String(Number(number.toFixed(2))));

const verdictOf = ({ verdict, factor, firstUnsafe }: Threshold): string => {
  switch (verdict) {
    case 'found':
      return `${printed(factor)} (unsafe from ${printed(firstUnsafe)})`;
    case 'all-safe':
      return `at least ${printed(factor)}`;
    case 'none-safe':
      return `none (unsafe from ${printed(firstUnsafe)})`;
    case 'cannot-tell':
      return 'cannot tell: too few items';
  }
};

/** Results and thresholds of a sweep as tables, with the rule that the thresholds follow. */
export const sweepText = ({ run, results, thresholds, rule, notes = [] }: SweepDocument): string =>
  [
    textTable(
      ['model', 'task', 'method', 'seed', 'factor', 'kept', 'n', 'value', 'difference', 'low', 'high', 'p'],
      results.map(({ model, task, method, seed, factor, kept, n, value, difference, low, high, p }) => [
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
      ]),
    ),
    textTable(
      ['model', 'task', 'method', 'seed', 'threshold'],
      thresholds.map((threshold) => [
        threshold.model,
        threshold.task,
        threshold.method,
        threshold.seed,
        verdictOf(threshold),
      ]),
    ),
    rule,
    ...notes,
    `Run ${run}.`,
  ].join('\n\n');
