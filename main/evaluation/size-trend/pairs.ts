import type { Finding, SizedModel, SizePair, SizeThreshold } from '../../contract/size-trend.ts';
import { isFactorAtMost, type PointName, type SweepResult } from '../../contract/sweep.ts';
import type { ItemOutcome } from '../../contract/outcome.ts';
import { intervalSide } from '../../statistics/tango-interval.ts';
import { summarise } from '../summarise.ts';
import { assertNever } from '../../contract/errors.ts';
import { quantile } from '../../statistics/bootstrap.ts';
import { counted, formatDifferenceInUnit } from '../../words/numbers.ts';
import { unanimous } from '../draws.ts';
import { groupBy } from '../threshold.ts';
import { clauses, type TaskCounts, withOverall } from './findings.ts';
import { methodInProse } from '../../words/methods.ts';

/** A large model pruned to E' experts, and a small unpruned one with E': the two sides of a pair. */
export interface SizeComparison {
  readonly pruned: SweepResult;
  readonly scratch: SweepResult;
  readonly largeExperts: number;
}

/** A pair without the fields that depend on the threshold. */
export type MeasuredPair = Omit<SizePair, 'pastThreshold'>;

/** Every point of a sweep that keeps as many experts as a smaller model has, with that model's unpruned point. */
export const sizeComparisons = (results: readonly SweepResult[], models: readonly SizedModel[]): SizeComparison[] => {
  const expertsOf = new Map(models.map(({ name, experts }) => [name, experts]));
  const unpruned = results.filter(({ factor }) => factor === 1);
  return results
    .filter(({ factor }) => factor > 1)
    .flatMap((pruned) =>
      unpruned
        .filter(({ model, task }) => task === pruned.task && expertsOf.get(model) === pruned.kept)
        .map((scratch) => ({ pruned, scratch, largeExperts: expertsOf.get(pruned.model) ?? Number.NaN })),
    );
};

const tokensOf = (outcomes: readonly ItemOutcome[]): string =>
  outcomes.map((outcome) => (outcome.kind === 'text' ? outcome.tokens : 0)).join();

/**
 * Measures the pairs from the outcomes of both models on the same items. `outcomesOf` answers null for outcomes that
 * are no longer stored: such a pair is left out, as is one of texts that the two models split into different tokens,
 * whose perplexities have no common unit. Both are counted.
 */
export const measurePairs = (
  comparisons: readonly SizeComparison[],
  outcomesOf: (point: PointName) => readonly ItemOutcome[] | null,
): { readonly pairs: MeasuredPair[]; readonly missing: number; readonly incomparable: number } => {
  const pairs: MeasuredPair[] = [];
  let missing = 0;
  let incomparable = 0;
  for (const { pruned, scratch, largeExperts } of comparisons) {
    const [of, against] = [outcomesOf(pruned), outcomesOf(scratch)];
    if (of === null || against === null) {
      missing += 1;
      continue;
    }
    if (tokensOf(of) !== tokensOf(against)) {
      incomparable += 1;
      continue;
    }
    const summary = summarise(pruned.metric, against, of);
    const { n, metric, value, difference, low, high, p, lost, gained } = summary;
    pairs.push({
      task: pruned.task,
      method: pruned.method,
      seed: pruned.seed,
      large: pruned.model,
      small: scratch.model,
      largeExperts,
      experts: pruned.kept,
      factor: pruned.factor,
      metric,
      n,
      pruned: value,
      scratch: value - difference,
      difference,
      low,
      high,
      p,
      lost,
      gained,
      reading: intervalSide(metric, summary) ?? 'undecided',
    });
  }
  return { pairs, missing, incomparable };
};

/** Whether the pair's factor lies past the large model's threshold; null where that is undetermined. */
export const pastThreshold = (
  { large, task, method, factor }: MeasuredPair,
  thresholds: readonly SizeThreshold[],
): boolean | null => {
  const threshold = thresholds.find((entry) => entry.model === large && entry.task === task && entry.method === method);
  if (threshold === undefined || threshold.lastSafe === null) return null;
  if (isFactorAtMost(factor, threshold.lastSafe)) return false;
  return threshold.firstUnsafe !== null && isFactorAtMost(threshold.firstUnsafe, factor) ? true : null;
};

/** Pairs of sizes on a task, each read over its draws: a side counts only where every draw agrees. */
interface PairCounts {
  readonly worse: number;
  readonly better: number;
  /** Every interval includes 0, or draws differ. */
  readonly undecided: number;
  readonly all: number;
}
type MethodFinding = Finding & { readonly method: string; readonly counts: PairCounts };

export const countPairs = (pairs: readonly SizePair[]): PairCounts => {
  const readings = groupBy(pairs, ({ task, large, small, experts }) => [task, large, small, experts]).map(
    (draws) => unanimous(draws.map(({ reading }) => reading)) ?? 'undecided',
  );
  const count = (reading: SizePair['reading']): number => readings.filter((entry) => entry === reading).length;
  return { worse: count('worse'), better: count('better'), undecided: count('undecided'), all: readings.length };
};

