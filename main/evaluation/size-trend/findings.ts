import { at } from '../../contract/errors.ts';
import type { Finding, SafeCount, SafeShare, SizeThreshold } from '../../contract/size-trend.ts';
import { isNothingToLose, type Threshold } from '../../contract/sweep.ts';
import { bareFactor, counted, formatRange, listed } from '../../words/numbers.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { methodInProse } from '../../words/methods.ts';

/** Two-sided level of tests: below it a trend counts as more than chance. */
export const LEVEL = 0.05;

/** "rises by a (7) and b (5), falls by c (3)": one clause per predicate, in order of first appearance. */
export const clauses = (parts: readonly { readonly predicate: string; readonly subject: string }[]): string =>
  listed(
    [...new Set(parts.map(({ predicate }) => predicate))].map(
      (predicate) =>
        `${predicate} by ${listed(parts.filter((part) => part.predicate === predicate).map(({ subject }) => subject))}`,
    ),
  );

/** Tasks by their evidence on a question: for, against, neither, or undetermined. */
export interface TaskCounts {
  readonly supporting: number;
  readonly opposing: number;
  readonly neither: number;
  readonly unknown: number;
}

/** The common verdict of several methods; `mixed` where they disagree. */
const commonVerdict = (verdicts: readonly Finding['verdict'][]): Finding['verdict'] => {
  const [first = 'cannot-tell'] = verdicts;
  return verdicts.every((verdict) => verdict === first) ? first : 'mixed';
};

/** Prepends a finding over all methods to those of each. */
export const withOverall = (
  chart: Finding['chart'],
  sentence: string,
  findings: readonly (Finding & { readonly counts: unknown })[],
): Finding[] => [
  { chart, method: null, verdict: commonVerdict(findings.map(({ verdict }) => verdict)), sentence, p: null },
  ...findings.map(({ method, verdict, sentence: words, p }) => ({ chart, method, verdict, sentence: words, p })),
];

/** Factors named in a sentence: the smallest, which matter first. */
const NAMED_FACTORS = 2;

/** " in every draw (in single draws 4 to 7, 0 to 2)"; empty for a method without draws. */
const inDraws = (shares: readonly SafeShare[]): string => {
  const ranges = shares.flatMap(({ draws }) =>
    draws === undefined ? [] : [formatRange([draws.lowest, draws.highest])],
  );
  return ranges.length === 0 ? '' : ` in every draw (in single draws ${listed(ranges)})`;
};

const factorText = ({ factor, shares }: SafeCount, cases: string, isFirst: boolean): string => {
  const known = shares.filter(({ of }) => of > 0);
  const sameOf = known.every(({ of }) => of === known[0]?.of);
  const counts = known.map(({ experts, safe, of }, index) => {
    const total = index === 0 || !sameOf ? ` of ${of}` : '';
    const unit = isFirst && index === 0 ? ` ${cases}` : '';
    return `${safe}${total}${unit} at ${isFirst && index === 0 ? 'E = ' : ''}${experts}`;
  });
  return `a factor of ${bareFactor(factor)} is safe in ${listed(counts)}${inDraws(known)}`;
};

/**
 * The smallest factor over all methods: "A factor of 2 is safe in 2, 5 and 9 of 9 tasks at E = 8, 16 and 32 by reap".
 */
const overallFinding = (safeCounts: readonly SafeCount[], cases: string): Finding[] => {
  const methods = [...new Set(safeCounts.map(({ method }) => method))];
  const smallest = minOf(safeCounts.map(({ factor }) => factor));
  const rows = methods.flatMap((method) => {
    const row = safeCounts.find((count) => count.method === method && count.factor === smallest);
    return row === undefined ? [] : [{ ...row, shares: row.shares.filter(({ of }) => of > 0) }];
  });
  const known = rows.filter(({ shares }) => shares.length > 1);
  if (known.length === 0) return [];
  const parts = known.map(({ method, shares }, index) => {
    const totals = [...new Set(shares.map(({ of }) => of))];
    const counts = shares.map(({ safe, of }) => (totals.length > 1 ? `${safe} of ${of}` : String(safe)));
    const total = totals.length > 1 ? '' : ` of ${at(totals, 0)}`;
    const sizes = index === 0 ? ` ${cases} at E = ${listed(shares.map(({ experts }) => String(experts)))}` : '';
    return `in ${listed(counts)}${total}${sizes} by ${methodInProse(method)}${inDraws(shares)}`;
  });
  const sentence = `A factor of ${bareFactor(smallest)} is safe ${parts.join(', ')}.`;
  return [{ chart: 'safe-tasks', method: null, verdict: 'counted', sentence, p: null }];
};

/**
 * Counts of safe tasks per factor and E in words, one sentence over all methods (where there are
 * several sizes) and one per method; where sizes were trained more than once, of
 * cases: a model and a task.
 */
export const safeTaskFindings = (safeCounts: readonly SafeCount[], isTrainedOnce: boolean): Finding[] => {
  const cases = isTrainedOnce ? 'tasks' : 'cases';
  const methods = [...new Set(safeCounts.map(({ method }) => method))];
  const findings = methods.flatMap((method): Finding[] => {
    const factors = safeCounts
      .filter((count) => count.method === method && count.shares.some(({ of }) => of > 0))
      .slice(0, NAMED_FACTORS);
    if (factors.length === 0) return [];
    const texts = factors.map((factor, index) => factorText(factor, cases, index === 0));
    const sentence = `By ${methodInProse(method)}, ${texts.join('; ')}.`;
    return [{ chart: 'safe-tasks', method, verdict: 'counted', sentence, p: null }];
  });
  return [...overallFinding(safeCounts, cases), ...findings];
};

