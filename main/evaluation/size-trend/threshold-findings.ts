import { assertNever } from '../../contract/errors.ts';
import type { ExpertTrend, Finding } from '../../contract/size-trend.ts';
import { counted, formatP, formatRange, listed } from '../../words/numbers.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { sizesText } from '../../words/verdicts.ts';
import { clauses, drawsText, LEVEL, type SafeDraws, type TaskCounts, withOverall } from './findings.ts';
import { countBracketPairs, directionOf, permuteModels, type PermutationTest } from './trends.ts';
import { methodInProse } from '../../words/methods.ts';

type MethodFinding = Finding & { readonly method: string; readonly counts: TaskCounts };

const countTasks = (trends: readonly ExpertTrend[]): TaskCounts => {
  const count = (direction: ExpertTrend['direction']): number =>
    trends.filter((trend) => trend.direction === direction).length;
  return {
    supporting: count('rises'),
    opposing: count('falls'),
    neither: count('stays'),
    unknown: count('cannot-tell'),
  };
};

const sizesOf = (trends: readonly ExpertTrend[]): number[] =>
  trends.flatMap(({ spread }) => spread.map(({ experts }) => experts));

/**
 * The trained models' verdict on E. `supported` or `opposed` where relabelling whole models separates the direction
 * from chance in training (permuteModels); else `mixed` where tasks take both sides, `unchanged` where none takes a
 * side and more tasks show no change than are undetermined, `cannot-tell` otherwise.
 */
const verdictOf = (
  { supporting, opposing, neither, unknown }: TaskCounts,
  test: PermutationTest | null,
): Finding['verdict'] => {
  if (supporting + opposing === 0) return neither > unknown ? 'unchanged' : 'cannot-tell';
  if (test !== null && test.p < LEVEL && test.sign !== 0) return test.sign > 0 ? 'supported' : 'opposed';
  return supporting > 0 && opposing > 0 ? 'mixed' : 'cannot-tell';
};

const lead = (verdict: Finding['verdict'], method: string, { supporting, opposing }: TaskCounts): string => {
  const by = `By ${methodInProse(method)}, `;
  switch (verdict) {
    case 'supported':
      return `${by}the threshold rises with the number of pretraining experts`;
    case 'opposed':
      return `${by}the threshold falls as the number of pretraining experts grows`;
    case 'mixed':
      return `${by}the threshold shows no clear direction as the number of pretraining experts grows`;
    case 'unchanged':
      return `${by}the threshold does not change with the number of pretraining experts`;
    case 'cannot-tell':
    case 'counted':
      return supporting + opposing === 0
        ? `${by}it cannot be determined whether the threshold rises or falls with the number of pretraining experts`
        : `${by}the threshold ${supporting > 0 ? 'rises' : 'falls'} with the number of pretraining experts in these ` +
            'models; whether it would in others cannot be determined';
    default:
      return assertNever(verdict);
  }
};

const tally = ({ supporting, opposing, neither, unknown }: TaskCounts, sizes: readonly number[]): string => {
  const tasks = supporting + opposing + neither + unknown;
  const rest = [
    ...(neither > 0 ? [`has no direction in ${neither}`] : []),
    ...(unknown > 0 ? [`cannot be determined in ${unknown}`] : []),
  ];
  const parts = [`it rises in ${supporting} of ${counted(tasks, 'task')}`, `falls in ${opposing}`, ...rest];
  return `${listed(parts)} (${sizesText(sizes)})`;
};

/** Evidence about chance from the trained models, rather than from the tasks. */
const trainingChance = (trends: readonly ExpertTrend[], test: PermutationTest): string => {
  const models = new Set(trends.flatMap(({ points }) => points.map(({ model }) => model))).size;
  const ways = test.exact ? `all ${test.relabellings} ways` : `${test.relabellings} ways drawn at random`;
  const measured =
    ` Of ${ways} to assign the sizes to the ${models} models, within each series of trainings, ${test.asStrong} ` +
    `show a trend as strong (${formatP(test.p)})`;
  if (test.leastP > LEVEL)
    return `${measured}: so few trainings cannot rule out chance in training, whatever they show.`;
  return `${measured}: chance in training is ${test.p < LEVEL ? 'an unlikely cause' : 'not ruled out'}.`;
};