/** Assigns each task to the side of most of its pairs. */
const countTasks = (pairs: readonly SizePair[]): TaskCounts => {
  const sides = [...new Set(pairs.map(({ task }) => task))].map((task) => {
    const { worse, better } = countPairs(pairs.filter((pair) => pair.task === task));
    return Math.sign(worse - better);
  });
  const count = (side: number): number => sides.filter((entry) => entry === side).length;
  return { supporting: count(1), opposing: count(-1), neither: count(0), unknown: 0 };
};

/**
 * The pairs' verdict on these models: a side taken by more than half of the tasks and opposed by none. This is no test:
 * each pair's interval is about its items, all pairs are of the same few models, and they cannot show whether other
 * trainings would do the same.
 */
const verdictOf = ({ supporting, opposing, neither }: TaskCounts): Finding['verdict'] => {
  if (supporting > 0 && opposing > 0) return 'mixed';
  if (2 * supporting > neither + supporting) return 'supported';
  if (2 * opposing > neither + opposing) return 'opposed';
  return supporting + opposing === 0 ? 'unchanged' : 'cannot-tell';
};

/** ", by 24 points in the median": for accuracies only, as perplexities of different tasks have no common scale. */
const medianText = (pairs: readonly SizePair[]): string => {
  const differences = pairs.filter(({ metric }) => metric !== 'perplexity').map(({ difference }) => difference);
  if (differences.length === 0) return '';
  return `; median difference ${formatDifferenceInUnit(quantile(Float64Array.from(differences).sort(), 0.5), 'acc')}`;
};

const lead = (verdict: Finding['verdict'], method: string): string => {
  const subject = `In these models, past the threshold of ${methodInProse(method)}, one pruned to E\u2032 experts`;
  switch (verdict) {
    case 'supported':
      return `${subject} is worse than one trained with E\u2032`;
    case 'opposed':
      return `${subject} is better than one trained with E\u2032`;
    case 'mixed':
      return `${subject} is now worse, now better than one trained with E\u2032`;
    case 'unchanged':
      return `${subject} cannot be distinguished from one trained with E\u2032`;
    case 'cannot-tell':
    case 'counted':
      return `${subject} cannot be shown to be worse or better than one trained with E\u2032`;
    default:
      return assertNever(verdict);
  }
};

const pairsText = ({ worse, better, undecided, all }: PairCounts, draws: number): string =>
  `in ${worse} of ${counted(all, 'pair')}${draws > 1 ? ` (in every one of ${draws} draws)` : ''} the ` +
  `interval of the ` +
  `difference lies on the worse side of 0, in ${better} on the better side, in ${undecided} it includes 0` +
  (draws > 1 ? ' or draws differ' : '');

const withinText = (pairs: readonly SizePair[]): string => {
  const { worse, better, all } = countPairs(pairs.filter(({ pastThreshold }) => pastThreshold === false));
  return all === 0 ? '' : ` Within the threshold: worse in ${worse} of ${counted(all, 'pair')}, better in ${better}.`;
};

const methodFinding = (method: string, pairs: readonly SizePair[]): MethodFinding => {
  const past = pairs.filter(({ pastThreshold }) => pastThreshold === true);
  const counts = countPairs(past);
  const chart = 'pruned-against-scratch';
  if (past.length === 0) {
    const sentence = `By ${methodInProse(method)}, no pair lies past a threshold.${withinText(pairs)}`;
    return { chart, method, verdict: 'cannot-tell', sentence, p: null, counts };
  }
  const tasks = countTasks(past);
  const verdict = verdictOf(tasks);
  const draws = new Set(past.map(({ seed }) => seed)).size;
  const byTask =
    `worse in ${tasks.supporting} of ${counted(tasks.supporting + tasks.opposing + tasks.neither, 'task')}, ` +
    `better in ${tasks.opposing}${medianText(past)}`;
  const sentence = `${lead(verdict, method)}: ${pairsText(counts, draws)} (${byTask}).${withinText(pairs)}`;
  return { chart, method, verdict, sentence, p: null, counts };
};

const predicates: Readonly<Record<Finding['verdict'], string>> = {
  supported: 'is worse',
  opposed: 'is better',
  mixed: 'is now worse, now better',
  unchanged: 'cannot be distinguished from the smaller one',
  'cannot-tell': 'cannot be distinguished from the smaller one',
  counted: 'cannot be distinguished from the smaller one',
};

const subjectOf = ({ method, counts: { worse, better, all } }: MethodFinding): string =>
  all === 0
    ? `${methodInProse(method)} (no pair past a threshold)`
    : `${methodInProse(method)} (worse in ${worse} of ${counted(all, 'pair')}, better in ${better})`;

/** Pruned-large against scratch-small past the threshold: a sentence over all methods, and one for each. */
export const pairFindings = (pairs: readonly SizePair[]): Finding[] => {
  const methods = [...new Set(pairs.map(({ method }) => method))];
  const findings = methods.map((method) =>
    methodFinding(
      method,
      pairs.filter((pair) => pair.method === method),
    ),
  );
  if (findings.length === 0) return [];
  const parts = findings.map((finding) => ({ predicate: predicates[finding.verdict], subject: subjectOf(finding) }));
  const sentence =
    `Pruned past its threshold to as many experts as a ` +
    `smaller model was trained with, the larger model ` +
    `${clauses(parts)}.`;
  return withOverall('pruned-against-scratch', sentence, findings);
};
