import { expect, test } from 'vitest';
import {
  type AllowanceOf,
  compareFields,
  type FieldDifference,
  namedEntries,
} from '../../../main/evaluation/field-differences.ts';

const differencesOf = (
  before: unknown,
  after: unknown,
  allowanceOf: AllowanceOf = () => ({ kind: 'none' }),
): readonly FieldDifference[] => {
  const found: FieldDifference[] = [];
  compareFields(allowanceOf, before, after, (difference) => found.push(difference));
  return found;
};

test('every field is compared, without being listed anywhere', () => {
  const document = { a: 1, list: [{ b: 'x' }, { b: 'y', fresh: [1, 2] }], none: null };
  expect(differencesOf(document, structuredClone(document))).toEqual([]);
  const edited = { a: 2, list: [{ b: 'x' }, { b: 'y', fresh: [1, 3, 4] }], none: 0, extra: true };
  expect(
    differencesOf(document, edited).map(({ field, where, before, after }) => [field, where, before, after]),
  ).toEqual([
    ['a', 'a', 1, 2],
    ['list.fresh', 'list[1].fresh[1]', 2, 3],
    ['list.fresh', 'list[1].fresh[2]', undefined, 4],
    ['none', 'none', null, 0],
    ['extra', 'extra', undefined, true],
  ]);
});

test('named entries are compared by name in any order; a repeated name is one entry more', () => {
  const entries = (...list: readonly { readonly name: string; readonly value: number }[]) => ({
    points: namedEntries(list, ({ name }) => name),
  });
  const [a, b] = [
    { name: 'a', value: 1 },
    { name: 'b', value: 2 },
  ];
  expect(differencesOf(entries(a, b), entries(b, a))).toEqual([]);
  expect(differencesOf(entries(a, b), entries(a, { ...b, value: 3 })).map(({ where }) => where)).toEqual([
    'points[b].value',
  ]);
  expect(differencesOf(entries(a), entries(a, a)).map(({ where, before }) => [where, before])).toEqual([
    ['points[a (2)]', undefined],
  ]);
});

test('rounding and allowed differences are separated from changes, by field and holder', () => {
  const allowanceOf: AllowanceOf = (field, [holder]) => {
    if (field === 'speed') return { kind: 'any', reason: 'busy' };
    const isLoose = typeof holder === 'object' && holder !== null && 'loose' in holder;
    return isLoose ? { kind: 'rounding', absolute: 0.1, share: 0.01 } : { kind: 'none' };
  };
  const [before, after] = [
    { speed: 5, part: { loose: true, near: 100, far: 100 }, strict: 1 },
    { speed: 7, part: { loose: true, near: 101, far: 103 }, strict: 1 + 1e-15 * 3 },
  ];
  expect(
    differencesOf(before, after, allowanceOf).map(({ field, kind, reason, distance }) => [
      field,
      kind,
      reason,
      distance,
    ]),
  ).toEqual([
    ['speed', 'any', 'busy', 2],
    ['part.near', 'rounding', null, 1],
    ['part.far', 'changed', null, 3],
    ['strict', 'changed', null, expect.any(Number)],
  ]);
  expect(differencesOf({ zero: 0, none: Number.NaN }, { zero: -0, none: Number.NaN })).toEqual([]);
});
