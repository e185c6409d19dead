import type { CurtailedPoint } from '../contract/curtailed-point.ts';
import { assertNever } from '../contract/errors.ts';
import type { ShownAnswer } from '../contract/outcomes.ts';
import type { Finding, SizePair } from '../contract/size-trend.ts';
import {
  type DrawCount,
  isAtChance,
  isFactorAtMost,
  isNothingToLose,
  isSameFactor,
  type PointName,
  type PointVerdict,
  safeDrawsAt,
  type SweepDocument,
  type SweepResult,
  type Threshold,
  UNPRUNED,
  type Verdict,
  WANTED_CHANCE,
} from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { truncationNotes } from './truncation.ts';
import {
  bareFactor,
  counted,
  differenceUnit,
  formatCount,
  formatDifference,
  formatFactor,
  formatP,
  formatRoughPercent,
  formatValue,
} from './numbers.ts';
import { methodTitle } from './methods.ts';

/** "uncurl-8 add reap (seed 1)". */
export const curveWords = ({ model, task, method, seed }: Omit<PointName, 'factor'>): string =>
  `${model} ${task} ${method}${seed === null ? '' : ` (seed ${seed})`}`;

/** "uncurl-8 add reap factor 2"; the factor with all its digits, since it identifies the point. */
export const pointWords = (point: PointName): string => `${curveWords(point)} factor ${point.factor}`;

/** Warnings about a sweep whose files were edited; empty for any other. */
export const checkNotes = ({ check }: Pick<SweepDocument, 'check'>): readonly string[] =>
  check?.state === 'differs' ? check.sentences : [];

/**
 * Notes on a sweep's numbers: texts that ran out of tokens, models at chance, its own notes, and the parts that could
 * not be checked.
 */
export const sweepNotes = (document: Pick<SweepDocument, 'check' | 'notes' | 'results'>): readonly string[] => [
  ...truncationNotes(document.results),
  ...chanceNotes(document),
  ...noRoomNotes(document),
  ...(document.notes ?? []),
  ...(document.check?.state === 'unchecked' ? document.check.sentences : []),
];

/** "E = 8", "E = 8 to 64". */
export const sizesText = (sizes: readonly number[]): string => {
  const ordered = [...sizes].sort((left, right) => left - right);
  return ordered.length === 1 ? `E = ${ordered[0]}` : `E = ${ordered[0]} to ${ordered.at(-1)}`;
};

/** Items (of perplexity: texts) below which no threshold can be determined. */
export interface Needed {
  readonly items: number;
  readonly texts: number;
}

/** "149 items", "20 texts". */
export const neededText = ({ items, texts }: Needed, metric: MetricName | undefined): string =>
  metric === 'perplexity' ? `${formatCount(texts)} texts` : `${formatCount(items)} items`;

/** In the place of a verdict, where the unpruned model is not above chance. */
const AT_CHANCE = 'nothing to lose: at chance';

/** The same where it is above chance, or above 0, but not by more than the margin. */
const NO_ROOM = 'nothing to lose: no room for the margin';

/** "unpruned 26.0, chance 25.0 (p = 0.41)"; null where a task has no choices to guess among. */
const chanceText = ({ chance, value, metric }: SweepResult): string | null =>
  chance === undefined
    ? null
    : `unpruned ${formatValue(value, metric)}, chance ${formatValue(chance.accuracy, metric)} (one-sided exact ` +
      `${formatP(chance.p)})`;

/** A sentence for each model and task whose unpruned model is not above chance. */
const chanceNotes = ({ results }: Pick<SweepDocument, 'results'>): readonly string[] =>
  results
    .filter(isAtChance)
    .map(
      (result) =>
        `${result.model} on ${result.task} is not above chance: ${chanceText(result) ?? ''}, n = ` +
        `${formatCount(result.n)}. Its pruned models have nothing to lose there, so they get no verdict.`,
    );

