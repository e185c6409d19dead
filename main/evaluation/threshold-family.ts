import type { Endings, Multiplicity, SweepDocument, SweepResult, Threshold } from '../contract/sweep.ts';
import type { CurtailedPoint } from '../contract/curtailed-point.ts';
import { elsewhereRows, togetherThresholds, withEverywhere } from './elsewhere.ts';
import { endingResult, withEndings } from './item-answers.ts';
import { headlineThresholds, sweepThresholds, THRESHOLD_LEVEL, thresholdRule } from './threshold.ts';
import { readCurtailed } from './curtailed-points.ts';
import {
  independentItems,
  itemsNeeded,
  levelKnown,
  lowerEndAt,
  ONE_SIDED_ALPHA,
  twoSidedOf,
  upperEndOf,
  verdictOf,
} from './verdicts.ts';
import { type NothingToLose, nothingToLoseIn } from './nothing-to-lose.ts';

/** How to read thresholds: the margin, and whether the level applies to each or to all of them together. */
export interface ThresholdReading {
  readonly delta: number;
  readonly familywise?: boolean | undefined;
}

/** A requested reading: the margin of the sweep where none is given. */
export interface AskedReading {
  readonly delta?: number | undefined;
  readonly familywise?: boolean | undefined;
}

/** 0.05 -> "5", 0.05 / 36 -> "0.139". */
const percent = (share: number): string => String(Number((share * 100).toPrecision(3)));

/** Curves with enough items at 5 %; as items are counted before any outcome, the others need no correction. */
const decidableCurves = (results: readonly (SweepResult | CurtailedPoint)[], delta: number): number => {
  const itemsOf = new Map<string, { readonly items: number; readonly needed: number }>();
  for (const result of results) {
    if (result.factor <= 1) continue;
    const key = JSON.stringify([result.model, result.task, result.method]);
    const independent = 'independentAtLeast' in result ? result.independentAtLeast : independentItems(result);
    const items = Math.min(independent, itemsOf.get(key)?.items ?? Infinity);
    itemsOf.set(key, { items, needed: itemsNeeded(delta, result.metric) });
  }
  return [...itemsOf.values()].filter(({ items, needed }) => items >= needed).length;
};

/**
 * One-sided level of each test. Familywise: Bonferroni over the curves (model, task, method) with enough items; within
 * a curve the fixed sequence needs no correction. The chance that any of all thresholds names an unsafe factor is then
 * at most 5 %, however the curves depend on each other. Draws of one method count once: safe means safe for every draw.
 * `level`: that of a planned look, in place of 5 %.
 */
export const levelOf = (
  results: readonly (SweepResult | CurtailedPoint)[],
  { delta, familywise = false }: ThresholdReading,
  level = ONE_SIDED_ALPHA,
): number => (familywise ? level / Math.max(1, decidableCurves(results, delta)) : level);

/**
 * The thresholds of a document after a choice among methods: each method is tested at the level divided by the number
 * of methods of its model and task (Bonferroni), so that the best of them, chosen after seeing all, names an unsafe
 * factor safe with a chance of at most `alpha`, however the methods depend on each other. All measured methods count,
 * whichever are shown.
 */
export const thresholdsAfterSelection = (
  document: Pick<SweepDocument, 'results' | 'curtailed' | 'notNeeded'>,
  delta: number,
  alpha: number,
): Threshold[] => {
  const { results, curtailed = [], notNeeded = [] } = document;
  const keyOf = ({ model, task }: Pick<SweepResult, 'model' | 'task'>): string => JSON.stringify([model, task]);
  const methods = new Map<string, Set<string>>();
  for (const point of [...results, ...curtailed, ...notNeeded]) {
    if (point.factor <= 1) continue;
    const key = keyOf(point);
    methods.set(key, (methods.get(key) ?? new Set()).add(point.method));
  }
  const counts = new Set([...methods.values()].map(({ size }) => size));
  return [...counts].flatMap((count) => {
    const isOwn = (point: Pick<SweepResult, 'model' | 'task'>): boolean => methods.get(keyOf(point))?.size === count;
    const ofMethod = { curtailed: curtailed.filter(isOwn), notNeeded: notNeeded.filter(isOwn) };
    return sweepThresholds(results.filter(isOwn), delta, alpha / count, ofMethod);
  });
};

const sentenceOf = (
  { familywise, curves, decided, alpha }: Omit<Multiplicity, 'sentence'>,
  needed: number,
  headlines: number,
): string => {
  const count = `${decided} of ${headlines} ${headlines === 1 ? 'threshold' : 'thresholds'}`;
  if (familywise) {
    return (
      `Familywise: ${count} found, each tested at a one-sided level of ${percent(alpha)} % ` +
      `(${percent(alpha * Math.max(1, curves))} % divided by ` +
      `${curves}, Bonferroni over model, task and method), so the chance of naming any unsafe factor safe is at ` +
      `most 5 % for all together; that takes at least ${needed} items a task.`
    );
  }
  const rounded = Math.round(decided * alpha * 10) / 10;
  const expected = rounded === 0 ? 'fewer than 0.1' : `at most about ${rounded}`;
  const chance = decided === 0 ? '' : `: among ${decided} ${expected} may name an unsafe factor safe by chance`;
  return (
    `${count} found, each at the ${percent(alpha)} % level${chance}. The familywise reading holds the chance of ` +
    'naming any unsafe factor safe to 5 % for all together.'
  );
};

