import type { SizeTrendDocument } from '../contract/size-trend.ts';
import type { MetricName } from '../contract/task.ts';
import type { CurveSheet } from './curve-panels.ts';

/** How a candidate is drawn that stopped early. */
const CURTAILED_CAPTION =
  'Cross on the axis: unsafe, decided before every item was answered, so there is no value; larger factors of that ' +
  'curve were not needed.';

/** How a method measured with several seeds is drawn. */
const DRAWS_CAPTION =
  'Several draws of a method: their mean, bar and band from the lowest to the highest value; its threshold is safe ' +
  'in every draw. ';

/** How to read the curves of a sheet, beside the threshold rule. */
export const curveCaption = (sheet: CurveSheet): string => {
  const metrics = new Set<MetricName>(sheet.panels.map(({ metric }) => metric));
  const intervals = [
    ...([...metrics].some((metric) => metric !== 'perplexity')
      ? ["Tango's score interval for paired proportions"]
      : []),
    ...(metrics.has('perplexity') ? ['paired bootstrap for perplexity'] : []),
  ].join('; ');
  const drawn = sheet.panels.some(({ series }) => series.some(({ draws }) => draws > 1));
  const isCut = sheet.panels.some(({ series }) => series.some(({ curtailed }) => curtailed.length > 0));
  return (
    `Whiskers: two-sided 95 % interval of the difference to the unpruned model on the same items, about its value ` +
    `(${intervals}). ${drawn ? DRAWS_CAPTION : ''}Solid line: unpruned model; dotted line: the margin. Above each ` +
    'plot, per method: mark at ' +
    'the threshold factor, bar at the first unsafe one; an arrow means that every tested factor is safe, a ' +
    'hollow mark that none is.' +
    (isCut ? ` ${CURTAILED_CAPTION}` : '')
  );
};

/** How to read the best threshold of each model and task, beside the threshold rule. */
export const BEST_CAPTION =
  'For each model and task, the method that reaches furthest (+ n more: n others reach as far), selected after ' +
  'seeing all results; written: the best when the model writes its answer.';

/** How to read thresholds over experts, beside the threshold rule. */
export const expertTrendCaption = ({ trends, tasks, written }: SizeTrendDocument): string => {
  const isRepeated = trends.some(({ spread }) => spread.some(({ models }) => models > 1));
  const hasBoth = written.length > 0 && written.length < tasks.length;
  return (
    'Thin line: one task, at its threshold, the largest safe factor (1: no factor above 1 is safe); lines of equal ' +
    'thresholds are drawn beside each other. Thick line: the factor that at least half of the tasks reach' +
    (hasBoth ? ', solid where answers are chosen, dashed and hollow where they are written. ' : '. ') +
    'A task has no point at a size where its threshold is undecided. Dotted: largest tested factor, never below ' +
    'top-k experts: a threshold there may be higher. ' +
    (isRepeated ? 'Several trainings of one size count by their geometric mean.' : 'Each size was trained once.')
  );
};

/** How to read comparisons of a pruned large model with a small one. */
export const SIZE_PAIR_CAPTION =
  'Row E \u2192 E\u2032: the model with E experts pruned to E\u2032, minus the model trained with E\u2032, ' +
  'on the same items; left of 0 (perplexity: ' +
  'right of 0) the pruned model is worse. Whiskers: two-sided 95 % interval of the paired difference ' +
  '(Tango\u2019s score ' +
  'interval; paired bootstrap for perplexity); for several draws or trainings mean and range. Filled: past ' +
  'the pruned ' +
  'model\u2019s threshold; hollow: within it; pale: undecided.';
