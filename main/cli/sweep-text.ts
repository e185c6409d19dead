import type { SweepDocument } from '../contract/sweep.ts';
import { powerText } from '../evaluation/power-words.ts';
import { bracketWords, thresholdValue } from '../evaluation/wording.ts';
import { UNITS_NOTE } from '../figures/numbers.ts';
import {
  printedDifference,
  printedFactor,
  printedInterval,
  printedP,
  printedValue,
  terminalText,
} from './terminal-text.ts';
import { textTable } from './text-table.ts';

/** Results and thresholds of a sweep as tables, with the rule that the thresholds follow. */
export const sweepText = ({ run, results, thresholds, rule, multiplicity, notes = [] }: SweepDocument): string =>
  [
    textTable(
      [
        'model',
        'task',
        'method',
        'seed',
        'factor',
        'kept',
        'n',
        'value',
        'difference',
        '95 % interval',
        'p',
        'verdict',
      ],
      results.map(
        ({ model, task, method, seed, factor, kept, n, metric, value, difference, low, high, p, verdict }) => [
          model,
          task,
          method,
          seed,
          printedFactor(factor),
          printedFactor(kept),
          n,
          printedValue(value, metric),
          printedDifference(difference, metric),
          printedInterval({ low, high }, metric),
          printedP(p),
          verdict ?? null,
        ],
      ),
    ),
    textTable(
      ['model', 'task', 'method', 'seed', 'threshold', 'verdict', 'what this test could have told'],
      thresholds.map((threshold) => [
        threshold.model,
        threshold.task,
        threshold.method,
        threshold.seed,
        terminalText(thresholdValue(threshold)),
        terminalText(bracketWords(threshold)),
        terminalText(powerText(threshold)),
      ]),
    ),
    UNITS_NOTE,
    rule,
    ...(multiplicity === undefined ? [] : [multiplicity.sentence]),
    ...notes,
    `Run ${run}.`,
  ].join('\n\n');