const multiplicityOf = (
  results: readonly (SweepResult | CurtailedPoint)[],
  thresholds: readonly Threshold[],
  { delta, familywise = false }: ThresholdReading,
  alpha: number,
): Multiplicity => {
  const headlines = headlineThresholds(thresholds);
  const counts = {
    familywise,
    curves: decidableCurves(results, delta),
    decided: headlines.filter(({ factor }) => factor !== null).length,
    alpha,
  };
  return { ...counts, sentence: sentenceOf(counts, itemsNeeded(delta, 'acc', alpha), headlines.length) };
};

/** Whether a result has enough items for the verdict `safe`. */
const hasItems = (result: SweepResult, delta: number, alpha: number): boolean =>
  independentItems(result) >= itemsNeeded(delta, result.metric, alpha);

/** The endings, with the interval ends that are tested at this margin. */
const endingsAt = (result: SweepResult, endings: Endings, delta: number): Endings => {
  const read = withVerdict(endingResult({ ...result, endings: undefined }, endings), delta, ONE_SIDED_ALPHA, null);
  const { low, high, lowOneSided, highOneSided } = read;
  return { ...endings, low, high, lowOneSided, highOneSided };
};

const withVerdict = (result: SweepResult, delta: number, alpha: number, reason: NothingToLose | null): SweepResult => {
  if (result.factor <= 1) return { ...result, verdict: null };
  const { endings: own } = result;
  const alone = verdictOf(result, delta, alpha);
  const verdict = alone !== 'worse' && !hasItems(result, delta, alpha) ? 'undecided' : alone;
  return {
    ...result,
    ...twoSidedOf(result),
    ...levelKnown(result),
    lowOneSided: lowerEndAt(result, delta, ONE_SIDED_ALPHA) ?? result.lowOneSided,
    highOneSided: upperEndOf(result, delta),
    ...(own === undefined ? {} : { endings: endingsAt(result, own, delta) }),
    verdict: reason !== null && (verdict === 'worse' || hasItems(result, delta, alpha)) ? reason : verdict,
  };
};

/**
 * The document with verdicts, one-sided ends, thresholds and rule for this reading, from stored numbers without
 * inference. An old document without verdicts and first worse factors gains them; stored verdicts are replaced.
 */
export const withThresholds = (document: SweepDocument, reading: ThresholdReading): SweepDocument => {
  const { delta, familywise = false } = reading;
  const { curtailed = [] } = document;
  const tested = [...document.results, ...curtailed];
  const base = document.level ?? ONE_SIDED_ALPHA;
  const alpha = levelOf(tested, reading, base);
  const reasonOf = nothingToLoseIn(document.results, delta);
  const ofAnswers = sweepThresholds(document.results, delta, alpha, document);
  const isWhole = curtailed.length + (document.notNeeded ?? []).length === 0;
  const withEnds = isWhole ? withEndings(ofAnswers, document.results, delta, base) : ofAnswers;
  const { elsewhere = [] } = document;
  const rowLevel = familywise ? base / Math.max(1, elsewhereRows(elsewhere).length) : base;
  const thresholds = elsewhere.length === 0 ? withEnds : withEverywhere(withEnds, document, delta, rowLevel);
  const { calibrationDraws: drawn } = document;
  const judgedAt = (result: SweepResult): SweepResult => withVerdict(result, delta, alpha, reasonOf(result));
  const read: SweepDocument = {
    ...document,
    results: document.results.map(judgedAt),
    ...(drawn === undefined
      ? {}
      : { calibrationDraws: drawn.map((point) => ({ ...point, result: judgedAt(point.result) })) }),
    thresholds,
    rule: thresholdRule(
      delta,
      alpha === ONE_SIDED_ALPHA ? THRESHOLD_LEVEL : 1 - alpha,
      new Set(tested.map(({ metric }) => metric)),
    ),
    multiplicity: multiplicityOf(tested, thresholds, reading, alpha),
  };
  if (elsewhere.length > 0)
    return {
      ...read,
      elsewhere: elsewhere.map((point) => ({
        ...point,
        result: withVerdict(point.result, delta, rowLevel, reasonOf(point.result)),
      })),
      together: togetherThresholds(document, delta, rowLevel),
    };
  if (curtailed.length === 0) return read;
  return {
    ...read,
    curtailed: curtailed.map((point) => ({
      ...point,
      verdict: reasonOf(point) !== null ? null : readCurtailed(point, delta, alpha),
    })),
  };
};
