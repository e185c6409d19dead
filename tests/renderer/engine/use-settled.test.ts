import { expect, test } from 'vitest';
import { takenNow } from '../../../renderer/engine/use-settled.ts';

/** What is shown of these values, one after the other; those in brackets come while a slider is moved. */
const shownOf = (...values: readonly (number | readonly [number])[]): readonly number[] => {
  let taken = { key: '0', value: 0, isMoving: false };
  return values.map((given) => {
    const [value, isMoving] = typeof given === 'number' ? [given, false] : [given[0], true];
    taken = takenNow(taken, { key: String(value), value, isMoving });
    return taken.value;
  });
};

test('a value that is not moved is shown at once', () => {
  expect(shownOf(1, 2, 2, 3)).toEqual([1, 2, 2, 3]);
});

test('of a movement the first step and the end are shown at once, what lies between has to settle', () => {
  expect(shownOf([1], [2], [3], 3, 4)).toEqual([1, 1, 1, 3, 4]);
});

test('taking hold of a slider is not a step yet', () => {
  expect(shownOf([0], [1], [2], 2)).toEqual([0, 1, 1, 2]);
});

test('a movement that ends where it was last shown begins anew', () => {
  expect(shownOf([1], [2], [1], 1, [5], [6])).toEqual([1, 1, 1, 1, 5, 5]);
});

test('an equal value keeps the object that is shown', () => {
  const taken = { key: 'a', value: {}, isMoving: true };
  expect(takenNow(taken, { key: 'a', value: {}, isMoving: false }).value).toBe(taken.value);
  const still = takenNow(taken, { key: 'a', value: {}, isMoving: true });
  expect(still).toBe(taken);
});