/** A sentence for each model and task whose unpruned model has no room to lose the margin. */
const noRoomNotes = ({ results }: Pick<SweepDocument, 'results'>): readonly string[] => {
  const isHere = ({ model, task }: SweepResult): boolean =>
    results.some((result) => result.model === model && result.task === task && result.verdict === 'nothing-to-lose');
  return results
    .filter((result) => result.method === UNPRUNED && isHere(result))
    .map((result) => {
      const floor =
        result.chance === undefined ? '0' : `chance (${formatValue(result.chance.accuracy, result.metric)})`;
      return (
        `${result.model} on ${result.task} is not shown to be above ${floor} by more than the margin: unpruned ` +
        `${formatValue(result.value, result.metric)}, n = ${formatCount(result.n)}. Its pruned models could lose ` +
        'everything and stay within the margin, so they get no verdict.'
      );
    });
};

const verdictTexts: Readonly<Record<Verdict, string>> = {
  found: 'found',
  'all-safe': 'every tested factor is safe',
  'none-safe': 'no tested factor is safe',
  'cannot-tell': 'cannot tell: too few items',
  'at-chance': AT_CHANCE,
  'nothing-to-lose': NO_ROOM,
};

/** A threshold's verdict in words. */
export const verdictText = (verdict: Verdict): string => verdictTexts[verdict];

const pointVerdictTexts: Readonly<Record<PointVerdict, string>> = {
  safe: 'safe',
  worse: 'unsafe',
  undecided: 'cannot tell',
  'at-chance': AT_CHANCE,
  'nothing-to-lose': NO_ROOM,
};

/**
 * A point's verdict in words: safe at the margin, unsafe (worse by more), or undecided. "Not safe" covers the last two.
 */
export const pointVerdictText = (verdict: PointVerdict): string => pointVerdictTexts[verdict];

/** Verdict on a plan over all tasks on which sweeps measured it: safe only if it is safe on each of them. */
export type PlanStanding = PointVerdict | 'not-measured';

export const planStanding = (results: readonly Pick<SweepResult, 'verdict'>[]): PlanStanding => {
  const verdicts = results.map(({ verdict }) => verdict ?? 'undecided');
  const [first] = verdicts;
  if (first === undefined) return 'not-measured';
  if (verdicts.includes('worse')) return 'worse';
  return verdicts.every((verdict) => verdict === first) ? first : 'undecided';
};

/** "Sums unsafe (−55.0 points, n = 300)", for each task that measured a plan. */
export const planVerdicts = (
  results: readonly SweepResult[],
  title = (task: string): string => task,
): readonly string[] =>
  results.map(
    ({ task, verdict, difference, metric, n }) =>
      `${title(task)} ${pointVerdictText(verdict ?? 'undecided')} (${formatDifference(difference, metric)}` +
      `${differenceUnit(metric)}, n = ${formatCount(n)})`,
  );

/** "Measured: Sums unsafe (−55.0 points, n = 300); Plurals safe (0.0 points, n = 300)." */
export const planStandingText = (results: readonly SweepResult[], title = (task: string): string => task): string =>
  results.length === 0
    ? 'Not measured: no sweep of this workspace has tested exactly this plan.'
    : `Measured: ${planVerdicts(results, title).join('; ')}.`;

/** Why an export of a plan is asked about once more. */
export const notShownSafeText = (results: readonly SweepResult[]): string =>
  results.length === 0
    ? 'Nothing shows that this plan is safe: it was not measured.'
    : 'This plan is not shown to be safe on every task that it was measured on.';

/** "Measured on 18 tasks: 2 safe, 16 unsafe." */
export const planCountsText = (results: readonly Pick<SweepResult, 'verdict'>[]): string => {
  const counts = (['safe', 'worse', 'undecided', 'at-chance', 'nothing-to-lose'] as const).flatMap((verdict) => {
    const count = results.filter((result) => (result.verdict ?? 'undecided') === verdict).length;
    return count === 0 ? [] : [`${formatCount(count)} ${pointVerdictText(verdict)}`];
  });
  return `Measured on ${counted(results.length, 'task')}: ${counts.join(', ')}.`;
};

type Bracket = Pick<Threshold, 'lastSafe' | 'firstUnsafe' | 'firstWorse'>;

const isWorseFrom = (firstWorse: number | null, factor: number): boolean =>
  firstWorse !== null && isFactorAtMost(firstWorse, factor);