/** The trends of single draws, a list per seed, from the thresholds over draws; empty without draws. */
const drawnTrends = (trends: readonly ExpertTrend[]): ExpertTrend[][] => {
  const all = trends.flatMap(({ points }) => points.flatMap(({ draws = [] }) => draws.map(({ seed }) => seed)));
  return [...new Set(all)].map((seed) =>
    trends.map((trend) => {
      const points = trend.points.flatMap((point) => {
        const drawn = point.draws?.find((draw) => draw.seed === seed);
        return drawn === undefined ? [] : [{ ...point, ...drawn, draws: undefined }];
      });
      return { ...trend, points, direction: directionOf(countBracketPairs(points)) };
    }),
  );
};

/** Whether every determined threshold is 1, so that nothing could rise or fall. */
const allUnsafe = (trends: readonly ExpertTrend[]): boolean => {
  const decided = trends.flatMap(({ points }) => points.flatMap(({ lastSafe }) => lastSafe ?? []));
  return decided.length > 0 && decided.every((lastSafe) => lastSafe === 1);
};

const methodFinding = (
  method: string,
  trends: readonly ExpertTrend[],
  draws: SafeDraws | undefined,
  seriesOf: (model: string) => string,
): MethodFinding => {
  const counts = countTasks(trends);
  const test = permuteModels(trends, seriesOf);
  const decided = verdictOf(counts, test);
  const drawn = drawnTrends(trends).map((trend) => ({
    counts: countTasks(trend),
    verdict: verdictOf(countTasks(trend), permuteModels(trend, seriesOf)),
  }));
  // A direction that not every draw shows is one of single draws, not of the method.
  const holds = drawn.every((entry) => entry.verdict === decided);
  const verdict = holds || (decided !== 'supported' && decided !== 'opposed') ? decided : 'cannot-tell';
  const byDraw =
    drawn.length === 0
      ? ''
      : ` That counts factors that are safe in every draw; by single draws it rises in ` +
        `${formatRange(drawn.map((entry) => entry.counts.supporting))} and falls in ` +
        `${formatRange(drawn.map((entry) => entry.counts.opposing))} of ${counted(trends.length, 'task')}` +
        `${holds ? '' : ', and not every draw says the same'}.`;
  const takesSides = test !== null && counts.supporting + counts.opposing > 0;
  const chance = takesSides ? trainingChance(trends, test) : '';
  const unsafe = allUnsafe(trends) ? ` No tested factor is safe at any size${drawsText(draws)}.` : '';
  const sentence = `${lead(verdict, method, counts)}: ${tally(counts, sizesOf(trends))}.${unsafe}${byDraw}${chance}`;
  return { chart: 'threshold-over-experts', method, verdict, sentence, p: takesSides ? test.p : null, counts };
};

const predicates: Readonly<Record<Finding['verdict'], string>> = {
  supported: 'rises',
  opposed: 'falls',
  mixed: 'shows no clear direction',
  unchanged: 'does not change',
  'cannot-tell': 'cannot be shown to rise or fall beyond these models',
  counted: 'cannot be shown to rise or fall beyond these models',
};

/**
 * Whether thresholds rise with E: a sentence over all methods, and one for each. None for a single size. `seriesOf`
 * names the series of trainings that a model belongs to.
 */
export const thresholdTrendFindings = (
  trends: readonly ExpertTrend[],
  draws: ReadonlyMap<string, SafeDraws>,
  seriesOf: (model: string) => string,
): Finding[] => {
  const methods = [...new Set(trends.map(({ method }) => method))];
  const findings = methods.map((method) =>
    methodFinding(
      method,
      trends.filter((trend) => trend.method === method),
      draws.get(method),
      seriesOf,
    ),
  );
  if (findings.length === 0) return [];
  const tasks = new Set(trends.map(({ task }) => task)).size;
  const trained = trends.flatMap(({ spread }) => spread.map(({ models }) => models));
  const once = maxOf(trained) === 1 ? ' Each size was trained once: this is about these models.' : '';
  const parts = findings.map(({ method, verdict, counts }) => ({
    predicate: predicates[verdict],
    subject: `${methodInProse(method)} (up in ${counts.supporting}, down in ${counts.opposing})`,
  }));
  const sentence =
    `As the number of pretraining experts grows (${sizesText(sizesOf(trends))}), the threshold ` +
    `${clauses(parts)}, out of ${counted(tasks, 'task')}.${once}`;
  return withOverall('threshold-over-experts', sentence, findings);
};
