import { distinct } from '../../contract/distinct.ts';
import { at } from '../../contract/errors.ts';
import type { Finding, SharePoint, ShareTrend, SizedModel, SlopeOverExperts } from '../../contract/size-trend.ts';
import { isSameFactor, type SweepResult } from '../../contract/sweep.ts';
import { answersOf } from '../../contract/task.ts';
import { mean } from '../../statistics/bootstrap.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { studentT } from '../../statistics/distributions.ts';
import { groupBy } from '../threshold.ts';
import { countOrders } from './trends.ts';
import { methodInProse } from '../../words/methods.ts';
import {
  bareFactor,
  counted,
  formatDifference,
  formatDifferenceInUnit,
  formatInterval,
  formatPercent,
  listed,
} from '../../words/numbers.ts';
import { clauses, withOverall } from './findings.ts';

/** Points of a sweep with a dropped share. Accuracies only: perplexities of tasks have no common scale. */
export const sharePoints = (results: readonly SweepResult[], models: readonly SizedModel[]): SharePoint[] =>
  results.flatMap((result) => {
    const { method, task, model, seed, factor, droppedShare: share, difference, metric } = result;
    const experts = models.find(({ name }) => name === model)?.experts;
    if (share === undefined || experts === undefined || factor <= 1 || metric === 'perplexity') return [];
    return [{ answers: answersOf(result), method, task, model, experts, seed, factor, share, difference }];
  });

/** The difference at a share: linear between the measured points of a curve, and no loss where nothing is dropped. */
const differenceAt = (curve: readonly SharePoint[], share: number): number => {
  let [x, y] = [0, 0];
  for (const point of curve) {
    if (point.share >= share)
      return point.share === x ? point.difference : y + ((share - x) / (point.share - x)) * (point.difference - y);
    [x, y] = [point.share, point.difference];
  }
  return y;
};

/** Two-sided level of intervals over models. */
const LEVEL = 0.05;

/** Least-squares slope over log2 E with its t interval; null with fewer than three sizes or no spread. */
const slopeOf = (models: readonly SizedModel[], values: readonly number[]): SlopeOverExperts | null => {
  if (distinct(models.map(({ experts }) => experts)).length < 3) return null;
  const doublings = models.map(({ experts }) => Math.log2(experts));
  const [middle, level] = [mean(doublings), mean(values)];
  const spread = doublings.reduce((sum, x) => sum + (x - middle) ** 2, 0);
  const slope = doublings.reduce((sum, x, index) => sum + (x - middle) * (at(values, index) - level), 0) / spread;
  const squares = doublings.reduce((sum, x, index) => sum + (at(values, index) - level - slope * (x - middle)) ** 2, 0);
  const degrees = models.length - 2;
  const reach = studentT(LEVEL, degrees) * Math.sqrt(squares / degrees / spread);
  return { slope, low: slope - reach, high: slope + reach };
};

const sideOf = ({ low, high }: SlopeOverExperts): 1 | 0 | -1 => (low > 0 ? 1 : high < 0 ? -1 : 0);

/** Curves of one draw: of every model on every task, with ascending shares. */
type Curves = (model: SizedModel, task: string) => readonly SharePoint[];

/**
 * Each model's mean difference at equal shares. A task is compared at every share that was measured for any of its
 * models, up to the largest that all of them reach, so that a share measured for one model is interpolated between two
 * points of the others, and no model's curve is always the interpolated one.
 */
const atEqualShares = (models: readonly SizedModel[], tasks: readonly string[], curves: Curves): number[] | null => {
  const grids = tasks.map((task) => {
    const shares = models.map((model) => curves(model, task).map(({ share }) => share));
    const reached = minOf(shares.map(maxOf));
    return { task, shares: shares.flat().filter((share) => share > 0 && share <= reached) };
  });
  const comparable = grids.filter(({ shares }) => shares.length > 0);
  if (comparable.length === 0) return null;
  return models.map((model) =>
    mean(comparable.map(({ task, shares }) => mean(shares.map((share) => differenceAt(curves(model, task), share))))),
  );
};

const trendOf = (sharePoints: readonly [SharePoint, ...SharePoint[]]): ShareTrend | null => {
  const [first] = sharePoints;
  const models = distinct(sharePoints.map(({ model }) => model))
    .map((name): SizedModel => ({ name, experts: sharePoints.find(({ model }) => model === name)?.experts ?? 0 }))
    .sort((a, b) => a.experts - b.experts);
  const of = (points: readonly SharePoint[], model: SizedModel, task: string): readonly SharePoint[] =>
    points.filter((point) => point.model === model.name && point.task === task);
  const seeds = distinct(sharePoints.map(({ seed }) => seed));
  const drawn = seeds.map((seed) => sharePoints.filter((point) => point.seed === seed));
  // A mean over models needs the same tasks and draws for each.
  const tasks = distinct(sharePoints.map(({ task }) => task)).filter((task) =>
    drawn.every((points) => models.every((model) => of(points, model, task).length > 0)),
  );
  const perDraw = drawn.flatMap((points) => {
    const sorted = [...points].sort((a, b) => a.share - b.share);
    const values = atEqualShares(models, tasks, (model, task) => of(sorted, model, task));
    return values === null ? [] : [values];
  });
  const slopes = perDraw.flatMap((values) => slopeOf(models, values) ?? []);
  const atEqualShare = slopeOf(
    models,
    models.map((_, index) => mean(perDraw.map((values) => at(values, index)))),
  );
  if (atEqualShare === null || slopes.length === 0) return null;
  const sides = distinct(slopes.map(sideOf));
  return {
    answers: first.answers,
    method: first.method,
    models: models.length,
    tasks: tasks.length,
    draws: slopes.length,
    atEqualShare,
    drawSlopes: { lowest: minOf(slopes.map(({ slope }) => slope)), highest: maxOf(slopes.map(({ slope }) => slope)) },
    side: sides.length === 1 ? at(sides, 0) : 0,
    isDecidable: 2 / countOrders(models.map(({ experts }) => experts)) <= LEVEL,
    equalFactor: atEqualFactor(
      models,
      sharePoints.filter(({ task }) => tasks.includes(task)),
      tasks,
    ),
  };
};

