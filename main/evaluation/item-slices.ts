import { at } from '../contract/errors.ts';
import { tokenClasses, type ItemOutcome } from '../contract/outcome.ts';
import type { ItemSlice, ItemTraits, SliceBy } from '../contract/slices.ts';
import type { MetricName } from '../contract/task.ts';
import { holmAdjusted } from '../statistics/p-values.ts';
import { intervalSide } from '../statistics/tango-interval.ts';
import { summarise } from './summarise.ts';

/** First tokens with slices of their own: the most frequent ones; all others share one. */
const MOST_TOKENS = 12;

/** Items of one slice, by their places in the list. */
export interface SlicedItems {
  readonly by: SliceBy;
  readonly name: string;
  readonly places: readonly number[];
}

/** Name of the slice of all first tokens that are too rare for their own. */
export const OTHER_TOKENS = 'other tokens';

const grouped = (by: SliceBy, names: readonly (string | null)[]): SlicedItems[] => {
  const groups = new Map<string, number[]>();
  names.forEach((name, place) => {
    if (name === null) return;
    const known = groups.get(name);
    if (known === undefined) groups.set(name, [place]);
    else known.push(place);
  });
  return [...groups].map(([name, places]) => ({ by, name, places }));
};

/**
 * Shorter, middle and longer third of the questions. A length lies in one slice only, so thirds may differ in size, and
 * fewer than three remain where most questions have one length.
 */
const byLength = (lengths: readonly number[], unit: string): readonly SlicedItems[] => {
  const ascending = [...lengths].sort((left, right) => left - right);
  const cutAt = (third: number): number => at(ascending, Math.ceil((third * ascending.length) / 3) - 1);
  const longest = cutAt(3);
  const ends = [...new Set([cutAt(1), cutAt(2), longest])];
  return ends.map((end, index) => {
    const above = ends[index - 1];
    const name =
      above === undefined
        ? `up to ${end} ${unit}`
        : end === longest
          ? `${above + 1} ${unit} or more`
          : `${above + 1} to ${end} ${unit}`;
    const places = lengths.flatMap((length, place) => (length <= end && length > (above ?? -1) ? [place] : []));
    return { by: 'length', name, places };
  });
};

const byToken = (tokens: readonly (string | null)[]): readonly SlicedItems[] => {
  const groups = grouped('token', tokens).sort((left, right) => right.places.length - left.places.length);
  if (groups.length <= MOST_TOKENS + 1) return groups;
  const others = groups.slice(MOST_TOKENS).flatMap(({ places }) => places);
  return [
    ...groups.slice(0, MOST_TOKENS),
    { by: 'token', name: OTHER_TOKENS, places: others.sort((left, right) => left - right) },
  ];
};

/** The slices of items: all of them, then by length, class and first token, where these have more than one value. */
export const slicedItems = (traits: readonly ItemTraits[], unit: 'tokens' | 'characters'): readonly SlicedItems[] => {
  const classes = grouped(
    'class',
    traits.map((trait) => trait.class),
  ).sort(
    (left, right) =>
      tokenClasses.findIndex((name) => name === left.name) - tokenClasses.findIndex((name) => name === right.name),
  );
  const kinds = [
    byLength(
      traits.map(({ length }) => length),
      unit,
    ),
    classes,
    byToken(traits.map(({ token }) => token)),
  ];
  return [
    { by: 'all', name: '', places: traits.map((_, place) => place) },
    ...kinds.flatMap((slices) => (slices.length > 1 ? slices : [])),
  ];
};

/**
 * Two candidates on each slice of their items, the second minus the first: the paired difference with the interval and
 * p of a sweep's points (`summarise`). A slice is chosen by the item alone, never by an answer, so each interval keeps
 * its level; `pHolm` is for all slices together, without the one of all items.
 *
 * @throws WorkbenchError `items-differ` unless both have the same items in the same order.
 */
export const compareSlices = (
  metric: MetricName,
  first: readonly ItemOutcome[],
  second: readonly ItemOutcome[],
  slices: readonly SlicedItems[],
): ItemSlice[] => {
  const rows = slices.map(({ by, name, places }) => {
    const [before, after] = [first, second].map((all) => places.flatMap((place) => all[place] ?? []));
    const paired = summarise(metric, before ?? [], after ?? []);
    const { n, difference, low, high, p, lost, gained } = paired;
    return {
      by,
      name,
      n,
      first: summarise(metric, before ?? [], null).value,
      second: paired.value,
      difference,
      low,
      high,
      p,
      lost,
      gained,
      reading: intervalSide(metric, paired) ?? ('cannot-tell' as const),
    };
  });
  const adjusted = holmAdjusted(rows.map(({ by, p }) => (by === 'all' ? null : p)));
  return rows.map((row, index) => ({ ...row, pHolm: adjusted[index] ?? null }));
};