/** Single draws of a method, how many of them have a safe factor above 1, and for how many this can be determined. */
export interface SafeDraws {
  readonly draws: number;
  readonly safe: number;
  readonly of: number;
}

/**
 * Methods with several draws (seeds), by name. Their headline threshold requires every draw to be safe: where it is 1,
 * single draws may still have been.
 */
export const safeDraws = (thresholds: readonly Threshold[]): ReadonlyMap<string, SafeDraws> => {
  const bySeed = thresholds.filter(({ seed }) => seed !== null);
  const methods = [...new Set(bySeed.map(({ method }) => method))].map((method) => {
    const matching = bySeed.filter((entry) => entry.method === method);
    const known = matching.filter(({ lastSafe }) => lastSafe !== null);
    const safe = known.filter(({ lastSafe }) => (lastSafe ?? 1) > 1).length;
    return [method, { draws: new Set(matching.map(({ seed }) => seed)).size, safe, of: known.length }] as const;
  });
  return new Map(methods.filter(([, { draws }]) => draws > 1));
};

/** " (every one of 3 draws; of single draws 3 of 96)"; empty for a method of one draw. */
export const drawsText = (draws: SafeDraws | undefined): string =>
  draws === undefined
    ? ''
    : ` (for every one of ${draws.draws} draws; of single draws ${draws.safe} of ${draws.of} are)`;

const caseOf = ({ model, task }: SizeThreshold): string => JSON.stringify([model, task]);

/** "36 cases (4 models x 9 tasks)": a case is a model and a task. */
const casesText = (thresholds: readonly SizeThreshold[]): string => {
  const cases = new Set(thresholds.map(caseOf)).size;
  const models = new Set(thresholds.map(({ model }) => model)).size;
  const tasks = new Set(thresholds.map(({ task }) => task)).size;
  return models === 1
    ? counted(tasks, 'task')
    : `${counted(cases, 'case')} (${counted(models, 'model')} \u00d7 ${counted(tasks, 'task')})`;
};

const largestText = (thresholds: readonly SizeThreshold[]): string => {
  const above = thresholds.filter(({ lastSafe }) => lastSafe !== null && lastSafe > 1);
  const [first, ...others] = above;
  if (first === undefined) return '';
  const largest = others.reduce((best, other) => ((other.lastSafe ?? 1) > (best.lastSafe ?? 1) ? other : best), first);
  const open = largest.firstUnsafe === null ? ' or more' : '';
  return (
    ` The largest threshold is ${bareFactor(largest.lastSafe ?? 1)}${open} (${largest.model} on ` +
    `${largest.task}, by ${methodInProse(largest.method)}).`
  );
};

/** The methods with the highest threshold of each case, among the cases with a safe factor above 1. */
const leadersText = (thresholds: readonly SizeThreshold[], methods: readonly string[]): string => {
  if (methods.length < 2) return '';
  const cases = [...new Set(thresholds.map(caseOf))].flatMap((name) => {
    const matchingThresholds = thresholds.filter((threshold) => caseOf(threshold) === name);
    const best = maxOf(matchingThresholds.map(({ lastSafe }) => lastSafe ?? 1));
    return best > 1 ? [matchingThresholds.filter(({ lastSafe }) => lastSafe === best).map(({ method }) => method)] : [];
  });
  if (cases.length === 0) return '';
  const wins = methods.map(
    (method) => `${methodInProse(method)} in ${cases.filter((leaders) => leaders.includes(method)).length}`,
  );
  return (
    ` Of the ${counted(cases.length, 'case')} with a safe factor, the highest threshold, alone or shared, is ` +
    `found by ${listed(wins)}.`
  );
};

/** Number of thresholds above 1, per method: the matrix of thresholds in a sentence. */
export const thresholdFindings = (
  thresholds: readonly SizeThreshold[],
  methods: readonly string[],
  draws: ReadonlyMap<string, SafeDraws> = new Map(),
): Finding[] => {
  if (thresholds.length === 0) return [];
  const known = thresholds.filter(({ lastSafe }) => lastSafe !== null);
  const cannotTell = thresholds.length - known.length;
  const hasNothing = thresholds.some(({ verdict }) => isNothingToLose(verdict));
  const why = hasNothing ? 'too few items, or an unpruned model with nothing to lose' : 'too few items';
  const cannotTellText =
    cannotTell === 0
      ? ''
      : ` ${cannotTell} of ${counted(thresholds.length, 'threshold')} cannot be determined: ${why}.`;
  if (known.length === 0) {
    const sentence = `No threshold of ${casesText(thresholds)} can be determined: ${why}.`;
    return [{ chart: 'thresholds', method: null, verdict: 'cannot-tell', sentence, p: null }];
  }
  const counts = methods.map((method) => {
    const matching = known.filter((entry) => entry.method === method);
    return (
      `by ${methodInProse(method)} in ` +
      `${matching.filter(({ lastSafe }) => lastSafe !== null && lastSafe > 1).length}${drawsText(draws.get(method))}`
    );
  });
  const sentence =
    `Of ${casesText(known)}, a factor above 1 is safe ${listed(counts)}.` +
    `${largestText(known)}${leadersText(known, methods)}${cannotTellText}`;
  return [{ chart: 'thresholds', method: null, verdict: 'counted', sentence, p: null }];
};