/** The same at the smallest factor that every model has on every task. */
const atEqualFactor = (
  models: readonly SizedModel[],
  sharePoints: readonly SharePoint[],
  tasks: readonly string[],
): ShareTrend['equalFactor'] => {
  const at = (model: SizedModel, factor: number): readonly SharePoint[] =>
    sharePoints.filter((point) => point.model === model.name && isSameFactor(point.factor, factor));
  const factor = distinct(sharePoints.map((point) => point.factor))
    .sort((a, b) => a - b)
    .find((entry) =>
      models.every((model) => distinct(at(model, entry).map(({ task }) => task)).length === tasks.length),
    );
  if (factor === undefined) return null;
  const slope = slopeOf(
    models,
    models.map((model) => mean(at(model, factor).map(({ difference }) => difference))),
  );
  if (slope === null) return null;
  const sizes = distinct(models.map(({ experts }) => experts)).map((experts) => {
    const points = models.filter((model) => model.experts === experts).flatMap((model) => at(model, factor));
    return {
      experts,
      share: mean(points.map(({ share }) => share)),
      difference: mean(points.map(({ difference }) => difference)),
    };
  });
  return { factor, ...slope, sizes };
};

/**
 * Whether a larger E loses less at an equal dropped share: a factor drops far less of a model with many experts, which
 * alone lets the tolerated factor rise. The unit of replication is the model: its value is its mean difference at equal
 * dropped shares (atEqualShares) over all tasks, the slope is that of a line through the models over log2 E, the
 * interval is t with (models - 2) degrees of freedom. This assumes that chance in training is normal scatter about that
 * line, which four trainings cannot support: by relabelling (permuteModels) the smallest p that they could show is
 * 2/24, so a trend beyond these models is reported only where that p is at most 5 % (`isDecidable`). None for fewer
 * than three sizes. For a method that draws, the value is the mean over draws, and `side` is that of every draw's
 * interval.
 */
export const shareTrends = (points: readonly SharePoint[]): ShareTrend[] =>
  groupBy(points, ({ answers, method }) => [answers, method]).flatMap((group) => trendOf(group) ?? []);

const slopeText = ({ slope, low, high }: SlopeOverExperts): string =>
  `${formatDifferenceInUnit(slope, 'acc')} per doubling of E ${formatInterval({ low, high }, 'acc')}`;

const verdictOf = ({ side, isDecidable }: ShareTrend): Finding['verdict'] =>
  side === 0 || !isDecidable ? 'cannot-tell' : side > 0 ? 'supported' : 'opposed';

const words = ({ side, isDecidable }: ShareTrend): string => {
  if (side === 0) return 'whether a larger E loses less or more cannot be determined';
  const loses = `a larger E loses ${side > 0 ? 'less' : 'more'}`;
  return isDecidable ? loses : `in these models ${loses}; so few trainings cannot tell that from chance`;
};

const drawsText = ({ draws, drawSlopes: { lowest, highest } }: ShareTrend): string =>
  draws === 1
    ? ''
    : `; of ${draws} single draws ${formatDifference(lowest, 'acc')} to ${formatDifference(highest, 'acc')}`;

const factorText = ({ equalFactor }: ShareTrend): string => {
  if (equalFactor === null) return '';
  const { factor, sizes, ...slope } = equalFactor;
  return (
    ` At an equal factor of ${bareFactor(factor)} it changes by ${slopeText(slope)}, while that factor drops ` +
    `${listed(sizes.map(({ share }) => formatPercent(share)))} of the routed choices at E = ` +
    `${listed(sizes.map(({ experts }) => String(experts)))}.`
  );
};

const sentenceOf = (trend: ShareTrend): string =>
  `By ${methodInProse(trend.method)}, at an equal dropped share the difference to the unpruned model changes by ` +
  `${slopeText(trend.atEqualShare)} (95 % interval over ${counted(trend.models, 'model')}; mean over ` +
  `${counted(trend.tasks, 'task')} and the shares that every model reaches${drawsText(trend)}): ${words(trend)}.` +
  factorText(trend);

const predicateOf = (trend: ShareTrend): string => {
  switch (verdictOf(trend)) {
    case 'supported':
      return 'loses less';
    case 'opposed':
      return 'loses more';
    default:
      return 'cannot be shown to lose less or more';
  }
};

/** Whether a larger E loses less at an equal dropped share: a sentence over all methods, and one for each. */
export const shareFindings = (trends: readonly ShareTrend[]): Finding[] => {
  if (trends.length === 0) return [];
  const findings = trends.map((trend) => ({
    chart: 'loss-over-share' as const,
    method: trend.method,
    verdict: verdictOf(trend),
    sentence: sentenceOf(trend),
    p: null,
    counts: null,
  }));
  const parts = trends.map((trend) => ({
    predicate: predicateOf(trend),
    subject: `${methodInProse(trend.method)} (${slopeText(trend.atEqualShare)})`,
  }));
  const sentence = `At an equal dropped share of the routed choices, a larger E ${clauses(parts)}.`;
  return withOverall('loss-over-share', sentence, findings);
};