/**
 * How a cell of thresholds looks: some factor is safe, no factor is and the smallest is worse (`unsafe`) or undecided
 * (`open`), or nothing can be said (`unknown`).
 */
export const thresholdLook = ({
  verdict,
  firstUnsafe,
  firstWorse,
}: Pick<Threshold, 'verdict' | 'firstUnsafe' | 'firstWorse'>): 'safe' | 'unsafe' | 'open' | 'unknown' => {
  if (verdict === 'cannot-tell' || isNothingToLose(verdict)) return 'unknown';
  if (verdict !== 'none-safe') return 'safe';
  return isWorseFrom(firstWorse, firstUnsafe ?? 1) ? 'unsafe' : 'open';
};

/**
 * The threshold itself, short: "×2"; "≥ ×8" where every tested factor is safe; where none is, "< ×2" if the smallest is
 * worse and "< ×2 ?" if it is undecided; "?" where it cannot be determined; "chance" where the unpruned model is
 * there, "no room" where it is not above chance or 0 by more than the margin.
 */
export const thresholdValue = ({
  verdict,
  factor,
  lastSafe,
  firstUnsafe,
  firstWorse,
}: Pick<Threshold, 'verdict' | 'factor' | 'lastSafe' | 'firstUnsafe' | 'firstWorse'>): string => {
  switch (verdict) {
    case 'found':
      return factor === null ? '?' : formatFactor(factor);
    case 'all-safe':
      return `\u2265 ${formatFactor(lastSafe ?? factor ?? 1)}`;
    case 'none-safe':
      if (firstUnsafe === null) return 'none';
      return `< ${formatFactor(firstUnsafe)}${isWorseFrom(firstWorse, firstUnsafe) ? '' : ' ?'}`;
    case 'cannot-tell':
      return '?';
    case 'at-chance':
      return 'chance';
    case 'nothing-to-lose':
      return 'no room';
    default:
      return assertNever(verdict);
  }
};

/**
 * "[2, 4) worse 8": safe up to and including 2, no longer safe at 4, worse from 8 on; open where nothing larger was
 * tested, empty where it cannot be determined.
 */
export const bracketText = ({ lastSafe, firstUnsafe, firstWorse }: Bracket): string =>
  lastSafe === null
    ? ''
    : `[${bareFactor(lastSafe)}, ${firstUnsafe === null ? '\u2026' : bareFactor(firstUnsafe)})` +
      (firstWorse === null ? '' : ` worse ${bareFactor(firstWorse)}`);

/** From where quality is known to fall by more than the margin; a factor that is not safe need not be worse. */
const worseText = ({ firstWorse }: Pick<Bracket, 'firstWorse'>): string =>
  firstWorse === null ? ', none known to be worse' : `, worse from ${formatFactor(firstWorse)}`;

/** "safe in 3 of 5 draws". */
export const safeDrawsText = ({ count, of }: DrawCount): string => `safe in ${count} of ${counted(of, 'draw')}`;

/**
 * Reading of single draws where a threshold over draws ends: "; \u00d74 is safe in 3 of 5 draws". Empty for a method
 * without draws or a verdict.
 */
const drawsWords = (threshold: Pick<Threshold, 'firstUnsafe' | 'lastSafe' | 'draws'>): string => {
  const { firstUnsafe, lastSafe } = threshold;
  const draws = safeDrawsAt(threshold, firstUnsafe ?? lastSafe ?? 1);
  if (draws.of < 2) return '';
  const range = drawsRange(threshold);
  return firstUnsafe === null
    ? ` in every one of ${draws.of} draws`
    : `; ${formatFactor(firstUnsafe)} is ${safeDrawsText(draws)}, and single draws reach ${range}`;
};

/** The thresholds of single draws, "\u00d71 to \u00d74"; \u00d71 is none. Empty without draws that determine one. */
export const drawsRange = ({ draws = [] }: Pick<Threshold, 'draws'>): string => {
  const reached = draws.flatMap(({ lastSafe }) => lastSafe ?? []).sort((left, right) => left - right);
  const [least, most] = [reached[0], reached.at(-1)];
  if (least === undefined || most === undefined) return '';
  return isSameFactor(least, most) ? formatFactor(least) : `${formatFactor(least)} to ${formatFactor(most)}`;
};

