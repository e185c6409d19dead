import { describe, expect, it } from 'vitest';
import type { Weight } from '../../../../main/checkpoint/descriptor.ts';
import { decodeValues, encodeValues } from '../../../../main/export/gguf/encode-values.ts';
import { roundWithin } from '../../../../main/export/gguf/tensor-values.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

const [rows, columns] = [64, 64];
const random = seededRandom(7);
const stored = Float32Array.from({ length: rows * columns }, () => random.float() - 0.5);

const weightOf = (shape: readonly number[], rest: Partial<Weight>): Weight => {
  const view = { tensor: 'w', file: 'model.safetensors', dtype: 'F32', shape: [rows, columns], byteOffset: 0 } as const;
  return { stored: { kind: 'plain', view: { ...view, byteLength: stored.byteLength } }, shape, ...rest };
};

/** The values after rounding of the listed places, in the order in which a file has them: blocks run along that list. */
const roundedAt = (places: readonly number[]): Float32Array => {
  const values = Float32Array.from(places, (place) => stored[place] ?? Number.NaN);
  const read = decodeValues('q4_1', encodeValues('q4_1', values));
  const wanted = stored.slice();
  for (const [index, place] of places.entries()) wanted[place] = read[index] ?? Number.NaN;
  return wanted;
};
const places = (height: number, width: number, at: (row: number, column: number) => number): readonly number[] =>
  Array.from({ length: height * width }, (_, index) => at(Math.floor(index / width), index % width));

describe('values are rounded in the blocks of the written file, within those of the stored tensor:', () => {
  const reversed = Array.from({ length: columns }, (_, column) => columns - 1 - column);
  const cases: readonly (readonly [string, Weight, readonly number[] | undefined, readonly number[]])[] = [
    ['a whole matrix', weightOf([64, 64], {}), undefined, places(64, 64, (row, column) => row * 64 + column)],
    ['a transpose', weightOf([64, 64], { transposed: true }), undefined, places(64, 64, (row, col) => col * 64 + row)],
    [
      'every second row',
      weightOf([32, 64], { select: { axis: 0, start: 1 } }),
      undefined,
      places(32, 64, (row, column) => (2 * row + 1) * 64 + column),
    ],
    [
      'the second half of the columns',
      weightOf([64, 32], { select: { axis: 1, start: 1, half: true } }),
      undefined,
      places(64, 32, (row, column) => row * 64 + 32 + column),
    ],
    ['columns in another order', weightOf([64, 64], {}), reversed, places(64, 64, (row, col) => row * 64 + 63 - col)],
  ];
  it.each(cases)('%s', (_, weight, order, expected) => {
    const values = stored.slice();
    roundWithin({ weight, columns: order }, 'q4_1', values);
    expect(values).toEqual(roundedAt(expected));
    expect(values).not.toEqual(stored);
  });
});
