import { BEST_REFERENCE, type CompareDocument, type CompareMethod } from '../../contract/compare.ts';
import { curveLabel } from '../../contract/method.ts';
import { isSameFactor } from '../../contract/sweep.ts';
import { methodInProse } from '../../words/methods.ts';
import { bareFactor, counted, listed } from '../../words/numbers.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { LEVEL } from '../size-trend/findings.ts';
import { answersText, referenceText } from '../../words/comparisons.ts';
import { type ComparePoints, NEAREST_LIMIT } from './points.ts';
import type { MeasuredTask } from './tasks.ts';

const bestText = (
  document: Pick<CompareDocument, 'factor' | 'model' | 'answers' | 'answersMeasured'>,
  overview: readonly CompareMethod[],
): string => {
  const byShare = new Map<string, string[]>();
  const falling = [...overview].sort((left, right) => right.sharesBest / right.tasks - left.sharesBest / left.tasks);
  for (const { method, sharesBest, tasks } of falling) {
    const share = sharesBest === 0 ? 'on none' : `on ${sharesBest} of ${counted(tasks, 'task')}`;
    byShare.set(share, [...(byShare.get(share) ?? []), methodInProse(method)]);
  }
  const parts = [...byShare].map(([share, methods]) => `${share}: ${listed(methods)}`);
  const { factor, model } = document;
  const where = `At factor ${bareFactor(factor)} of ${model}${answersText(document)}`;
  const drawn = overview.some(({ seeds }) => seeds.length > 1) ? ' in every draw' : '';
  return `${where}, best or not distinguishable from the best${drawn} ${parts.join('; ')}.`;
};

/** Why no p-value is corrected against the best of each task. */
export const HOLM_WITHHELD =
  'No p-value is corrected against the best of each task: the same items select it and are compared with it, so that ' +
  'even if no method differed a corrected test at 5 % would find a difference in about 9 % (8 methods) to 17 % (17). ' +
  'Choose a fixed reference for corrected p-values.';

const countText = (reference: string, { count, apart, withP, afterHolm }: CompareDocument['comparisons']): string => {
  if (count === 0) return '';
  const chance = Math.round(count * LEVEL * 10) / 10;
  // No method is above the best: chance pushes every difference to it in one direction.
  if (reference === BEST_REFERENCE) {
    return (
      `${counted(count, 'comparison')} with ${referenceText(reference)}: in ${apart} the paired 95 % interval ` +
      `excludes 0. The intervals are not corrected for their number, nor for that choice.`
    );
  }
  const holm =
    withP === 0
      ? ''
      : ` After Holm\u2019s correction over the ${counted(withP, 'comparison')} that have a p-value, ` +
        `${afterHolm} of them ${afterHolm === 1 ? 'stands' : 'stand'} at 0.05.`;
  return (
    `${counted(count, 'comparison')} with ${referenceText(reference)}: in ${apart} the paired 95 % interval ` +
    `excludes 0. The intervals are not corrected ` +
    `for their number; if no method differed, about ${chance} would exclude 0 by chance.${holm}`
  );
};

const recoveryText = (recoveries: CompareDocument['recoveries']): string => {
  const parts = recoveries.map(({ method, refit, better, nothing, worse, drawsDiffer, tasks }) => {
    const counts = [
      `better on ${better} of ${counted(tasks.length, 'task')}`,
      ...(nothing > 0 ? [`nothing beyond the interval on ${nothing}`] : []),
      ...(worse > 0 ? [`worse on ${worse}`] : []),
      ...(drawsDiffer > 0 ? [`draws disagree on ${drawsDiffer}`] : []),
    ];
    return `${methodInProse(refit === 'experts' ? method : curveLabel(method, refit))} ${listed(counts)}`;
  });
  return parts.length === 0 ? '' : `Recovery against the same plan without it: ${parts.join('; ')}.`;
};

export const compareFindings = (
  document: Pick<
    CompareDocument,
    'factor' | 'model' | 'answers' | 'answersMeasured' | 'reference' | 'overview' | 'recoveries' | 'comparisons'
  >,
): string[] => {
  const { reference, overview, recoveries, comparisons } = document;
  return [
    ...(overview.length > 1 ? [bestText(document, overview)] : []),
    countText(reference, comparisons),
    recoveryText(recoveries),
  ].filter((sentence) => sentence !== '');
};

/** Limits of the comparison. */
export const compareNotes = (
  { factor, methods, tasks }: ComparePoints,
  measured: readonly MeasuredTask[],
): string[] => {
  const draws = measured.flatMap((task) => task.methods).filter((entry) => entry.draws.length > 1);
  const several = methods.filter((method) => draws.some((draw) => draw.method === method));
  const elsewhere = methods.flatMap((method) => {
    const factors = tasks.flatMap((task) =>
      task.methods
        .filter((entry) => entry.method === method)
        .flatMap((entry) => entry.draws.map((draw) => draw.factor)),
    );
    const others = factors.filter((reached) => !isSameFactor(reached, factor));
    if (others.length === 0) return [];
    const [least, most] = [bareFactor(minOf(others)), bareFactor(maxOf(others))];
    return [`${methodInProse(method)} (${least === most ? least : `${least} to ${most}`})`];
  });
  const missing = methods.flatMap((method) => {
    const without = tasks.filter((task) => task.missing.includes(method)).length;
    return without === 0 ? [] : [`${methodInProse(method)} on ${counted(without, 'task')}`];
  });
  const gone = measured.reduce((sum, task) => sum + task.gone.length, 0) + (tasks.length - measured.length);
  return [
    ...(several.length > 0
      ? [
          `${listed(several.map(methodInProse))}: several draws (seeds). Values and differences are means over ` +
            'draws, with the lowest and the highest; every pair of draws has a paired interval of its own. Better, ' +
            'worse and cannot tell must hold for every pair; where pairs disagree, draws differ.',
        ]
      : []),
    ...(elsewhere.length > 0
      ? [
          `Compared by the nearest measured factor, within a quarter (\u00d7${NEAREST_LIMIT}) of ` +
            `${bareFactor(factor)}, as these have no point at it: ${listed(elsewhere)}.`,
        ]
      : []),
    ...(missing.length > 0 ? [`Not measured near this factor: ${listed(missing)}.`] : []),
    ...(gone > 0 ? [`${counted(gone, 'point')} left out: the outcomes are no longer stored.`] : []),
  ];
};