/** The same short, for a cell: "3/5"; empty for one draw, or without a verdict. */
export const drawsFraction = (threshold: Pick<Threshold, 'firstUnsafe' | 'draws'>): string => {
  if (threshold.firstUnsafe === null) return '';
  const { count, of } = safeDrawsAt(threshold, threshold.firstUnsafe);
  return of < 2 ? '' : `${count}/${of}`;
};

/** Bracket and verdict in words; for a threshold over draws with the reading of single draws where it ends. */
export const bracketWords = (threshold: Bracket & Pick<Threshold, 'verdict' | 'draws'>): string => {
  const { verdict, lastSafe, firstUnsafe, firstWorse } = threshold;
  switch (verdict) {
    case 'found':
      return (
        `safe at ${formatFactor(lastSafe ?? 1)}, not safe at ${formatFactor(firstUnsafe ?? 1)}` +
        worseText(threshold) +
        drawsWords(threshold)
      );
    case 'none-safe':
      return `${verdictText(verdict)}${worseText(threshold)}${drawsWords(threshold)}`;
    case 'all-safe':
      return `${verdictText(verdict)}${drawsWords(threshold)}`;
    case 'cannot-tell':
      return `${verdictText(verdict)}${firstWorse === null ? '' : worseText(threshold)}`;
    case 'at-chance':
    case 'nothing-to-lose':
      return verdictText(verdict);
    default:
      return assertNever(verdict);
  }
};

/** Caption of a matrix of thresholds. */
export const MATRIX_CAPTION =
  'Bold: the threshold. With it the bracket [last safe, first not safe): between the two no factor was tested. ' +
  'Worse: from this factor on the quality is known to have fallen by more than the margin; below it a factor that ' +
  'is not safe is undecided. \u2265: every tested factor is safe, so the threshold is this or more. <: no tested ' +
  'factor is safe, and the smallest is worse; < with ?: the smallest is undecided. ?: too few items to determine it. ' +
  'Chance, no room: the unpruned model is not above chance, or not shown to be above chance or 0 by more than the ' +
  'margin, and has nothing to lose. For a method that draws, safe means safe ' +
  'in every draw, and 3/5 that the first factor that is not is safe in 3 of 5 draws.';

const chartQuestions: Readonly<Record<Finding['chart'], string>> = {
  'threshold-over-experts': 'Does the threshold rise with the number of pretraining experts?',
  'loss-over-share': 'At an equal dropped share, does a larger E lose less?',
  'safe-tasks': 'How many tasks are safe?',
  'pruned-against-scratch': 'Prune many experts, or train fewer?',
  thresholds: 'How far can the models be pruned?',
};

/** The question of a sweep's chart, which its findings answer. */
export const chartQuestion = (chart: Finding['chart']): string => chartQuestions[chart];

const findingVerdictTexts: Readonly<Record<Finding['verdict'], string | null>> = {
  supported: 'supported',
  opposed: 'opposed',
  mixed: 'mixed',
  unchanged: 'no change seen',
  'cannot-tell': 'cannot tell',
  counted: null,
};

/** A finding's verdict in a word or two; null where it only counts. */
export const findingVerdictText = (verdict: Finding['verdict']): string | null => findingVerdictTexts[verdict];

/** Position of a pruned model relative to its threshold. */
export type Standing = 'past' | 'within' | 'unknown';

export const standingOf = ({ pastThreshold }: Pick<SizePair, 'pastThreshold'>): Standing =>
  pastThreshold === null ? 'unknown' : pastThreshold ? 'past' : 'within';

const standingTexts: Readonly<Record<Standing, string>> = {
  past: 'past the threshold',
  within: 'within the threshold',
  unknown: 'threshold undetermined',
};

export const standingText = (standing: Standing): string => standingTexts[standing];

