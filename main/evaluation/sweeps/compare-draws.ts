import type { SharedItems, SweepsRow } from '../../contract/compare-sweeps.ts';
import type { ItemOutcome } from '../../contract/outcome.ts';
import type { MetricName } from '../../contract/task.ts';
import { mean } from '../../statistics/bootstrap.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { newcombeInterval } from '../../statistics/unpaired-difference.ts';
import { pairDifference, pairDrawByDraw } from '../comparison/pairs.ts';
import { summarise } from '../summarise.ts';

/** A draw of a candidate; null: its outcomes are no longer stored. */
interface StoredDraw {
  readonly seed: number | null;
  readonly outcomes: readonly ItemOutcome[] | null;
}

interface Draw {
  readonly seed: number | null;
  readonly outcomes: readonly ItemOutcome[];
}

interface Draws {
  readonly metric: MetricName;
  readonly draws: readonly StoredDraw[];
  readonly reference: readonly StoredDraw[];
  /** Whether the tasks of both are the same by their content. */
  readonly isSameTask: boolean;
}

type Compared = Omit<
  SweepsRow,
  'run' | 'task' | 'model' | 'referenceModel' | 'method' | 'referenceMethod' | 'factor' | 'metric' | 'pHolm' | 'reading'
>;

const stored = (draws: readonly StoredDraw[]): readonly Draw[] =>
  draws.flatMap(({ seed, outcomes }) => (outcomes === null ? [] : [{ seed, outcomes }]));

/** How the items of two draws are to be compared; the ids of those that both have. */
const sharedBy = (one: readonly ItemOutcome[], other: readonly ItemOutcome[], isSameTask: boolean) => {
  if (!isSameTask) return { items: 'other' as const, ids: new Set<string>() };
  const known = new Set(other.map(({ id }) => id));
  const ids = new Set(one.map(({ id }) => id).filter((id) => known.has(id)));
  const items: SharedItems =
    ids.size === 0 ? 'other' : ids.size === one.length && ids.size === other.length ? 'same' : 'common';
  return { items, ids };
};

const valueOf = (metric: MetricName, outcomes: readonly ItemOutcome[]): number =>
  summarise(metric, outcomes, null).value;

/** Ends of the widest of several intervals; null where one is missing. */
const widest = (
  intervals: readonly ({ readonly low: number; readonly high: number } | null)[],
): { readonly low: number; readonly high: number } | null => {
  const known = intervals.filter((interval) => interval !== null);
  if (known.length < intervals.length) return null;
  return { low: minOf(known.map(({ low }) => low)), high: maxOf(known.map(({ high }) => high)) };
};

const hasGroups = (outcomes: readonly ItemOutcome[]): boolean =>
  outcomes.some((outcome) => outcome.kind === 'choice' && outcome.group !== undefined);

/** Two samples of different items; null where these methods give no interval. */
const unpaired = (metric: MetricName, one: readonly ItemOutcome[], other: readonly ItemOutcome[]) => {
  if (metric === 'perplexity' || hasGroups(one) || hasGroups(other)) return null;
  const proportion = (outcomes: readonly ItemOutcome[]) => ({
    right: Math.round(valueOf(metric, outcomes) * outcomes.length),
    n: outcomes.length,
  });
  return newcombeInterval(proportion(one), proportion(other));
};

/** Draws of one seed with each other where both have them, else every draw with every draw. */
const pairsOf = (draws: readonly Draw[], reference: readonly Draw[]): readonly (readonly [Draw, Draw])[] => {
  const alike = draws.flatMap((one) =>
    reference.filter(({ seed }) => seed === one.seed).map((other) => [one, other] as const),
  );
  return alike.length > 0 ? alike : draws.flatMap((one) => reference.map((other) => [one, other] as const));
};

/**
 * A candidate against the one that stands for it: means over draws, an interval that holds those of all of them. Null
 * where the outcomes of either are no longer stored.
 */
export const compareDraws = ({ metric, draws, reference, isSameTask }: Draws): Compared | null => {
  const pairs = pairsOf(stored(draws), stored(reference));
  const [first] = pairs;
  if (first === undefined) return null;
  const { items, ids } = sharedBy(first[0].outcomes, first[1].outcomes, isSameTask);
  const kept = (outcomes: readonly ItemOutcome[]): readonly ItemOutcome[] =>
    items === 'common' ? outcomes.filter(({ id }) => ids.has(id)) : outcomes;
  const compared = pairs.map(([one, other]) => ({ one: kept(one.outcomes), other: kept(other.outcomes) }));
  const value = mean(compared.map(({ one }) => valueOf(metric, one)));
  const referenceValue = mean(compared.map(({ other }) => valueOf(metric, other)));
  const told = {
    draws: pairs.length,
    items,
    n: compared[0]?.one.length ?? 0,
    referenceN: compared[0]?.other.length ?? 0,
    value,
    referenceValue,
  };
  if (items === 'other') {
    const interval = widest(compared.map(({ one, other }) => unpaired(metric, one, other)));
    return { ...told, difference: value - referenceValue, interval, p: null, lost: null, gained: null };
  }
  const { difference, low, high, p, lost, gained } =
    compared.length === 1
      ? pairDifference(metric, [compared[0]?.one ?? []], [compared[0]?.other ?? []])
      : pairDrawByDraw(metric, compared);
  return { ...told, difference, interval: { low, high }, p, lost, gained };
};
