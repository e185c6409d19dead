import { at } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { MetricName } from '../contract/task.ts';
import { countAlike, groupLowerLimit, type GroupMoves } from '../statistics/clustered-pairs.ts';
import { maxOf } from '../statistics/extremes.ts';
import { isRight } from './item-answers.ts';
import { areSafeCounts, itemsNeeded, ONE_SIDED_ALPHA } from './verdicts.ts';

/**
 * Exact curtailment. The unpruned model's outcomes of all n items are known, so after any part of the items the best
 * and worst possible results of a candidate are known: it is curtailed once no completion can change the verdict. No
 * error rate changes, because the verdict is that of all items.
 *
 * This relies on one fact, checked by tests: the score of independent items and the lower limit of passages rise with
 * every item gained and fall with every item lost. So the best completion gains and the worst one loses all remaining
 * items.
 */

/** The test: its margin, and its one-sided level. */
export interface CurtailedTest {
  readonly metric: MetricName;
  readonly delta: number;
  readonly alpha?: number | undefined;
}

/** The part of a candidate's test that the unpruned model's outcomes determine. */
export interface PairedDesign {
  readonly n: number;
  /** Whether the unpruned model answers each item correctly. */
  readonly right: readonly boolean[];
  /** Passages that items share: that of each item, by number, and the size of each; null for independent items. */
  readonly groups: { readonly of: readonly number[]; readonly sizes: readonly number[] } | null;
}

/** Null for texts: the remaining texts do not bound a perplexity. */
export const pairedDesign = (metric: MetricName, baseline: readonly ItemOutcome[]): PairedDesign | null => {
  if (metric === 'perplexity') return null;
  const n = baseline.length;
  const right = baseline.map((outcome) => outcome.kind !== 'text' && isRight(metric, outcome));
  const names = baseline.flatMap((outcome) => (outcome.kind === 'text' ? [] : (outcome.group ?? [])));
  const numbers = new Map<string, number>();
  for (const name of names) if (!numbers.has(name)) numbers.set(name, numbers.size);
  if (names.length < n || numbers.size === n) return { n, right, groups: null };
  const of = names.map((name) => numbers.get(name) ?? 0);
  const sizes = Array.from(numbers, () => 0);
  for (const group of of) sizes[group] = (sizes[group] ?? 0) + 1;
  return { n, right, groups: { of, sizes } };
};

/** Effective number of independent items, as `independentItems` counts them. */
export const independentAtLeast = ({ n, groups }: PairedDesign): number =>
  groups === null ? n : Math.floor(n / maxOf(groups.sizes));

/** Whether a curve has enough items for a verdict, whatever its candidates answer. */
export const isDecidable = ({ delta, alpha = ONE_SIDED_ALPHA }: CurtailedTest, design: PairedDesign): boolean =>
  independentAtLeast(design) >= itemsNeeded(delta, 'acc', alpha);

/** Counts of a candidate after a part of the items. */
export interface CountsSoFar {
  readonly n: number;
  readonly evaluated: number;
  readonly lost: number;
  readonly gained: number;
  /** Unanswered items that the unpruned model answers correctly (may be lost) and incorrectly (may be gained). */
  readonly rightLeft: number;
  readonly wrongLeft: number;
  /** The passages' moves if all remaining items are gained, and if all are lost; null without passages. */
  readonly passages: { readonly best: readonly GroupMoves[]; readonly worst: readonly GroupMoves[] } | null;
}

