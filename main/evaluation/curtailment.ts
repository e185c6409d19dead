import type { ItemOutcome } from '../contract/outcome.ts';
import type { MetricName } from '../contract/task.ts';
import { maxOf } from '../statistics/extremes.ts';
import { tangoLowerLimit, tangoLowerLimitOfEffective, Z_ONE_SIDED_95 } from '../statistics/tango-interval.ts';
import { isRight } from './is-right.ts';
import { GROUPS_NEEDED, itemsNeeded, ONE_SIDED_ALPHA, quantileAt } from './verdicts.ts';

/**
 * Exact curtailment. The unpruned model's outcomes of all n items are known, so that after any part of the items it is
 * known how far a candidate can still get: its verdict is told as soon as no completion of its outcomes gives another
 * one. No error rate changes, because the verdict is that of all items.
 *
 * Two facts are used, both held by tests over all counts: Tango's lower limit rises with every item gained and falls
 * with every item lost, and it falls as a design effect (items that share passages) shrinks the counts.
 */

/** Bounds are told apart from the margin only by more than rounding can move them; with all items known they are it. */
const ROUNDING = 1e-9;

/** What is tested: the margin, and the one-sided level of the test. */
export interface CurtailedTest {
  readonly metric: MetricName;
  readonly delta: number;
  readonly alpha?: number | undefined;
}

/** What the unpruned model's outcomes fix about the test of any candidate. */
export interface PairedDesign {
  readonly n: number;
  /** Whether the unpruned model answers each item rightly. */
  readonly right: readonly boolean[];
  /** Passages that items share, how many, and the most items of one; null where items stand for themselves. */
  readonly groups: { readonly count: number; readonly largest: number } | null;
}

/** Null of texts: a perplexity is not bounded by the texts that are left. */
export const pairedDesign = (metric: MetricName, baseline: readonly ItemOutcome[]): PairedDesign | null => {
  if (metric === 'perplexity') return null;
  const n = baseline.length;
  const right = baseline.map((outcome) => outcome.kind !== 'text' && isRight(metric, outcome));
  const sizes = new Map<string, number>();
  const names = baseline.flatMap((outcome) => (outcome.kind === 'choice' ? (outcome.group ?? []) : []));
  for (const name of names) sizes.set(name, (sizes.get(name) ?? 0) + 1);
  const isGrouped = names.length === n && sizes.size < n;
  return { n, right, groups: isGrouped ? { count: sizes.size, largest: maxOf(sizes.values()) } : null };
};

/**
 * The largest design effect that any moves can have: within a group (sum of D)^2 <= size x sum of D^2 (Cauchy and
 * Schwarz), so that the variance between groups is at most count / (count - 1) x the largest size times that of
 * independent items.
 */
const largestEffect = ({ groups }: PairedDesign): number =>
  groups === null ? 1 : Math.max(1, (groups.count / Math.max(1, groups.count - 1)) * groups.largest);

/** Independent items that the n are worth at least, as `independentItems` counts them. */
export const independentAtLeast = (design: PairedDesign): number => {
  if (design.groups === null) return design.n;
  return design.groups.count < GROUPS_NEEDED ? 0 : Math.floor(design.n / largestEffect(design));
};

/**
 * Whether a curve has items enough to be told: `no` and `yes` whatever its candidates answer, `depends` where the
 * design effect of passages decides, which only all items tell.
 */
export const curveTellable = (
  { delta, alpha = ONE_SIDED_ALPHA }: CurtailedTest,
  design: PairedDesign,
): 'yes' | 'no' | 'depends' => {
  const needed = itemsNeeded(delta, 'acc', alpha);
  if (independentAtLeast(design) >= needed) return 'yes';
  const isTooFew = design.n < needed || (design.groups !== null && design.groups.count < GROUPS_NEEDED);
  return isTooFew ? 'no' : 'depends';
};

/** Counts of a candidate after a part of the items. */
export interface CountsSoFar {
  readonly n: number;
  readonly evaluated: number;
  readonly lost: number;
  readonly gained: number;
  /** Items not answered yet that the unpruned model answers rightly (may be lost) and wrongly (may be gained). */
  readonly rightLeft: number;
  readonly wrongLeft: number;
}

