import type { SharedItems, SweepsRow } from '../../contract/compare-sweeps.ts';
import type { ItemOutcome } from '../../contract/outcome.ts';
import type { MetricName } from '../../contract/task.ts';
import { newcombeInterval } from '../../statistics/unpaired-difference.ts';
import { type DrawOutcomes, pairDrawByDraw } from '../comparison/pairs.ts';
import { spreadOf } from '../draws.ts';
import { summarise } from '../summarise.ts';

/** A draw of a candidate; null: its outcomes are no longer stored. */
interface StoredDraw {
  readonly seed: number | null;
  readonly outcomes: readonly ItemOutcome[] | null;
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

const stored = (draws: readonly StoredDraw[]): readonly DrawOutcomes[] =>
  draws.flatMap(({ seed, outcomes }) => (outcomes === null ? [] : [{ seed, outcomes }]));

/** How to compare the items of two draws, and the ids that both have. */
const sharedBy = (one: readonly ItemOutcome[], other: readonly ItemOutcome[], isSameTask: boolean) => {
  if (!isSameTask) return { items: 'other' as const, ids: new Set<string>() };
  const known = new Set(other.map(({ id }) => id));
  const ids = new Set(one.map(({ id }) => id).filter((id) => known.has(id)));
  const items: SharedItems =
    ids.size === 0 ? 'other' : ids.size === one.length && ids.size === other.length ? 'same' : 'common';
  return { items, ids };
};

const valueOf = (metric: MetricName, { outcomes }: DrawOutcomes): number => summarise(metric, outcomes, null).value;

const hasGroups = (outcomes: readonly ItemOutcome[]): boolean =>
  outcomes.some((outcome) => outcome.kind === 'choice' && outcome.group !== undefined);

/** Two samples of different items; null where these methods give no interval. */
const unpaired = (metric: MetricName, one: DrawOutcomes, other: DrawOutcomes) => {
  if (metric === 'perplexity' || hasGroups(one.outcomes) || hasGroups(other.outcomes)) return null;
  const proportion = (draw: DrawOutcomes) => ({
    right: Math.round(valueOf(metric, draw) * draw.outcomes.length),
    n: draw.outcomes.length,
  });
  return newcombeInterval(proportion(one), proportion(other));
};

/** Pairs draws of the same seed where both have them, else every draw with every draw. */
const pairsOf = (
  draws: readonly DrawOutcomes[],
  reference: readonly DrawOutcomes[],
): readonly { readonly one: DrawOutcomes; readonly other: DrawOutcomes }[] => {
  const alike = draws.flatMap((one) =>
    reference.filter(({ seed }) => seed === one.seed).map((other) => ({ one, other })),
  );
  return alike.length > 0 ? alike : draws.flatMap((one) => reference.map((other) => ({ one, other })));
};

/**
 * A candidate against its counterpart: means over draws, and every pair of draws separately. Null where the outcomes of
 * either are no longer stored.
 */
export const compareDraws = ({ metric, draws, reference, isSameTask }: Draws): Compared | null => {
  const pairs = pairsOf(stored(draws), stored(reference));
  const [first] = pairs;
  if (first === undefined) return null;
  const { items, ids } = sharedBy(first.one.outcomes, first.other.outcomes, isSameTask);
  const kept = ({ seed, outcomes }: DrawOutcomes): DrawOutcomes => ({
    seed,
    outcomes: items === 'common' ? outcomes.filter(({ id }) => ids.has(id)) : outcomes,
  });
  const compared = pairs.map(({ one, other }) => ({ one: kept(one), other: kept(other) }));
  const [{ one: own, other: against } = first] = compared;
  const shared = {
    items,
    n: own.outcomes.length,
    referenceN: against.outcomes.length,
    value: spreadOf(compared.map(({ one }) => valueOf(metric, one))).mean,
    referenceValue: spreadOf(compared.map(({ other }) => valueOf(metric, other))).mean,
  };
  if (items !== 'other') {
    const { difference, lowest, highest, interval, p, lost, gained, ...over } = pairDrawByDraw(metric, compared);
    const each = over.pairs.map(({ seed, otherSeed, difference: apart, low, high }) => ({
      seed,
      otherSeed,
      difference: apart,
      interval: { low, high },
    }));
    return { ...shared, difference, lowest, highest, interval, pairs: each, p, lost, gained };
  }
  const each = compared.map(({ one, other }) => ({
    seed: one.seed,
    otherSeed: other.seed,
    difference: valueOf(metric, one) - valueOf(metric, other),
    interval: unpaired(metric, one, other),
  }));
  const { lowest, highest } = spreadOf(each.map(({ difference }) => difference));
  return {
    ...shared,
    difference: shared.value - shared.referenceValue,
    lowest,
    highest,
    interval: each.length === 1 ? (each[0]?.interval ?? null) : null,
    pairs: each,
    p: null,
    lost: null,
    gained: null,
  };
};
