import { expect, test } from 'vitest';
import type { ItemTraits } from '../../../main/contract/slices.ts';
import { compareSlices, OTHER_TOKENS, slicedItems } from '../../../main/evaluation/item-slices.ts';
import { pairedInterval } from '../../../main/statistics/exact-paired-test.ts';
import { groupInterval, signChangeP } from '../../../main/statistics/clustered-pairs.ts';
import { choiceOutcome, textOutcome } from './outcomes.ts';

const traits = (length: number, kind: ItemTraits['class'], token: string | null): Omit<ItemTraits, 'item'> => ({
  length,
  class: kind,
  token,
});

/** Twelve items: which of them both models answer correctly, and by what they are grouped. */
const items = [
  [true, true, traits(3, 'digit', '1')],
  [true, true, traits(3, 'digit', '1')],
  [true, false, traits(3, 'digit', '1')],
  [true, false, traits(4, 'digit', '2')],
  [true, false, traits(5, 'digit', '2')],
  [true, false, traits(5, 'digit', '2')],
  [false, true, traits(6, 'word start', ' a')],
  [true, true, traits(7, 'word start', ' a')],
  [true, true, traits(8, 'word start', ' a')],
  [false, false, traits(9, 'word start', ' b')],
  [true, true, traits(9, 'word start', ' b')],
  [true, true, traits(9, 'word start', ' b')],
] as const;
const named = items.map(([, , of], index): ItemTraits => ({ item: `i${String(index)}`, ...of }));
const answered = (side: 0 | 1, group?: (index: number) => string) =>
  items.map((item, index) => ({
    ...choiceOutcome(`i${String(index)}`, item[side]),
    ...(group === undefined ? {} : { group: group(index) }),
  }));

test('slices of twelve items: counts, differences, intervals, exact p and Holm by hand', () => {
  const rows = compareSlices('acc', answered(0), answered(1), slicedItems(named, 'tokens'));
  // p by the binomial: 2 (1/2)^k for k of k discordant pairs on one side; 5 with 1 gained: 2 (1 + 5) / 2^5 = 0.375.
  const byHand = [
    ['all', '', 12, 10, 7, 4, 1, 0.375, null],
    ['length', 'up to 4 tokens', 4, 4, 2, 2, 0, 0.5, 1],
    ['length', '5 to 7 tokens', 4, 3, 2, 2, 1, 1, 1],
    ['length', '8 tokens or more', 4, 3, 3, 0, 0, 1, 1],
    ['class', 'word start', 6, 4, 5, 0, 1, 1, 1],
    ['class', 'digit', 6, 6, 2, 4, 0, 0.125, 1],
    ['token', '1', 3, 3, 2, 1, 0, 1, 1],
    ['token', '2', 3, 3, 0, 3, 0, 0.25, 1],
    ['token', ' a', 3, 2, 3, 0, 1, 1, 1],
    ['token', ' b', 3, 2, 2, 0, 0, 1, 1],
  ] as const;
  expect(rows).toEqual(
    byHand.map(([by, name, n, before, after, lost, gained, p, pHolm]) => ({
      by,
      name,
      n,
      lost,
      gained,
      p,
      pHolm,
      first: before / n,
      second: after / n,
      difference: (gained - lost) / n,
      ...pairedInterval({ gained, lost, n }),
      reading: 'cannot-tell',
    })),
  );
  expect(rows[1]?.low).toBeLessThan(-0.5);
});

test('Holm counts the slices, and a slice that loses alone is worse', () => {
  const count = 20;
  const many = Array.from({ length: 2 * count }, (_, index) => ({ index, isLong: index >= count }));
  const outcomes = (wrong: (index: number) => boolean) =>
    many.map(({ index }) => choiceOutcome(String(index), !wrong(index)));
  const own = many.map(({ index, isLong }): ItemTraits => ({
    item: String(index),
    length: isLong ? 9 : 2,
    class: null,
    token: null,
  }));
  const second = outcomes((index) => index < 10);
  const rows = compareSlices(
    'acc',
    outcomes(() => false),
    second,
    slicedItems(own, 'characters'),
  );
  expect(rows.map(({ name, p, pHolm, reading }) => [name, p, pHolm, reading])).toEqual([
    ['', 2 / 2 ** 10, null, 'worse'],
    ['up to 2 characters', 2 / 2 ** 10, 4 / 2 ** 10, 'worse'],
    ['3 characters or more', 1, 1, 'cannot-tell'],
  ]);
});

test('items of one passage stay together within a slice', () => {
  const groupOf = (index: number): string => `g${String(Math.floor(index / 3))}`;
  const rows = compareSlices('acc', answered(0, groupOf), answered(1, groupOf), slicedItems(named, 'tokens'));
  const digits = rows.find(({ name }) => name === 'digit');
  const moves = [
    { items: 3, net: -3, groups: 1 },
    { items: 3, net: -1, groups: 1 },
  ];
  expect(digits).toMatchObject({ ...groupInterval(moves, 0.025), p: signChangeP(moves), difference: -4 / 6 });
});

test('a task of one length, one class and one token has no slices; rare tokens share one', () => {
  const same = named.map((one): ItemTraits => ({ ...one, length: 3, class: 'digit', token: '1' }));
  expect(slicedItems(same, 'tokens')).toEqual([{ by: 'all', name: '', places: named.map((_, index) => index) }]);
  const rare = Array.from({ length: 30 }, (_, index): ItemTraits => ({
    item: String(index),
    length: 1,
    class: null,
    token: index < 10 ? 'often' : `rare ${String(index)}`,
  }));
  const slices = slicedItems(rare, 'tokens').filter(({ by }) => by === 'token');
  expect(slices.map(({ name, places }) => [name, places.length])).toEqual([
    ['often', 10],
    ...Array.from({ length: 11 }, (_, index) => [`rare ${String(index + 10)}`, 1]),
    [OTHER_TOKENS, 9],
  ]);
});

test('an item without a class or a first token is in no slice of these', () => {
  const some = named.map((one, index): ItemTraits => (index === 0 ? { ...one, class: null, token: null } : one));
  const rows = slicedItems(some, 'tokens').filter(({ by }) => by === 'class' || by === 'token');
  expect(rows.map(({ name, places }) => [name, places.length])).toEqual([
    ['word start', 6],
    ['digit', 5],
    ['2', 3],
    [' a', 3],
    [' b', 3],
    ['1', 2],
  ]);
});

test('texts are compared by perplexity, with no p', () => {
  const texts = (worse: number) => named.map(({ item }) => textOutcome(item, -10 - worse, 5));
  const [all] = compareSlices('perplexity', texts(0), texts(1), slicedItems(named, 'tokens'));
  expect(all?.first).toBeCloseTo(Math.exp(2), 12);
  expect(all?.second).toBeCloseTo(Math.exp(2.2), 12);
  expect(all).toMatchObject({ p: null, pHolm: null, lost: 0, gained: 0, reading: 'worse' });
});