/** `candidate`: its outcome of each item in the order of the unpruned model's, null where it has not answered yet. */
export const countsSoFar = (
  metric: MetricName,
  design: PairedDesign,
  candidate: readonly (ItemOutcome | null)[],
): CountsSoFar => {
  let [evaluated, lost, gained, rightLeft, wrongLeft] = [0, 0, 0, 0, 0];
  design.right.forEach((before, place) => {
    const outcome = candidate[place] ?? null;
    if (outcome === null) {
      if (before) rightLeft += 1;
      else wrongLeft += 1;
      return;
    }
    evaluated += 1;
    const after = outcome.kind !== 'text' && isRight(metric, outcome);
    if (before && !after) lost += 1;
    if (!before && after) gained += 1;
  });
  return { n: design.n, evaluated, lost, gained, rightLeft, wrongLeft };
};

/** What all items will say. `unsafe`: not safe, that is undecided or worse. */
export type ToldVerdict = 'safe' | 'unsafe';

/** The highest that the lower end of the one-sided interval of all n items can come to. */
export const lowAtMost = (
  { n, lost, gainedAtMost }: { readonly n: number; readonly lost: number; readonly gainedAtMost: number },
  alpha: number,
): number => tangoLowerLimit({ gained: gainedAtMost, lost, n }, quantileAt(alpha));

/** The highest that the upper end of the one-sided 95 % interval of all n items can come to, of independent items. */
export const highAtMost = ({
  n,
  lost,
  gainedAtMost,
}: {
  readonly n: number;
  readonly lost: number;
  readonly gainedAtMost: number;
}): number => -tangoLowerLimit({ gained: lost, lost: gainedAtMost, n }, Z_ONE_SIDED_95);

/** Whether an end that can come to at most this lies below the margin, beyond rounding. */
export const isBelowMargin = (end: number, delta: number): boolean => end < -delta - ROUNDING;

/**
 * The verdict that all items will give, if the items answered decide it; null while they do not. Never one that the
 * outcomes of all items contradict, in whatever order items are answered. Once all are answered, summarise the result
 * instead: it needs no bounds.
 */
export const toldVerdict = (
  { delta, alpha = ONE_SIDED_ALPHA }: CurtailedTest,
  design: PairedDesign,
  { n, lost, gained, rightLeft, wrongLeft }: CountsSoFar,
): ToldVerdict | null => {
  if (isBelowMargin(lowAtMost({ n, lost, gainedAtMost: gained + wrongLeft }, alpha), delta)) return 'unsafe';
  const effect = largestEffect(design);
  if (independentAtLeast(design) < itemsNeeded(delta, 'acc', alpha)) return null;
  const worst = { gained: gained / effect, lost: (lost + rightLeft) / effect, n: n / effect };
  return tangoLowerLimitOfEffective(worst, quantileAt(alpha)) >= -delta + ROUNDING ? 'safe' : null;
};

/**
 * How sure the unpruned model is of its answer: how far the log-probability of the choice it takes lies above that of
 * the next one. Null of what is written, which has none.
 */
const marginOf = (metric: MetricName, outcome: ItemOutcome): number | null => {
  if (outcome.kind !== 'choice') return null;
  const taken = metric === 'acc_norm' ? outcome.chosenNorm : outcome.chosen;
  const others = outcome.logprobs.filter((_, choice) => choice !== taken);
  return Math.abs((outcome.logprobs[taken] ?? 0) - maxOf([...others, -Infinity]));
};

/**
 * Places of the items in the order in which candidates answer them: nearest margin of the unpruned model first, since
 * there a candidate changes first; ties, and what is written, in the task's order. The order changes when a verdict is
 * told, never what it is.
 */
export const curtailedOrder = (metric: MetricName, baseline: readonly ItemOutcome[]): readonly number[] => {
  const margins = baseline.map((outcome) => marginOf(metric, outcome) ?? 0);
  return baseline.map((_, place) => place).sort((a, b) => (margins[a] ?? 0) - (margins[b] ?? 0) || a - b);
};

/**
 * Items of the first part, and how what is answered grows with each part. Finer parts save items, but every part opens
 * the sessions of its candidates anew.
 */
const PARTS = { first: 8, growth: 3 } as const;
/** Of a model whose weights pass through memory once per part: few parts, so that they are not read too often. */
const STREAMED_PARTS = { first: 32, growth: 4 } as const;

/**
 * Ends of the parts in which n items are answered, the last of them n: 8, 24, 72, 216 ... (streamed: 32,
 * 128, 512 ...). A verdict is looked for after each.
 */
export const partEnds = (n: number, isStreamed = false): readonly number[] => {
  const { first, growth } = isStreamed ? STREAMED_PARTS : PARTS;
  const ends: number[] = [];
  for (let end: number = first; end < n; end *= growth) ends.push(Math.round(end));
  return [...ends, n];
};
