import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differingRows, largestDeviation } from '../../../../main/inference/providers/judge-probe.ts';

const floats = fc.float32Array({ noNaN: true, noDefaultInfinity: true, minLength: 1, maxLength: 40 });

describe('the largest deviation', () => {
  it('is zero of equal outputs and never depends on the order of numbers', () => {
    fc.assert(
      fc.property(floats, floats, (ours, theirs) => {
        expect(largestDeviation({ a: theirs }, { a: theirs })).toBe(0);
        const length = Math.min(ours.length, theirs.length);
        const [a, b] = [ours.slice(0, length), theirs.slice(0, length)];
        expect(largestDeviation({ x: a.slice().reverse() }, { x: b.slice().reverse() })).toBe(
          largestDeviation({ x: a }, { x: b }),
        );
      }),
    );
  });

  it('is relative to numbers above one, absolute below', () => {
    expect(largestDeviation({ a: Float32Array.of(1010, 0.5) }, { a: Float32Array.of(1000, 0.5) })).toBeCloseTo(0.01, 6);
    expect(largestDeviation({ a: Float32Array.of(0.25) }, { a: Float32Array.of(0) })).toBe(0.25);
  });

  it('is null where a number is NaN, or missing', () => {
    expect(largestDeviation({ a: Float32Array.of(1, Number.NaN) }, { a: Float32Array.of(1, 2) })).toBeNull();
    expect(() => largestDeviation({ a: Float32Array.of(1) }, { a: Float32Array.of(1, 2) })).toThrow('"a"');
    expect(() => largestDeviation({}, { a: Float32Array.of(1) })).toThrow('"a"');
  });
});

it('leaves rows out', () => {
  const [ours, theirs] = [{ a: Float32Array.of(1, 2, 9, 9, 5, 6) }, { a: Float32Array.of(1, 2, 3, 4, 5, 6) }];
  expect(largestDeviation(ours, theirs, { rows: new Set([1]), of: 3 })).toBe(0);
  expect(largestDeviation(ours, theirs, { rows: new Set([0, 2]), of: 3 })).toBe(2);
});

it('counts rows of indices in which anything differs', () => {
  expect(differingRows([0, 1, 2, 3, 4, 5], [0, 1, 3, 2, 4, 6], 2)).toEqual(new Set([1, 2]));
  expect(differingRows([], [0, 1], 2)).toEqual(new Set([0]));
});
