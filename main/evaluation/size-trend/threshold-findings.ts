import { assertNever } from '../../contract/errors.ts';
import type { ExpertTrend, Finding } from '../../contract/size-trend.ts';
import { formatP } from '../../figures/numbers.ts';
import { counted, listed, sizesText } from '../wording.ts';
import { clauses, drawsText, LEVEL, readTasks, type SafeDraws, type TaskCounts, withOverall } from './findings.ts';
import { permuteModels } from './trends.ts';
import { methodInProse } from '../../figures/method-titles.ts';

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

const lead = (verdict: Finding['verdict'], method: string): string => {
  switch (verdict) {
    case 'supported':
      return `By ${methodInProse(method)}, the threshold rises with the number of pretraining experts`;
    case 'opposed':
      return `By ${methodInProse(method)}, the threshold falls as the number of pretraining experts grows`;
    case 'mixed':
      return (
        `By ${methodInProse(method)}, the threshold shows no clear direction as the number of pretraining experts ` +
        'grows'
      );
    case 'unchanged':
      return `By ${methodInProse(method)}, the threshold does not change with the number of pretraining experts`;
    case 'cannot-tell':
    case 'counted':
      return (
        `By ${methodInProse(method)}, it cannot be told whether the threshold rises or falls with the number of ` +
        'pretraining experts'
      );
    default:
      return assertNever(verdict);
  }
};

const tally = (
  { supporting, opposing, neither, unknown }: TaskCounts,
  p: number | null,
  sizes: readonly number[],
): string => {
  const tasks = supporting + opposing + neither + unknown;
  const rest = [
    ...(neither > 0 ? [`has no direction in ${neither}`] : []),
    ...(unknown > 0 ? [`cannot be told in ${unknown}`] : []),
  ];
  const parts = [`it rises in ${supporting} of ${counted(tasks, 'task')}`, `falls in ${opposing}`, ...rest];
  return `${listed(parts)} (${sizesText(sizes)}${p === null ? '' : `; sign test over tasks: ${formatP(p)}`})`;
};

/** What the trained models, rather than the tasks, can say about chance. */
const trainingChance = (trends: readonly ExpertTrend[]): string => {
  const test = permuteModels(trends);
  const models = new Set(trends.flatMap(({ points }) => points.map(({ model }) => model))).size;
  if (test === null) return '';
  const ways = test.exact ? `all ${test.relabellings} ways` : `${test.relabellings} ways drawn at random`;
  const measured =
    `Of ${ways} to hand the sizes out to the ${models} models, ${test.asStrong} show a trend as ` +
    `strong ` +
    `(${formatP(test.p)})`;
  if (test.exact && 2 / test.relabellings > LEVEL) {
    return ` ${measured}: so few trainings cannot rule out chance in training, whatever they show.`;
  }
  return ` ${measured}: chance in training is ${test.p < LEVEL ? 'an unlikely cause' : 'not ruled out'}.`;
};

/** Whether no threshold that can be told lies above 1: then there is nothing that could rise or fall. */
const allUnsafe = (trends: readonly ExpertTrend[]): boolean => {
  const told = trends.flatMap(({ points }) => points.flatMap(({ lastSafe }) => lastSafe ?? []));
  return told.length > 0 && told.every((lastSafe) => lastSafe === 1);
};

const methodFinding = (method: string, trends: readonly ExpertTrend[], draws: SafeDraws | undefined): MethodFinding => {
  const counts = countTasks(trends);
  const { verdict, p } = readTasks(counts);
  const chance = verdict === 'supported' || verdict === 'opposed' ? trainingChance(trends) : '';
  const reason =
    verdict === 'cannot-tell' && p !== null
      ? ' That could be chance.'
      : allUnsafe(trends)
        ? draws === undefined
          ? ' No tested factor is safe at any size.'
          : ` No tested factor is safe at any size${drawsText(draws)}.`
        : '';
  const sentence = `${lead(verdict, method)}: ${tally(counts, p, sizesOf(trends))}.${reason}${chance}`;
  return { chart: 'threshold-over-experts', method, verdict, sentence, p, counts };
};

const predicateOf = (verdict: Finding['verdict']): string => {
  switch (verdict) {
    case 'supported':
      return 'rises';
    case 'opposed':
      return 'falls';
    case 'mixed':
      return 'shows no clear direction';
    case 'unchanged':
      return 'does not change';
    case 'cannot-tell':
    case 'counted':
      return 'cannot be told to rise or fall';
    default:
      return assertNever(verdict);
  }
};

/** Whether thresholds rise with E: a sentence over all methods, and one for each. None for a single size. */
export const thresholdTrendFindings = (
  trends: readonly ExpertTrend[],
  draws: ReadonlyMap<string, SafeDraws> = new Map(),
): Finding[] => {
  const methods = [...new Set(trends.map(({ method }) => method))];
  const findings = methods.map((method) =>
    methodFinding(
      method,
      trends.filter((trend) => trend.method === method),
      draws.get(method),
    ),
  );
  if (findings.length === 0) return [];
  const tasks = new Set(trends.map(({ task }) => task)).size;
  const trained = trends.flatMap(({ spread }) => spread.map(({ models }) => models));
  const once = Math.max(...trained) === 1 ? ' Each size was trained once: this is about these models.' : '';
  const parts = findings.map(({ method, verdict, counts }) => ({
    predicate: predicateOf(verdict),
    subject: `${methodInProse(method)} (up in ${counts.supporting}, down in ${counts.opposing})`,
  }));
  const sentence =
    `As the number of pretraining experts grows (${sizesText(sizesOf(trends))}), the threshold ` +
    `${clauses(parts)}, out of ${counted(tasks, 'task')}.${once}`;
  return withOverall('threshold-over-experts', sentence, findings);
};
