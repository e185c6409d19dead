import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChoiceItem } from '../../../../main/contract/task.ts';
import { bundlesOf, splitItems } from '../../../../main/tasks/calibration/calibrated-task.ts';
import { profiledText } from '../../../../main/tasks/task.ts';

const item = (id: number, context: string, group?: string): ChoiceItem => ({
  id: String(id),
  context,
  choices: [' yes', ' no'],
  answer: 0,
  group,
});

/** Items some of which share a group or a text. */
const someItems = fc
  .array(fc.record({ text: fc.integer({ min: 0, max: 40 }), group: fc.option(fc.integer({ min: 0, max: 12 })) }), {
    minLength: 2,
    maxLength: 60,
  })
  .map((rows) => rows.map(({ text, group }, id) => item(id, `q${text}`, group === null ? undefined : `g${group}`)));
const someShare = fc.double({ min: 0.01, max: 0.99, noNaN: true });

test('every item is on one side, and no group and no text on both; the same seed gives the same split', () => {
  fc.assert(
    fc.property(someItems, someShare, fc.nat(), (items, share, seed) => {
      fc.pre(bundlesOf(items).length > 1);
      const split = splitItems(items, { share, seed }, 'here');
      const { calibration, test: tested } = split;
      expect([...calibration, ...tested].sort((a, b) => a - b)).toEqual(items.map((_, position) => position));
      expect(calibration.length).toBeGreaterThan(0);
      expect(tested.length).toBeGreaterThan(0);
      const tiesOf = (positions: readonly number[]): Set<string> =>
        new Set(
          positions.flatMap((position) => {
            const one = items[position];
            if (one === undefined) throw new Error('no such item');
            return [profiledText(one), ...(one.group === undefined ? [] : [`group ${one.group}`])];
          }),
        );
      expect([...tiesOf(calibration)].filter((tie) => tiesOf(tested).has(tie))).toEqual([]);
      expect(splitItems(items, { share, seed }, 'here')).toEqual(split);
    }),
  );
});

test('independent items are divided as requested, in file order, by the seed', () => {
  const items = Array.from({ length: 100 }, (_, id) => item(id, `q${id}`));
  const first = splitItems(items, { share: 0.2, seed: 0 }, 'here');
  expect([first.calibration.length, first.test.length, first.groups]).toEqual([20, 80, null]);
  expect(first.calibration).toEqual([...first.calibration].sort((a, b) => a - b));
  expect(splitItems(items, { share: 0.2, seed: 1 }, 'here').calibration).not.toEqual(first.calibration);
  expect(splitItems(items, { share: 0.001, seed: 0 }, 'here').calibration).toHaveLength(1);
  expect(splitItems(items, { share: 0.999, seed: 0 }, 'here').test).toHaveLength(1);
});

test('a group links two texts, and a text two groups', () => {
  const items = [item(0, 'a', 'x'), item(1, 'b', 'x'), item(2, 'b', 'y'), item(3, 'c', 'y'), item(4, 'd')];
  expect(bundlesOf(items)).toEqual([[0, 1, 2, 3], [4]]);
  // The share is one item, and only the last bundle fits.
  expect(splitItems(items, { share: 0.2, seed: 3 }, 'here')).toEqual({
    calibration: [4],
    test: [0, 1, 2, 3],
    groups: 2,
  });
});

test('items of one group cannot be divided', () => {
  expect(() => splitItems([item(0, 'a', 'x'), item(1, 'b', 'x')], { share: 0.5, seed: 0 }, 'own.jsonl')).toThrow(
    'own.jsonl cannot be split: its 2 items belong together',
  );
});