/** "unsafe after 11 of 300 items (at least 9 lost)". */
export const curtailedText = ({ n, evaluated, lost, verdict }: CurtailedPoint): string => {
  if (evaluated === 0) return `not measured: ${n} items are too few to tell at the margin of the sweep`;
  const items = `${evaluated} of ${n} items (at least ${lost} lost)`;
  return verdict === null || verdict === undefined
    ? `undecided at this margin by ${items}`
    : `${verdict} after ${items}`;
};

/** Note on a document whose candidates stopped early: how that limits its thresholds. */
export const CURTAILED_NOTE =
  'Candidates stopped as soon as all items could only call them not safe, and curves at their first such factor: ' +
  'verdicts and thresholds are those of all items; how good a candidate that stopped is, and whether it is worse by ' +
  'more than the margin, was not measured.';

/** A threshold in words: "to ×4", "to ×8 or more", "at no tested factor". */
export const reachText = ({ verdict, lastSafe }: Pick<Threshold, 'verdict' | 'lastSafe'>): string => {
  const factor = formatFactor(lastSafe ?? 1);
  switch (verdict) {
    case 'found':
      return `to ${factor}`;
    case 'all-safe':
      return `to ${factor} or more`;
    case 'none-safe':
      return 'at no tested factor';
    case 'cannot-tell':
      return 'cannot be determined';
    case 'at-chance':
    case 'nothing-to-lose':
      return 'nothing to lose';
    default:
      return assertNever(verdict);
  }
};

/** How a text ended that neither a stop string nor an end token ended. */
export const endingWords = ({ loop }: Pick<Extract<ShownAnswer, { kind: 'written' }>, 'loop'>): string => {
  if (loop === undefined) return 'ended by its length';
  const { character, period } = loop;
  const repeating =
    period === null ? 'without a period' : period === 1 ? 'every token' : `every ${formatCount(period)} tokens`;
  return `looped ${repeating}, from character ${formatCount(character + 1)} on, until its length ended it`;
};

/**
 * Power of the test behind a threshold: "an unharmed candidate would be called safe with a chance of 57 % (n = 300, 3 %
 * of items discordant); 80 % takes about 530 items". Empty where nothing is undecided.
 */
export const powerText = ({ power, n }: Pick<Threshold, 'power' | 'n'>): string => {
  if (power === null) return '';
  const { discordance, chance, itemsForWanted } = power;
  return (
    `an unharmed candidate would be called safe with a chance of ${formatRoughPercent(chance)} (n = ${n}, ` +
    `${formatRoughPercent(discordance)} of items discordant); ${formatRoughPercent(WANTED_CHANCE)} takes ` +
    `about ${itemsForWanted} items`
  );
};

/** The best threshold of several methods, and the methods that reach it. */
interface Reached {
  readonly best: Pick<Threshold, 'verdict' | 'lastSafe' | 'firstUnsafe'>;
  readonly methods: readonly string[];
}

/** "safe to \u00d74 by REAP", "safe to \u00d78 or more by REAP and 1 more"; what is known instead where no factor is safe. */
const reached = ({ best, methods }: Reached): string => {
  const { verdict, lastSafe, firstUnsafe } = best;
  if (isNothingToLose(verdict)) return 'nothing to lose';
  if (verdict === 'cannot-tell' || lastSafe === null) return 'too few items to tell';
  if (lastSafe <= 1)
    return `not safe at ${firstUnsafe === null ? 'any factor' : formatFactor(firstUnsafe)} by any method`;
  const [first, ...others] = methods;
  const by = first === undefined ? '' : ` by ${methodTitle(first)}`;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `safe to ${formatFactor(lastSafe)}${firstUnsafe === null ? ' or more' : ''}${by}${more}`;
};

/** "safe to \u00d74 by REAP; written: safe to \u00d72 by Frequency": chosen answers, then written ones; null: not measured. */
export const safetySentence = (chosen: Reached | null, written: Reached | null): string => {
  if (chosen === null && written === null) return 'not measured in this sweep.';
  const parts = [
    ...(chosen === null ? [] : [reached(chosen)]),
    ...(written === null ? [] : [`written: ${reached(written)}`]),
  ];
  return `${parts.join('; ')}.`;
};