/** `candidate`: its outcomes in the order of the unpruned model's, null where it has not answered yet. */
export const countsSoFar = (
  metric: MetricName,
  design: PairedDesign,
  candidate: readonly (ItemOutcome | null)[],
): CountsSoFar => {
  let [evaluated, lost, gained, rightLeft, wrongLeft] = [0, 0, 0, 0, 0];
  const { sizes, of } = design.groups ?? { sizes: [], of: [] };
  const [best, worst] = [sizes.map(() => 0), sizes.map(() => 0)];
  const move = (nets: number[], item: number, by: number): void => {
    const group = of[item];
    if (group !== undefined) nets[group] = (nets[group] ?? 0) + by;
  };
  design.right.forEach((before, item) => {
    const outcome = candidate[item] ?? null;
    if (outcome === null) {
      if (before) rightLeft += 1;
      else wrongLeft += 1;
      move(before ? worst : best, item, before ? -1 : 1);
      return;
    }
    evaluated += 1;
    const after = outcome.kind !== 'text' && isRight(metric, outcome);
    if (before && !after) lost += 1;
    if (!before && after) gained += 1;
    for (const nets of [best, worst]) move(nets, item, Number(after) - Number(before));
  });
  const movesOf = (nets: readonly number[]): GroupMoves[] =>
    countAlike(sizes.map((items, group) => ({ items, net: nets[group] ?? 0 })));
  const passages = design.groups === null ? null : { best: movesOf(best), worst: movesOf(worst) };
  return { n: design.n, evaluated, lost, gained, rightLeft, wrongLeft, passages };
};

/** The verdict of all items. `unsafe`: not safe, so undecided or worse. */
export type DecidedVerdict = 'safe' | 'unsafe';

/** Upper bound on the lower end of the one-sided 95 % interval of passages; null without passages. */
export const lowAtMost = ({ passages }: Pick<CountsSoFar, 'passages'>): number | null =>
  passages === null ? null : groupLowerLimit(passages.best, ONE_SIDED_ALPHA);

/**
 * The verdict of all items, if the answered ones decide it; else null. The outcomes of all items never contradict it,
 * in whatever order items are answered.
 */
export const decidedVerdict = (
  test: CurtailedTest,
  design: PairedDesign,
  { n, lost, gained, rightLeft, wrongLeft, passages }: CountsSoFar,
): DecidedVerdict | null => {
  const { delta, alpha = ONE_SIDED_ALPHA } = test;
  const isSafe =
    passages === null
      ? (which: 'best' | 'worst') =>
          areSafeCounts(
            which === 'best' ? { gained: gained + wrongLeft, lost, n } : { gained, lost: lost + rightLeft, n },
            delta,
            alpha,
          )
      : (which: 'best' | 'worst') => groupLowerLimit(passages[which], alpha) >= -delta;
  if (!isSafe('best')) return 'unsafe';
  return isDecidable(test, design) && isSafe('worst') ? 'safe' : null;
};

/**
 * Confidence of the unpruned model: the log-probability of its choice minus that of the next one. Null for generated
 * answers.
 */
const marginOf = (metric: MetricName, outcome: ItemOutcome): number | null => {
  if (outcome.kind !== 'choice') return null;
  const taken = metric === 'acc_norm' ? outcome.chosenNorm : outcome.chosen;
  const others = outcome.logprobs.filter((_, choice) => choice !== taken);
  return Math.abs(at(outcome.logprobs, taken) - maxOf([...others, -Infinity]));
};

/**
 * Indices of the items in the order in which candidates answer them: smallest margin of the unpruned model first, since
 * there a candidate changes first; ties, and generated answers, in the task's order. The order affects when a verdict
 * is decided, never the verdict.
 */
export const curtailedOrder = (metric: MetricName, baseline: readonly ItemOutcome[]): readonly number[] => {
  const margins = baseline.map((outcome) => marginOf(metric, outcome) ?? 0);
  return baseline.map((_, index) => index).sort((a, b) => at(margins, a) - at(margins, b) || a - b);
};

/**
 * Items of the first part, and the growth of the answered items with each part. Finer parts save items, but every part
 * reopens the sessions of its candidates.
 */
const PARTS = { first: 8, growth: 3 } as const;
/** For a model whose weights are streamed once per part: fewer parts, to read them less often. */
const STREAMED_PARTS = { first: 32, growth: 4 } as const;

/**
 * Ends of the parts in which n items are answered, the last of them n: 8, 24, 72, 216 ... (streamed: 32, 128, 512 ...).
 * The verdict is tried after each.
 */
export const partEnds = (n: number, isStreamed = false): readonly number[] => {
  const { first, growth } = isStreamed ? STREAMED_PARTS : PARTS;
  const ends: number[] = [];
  for (let end: number = first; end < n; end *= growth) ends.push(Math.round(end));
  return [...ends, n];
};
