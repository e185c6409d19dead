import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { multiply, type Product } from '../../../main/arithmetic/product.ts';
import { productOf, withPauses } from '../../../main/arithmetic/steps.ts';
import { atOnce } from './at-once.ts';
import { Float64Products } from '../../../main/inference/float64-products.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

const products = new Float64Products();
afterAll(() => products.dispose());

const drawn = (rows: number, inner: number, columns: number, isTransposed: boolean): Product => {
  const random = seededRandom(rows + 31 * inner + 977 * columns);
  const numbers = (length: number): Float64Array => Float64Array.from({ length }, () => 2 * random.float() - 1);
  return { a: numbers(rows * inner), b: numbers(inner * columns), rows, inner, columns, isTransposed };
};

const byDefinition = ({ a, b, rows, inner, columns, isTransposed }: Product): number[] =>
  Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < inner; k++)
      sum += a[isTransposed ? k * rows + row : row * inner + k]! * b[k * columns + column]!;
    return sum;
  });

const largestDifference = (left: ArrayLike<number>, right: ArrayLike<number>): number =>
  Array.from(left).reduce((most, value, at) => Math.max(most, Math.abs(value - (right[at] ?? Number.NaN))), 0);

const size = fc.nat(9);

describe('products in float64', () => {
  it('match the definition, in plain loops and by onnxruntime, in either orientation and empty', async () => {
    await fc.assert(
      fc.asyncProperty(size, size, size, fc.boolean(), async (rows, inner, columns, isTransposed) => {
        const request = drawn(rows, inner, columns, isTransposed);
        const expected = byDefinition(request);
        for (const found of [multiply(request), await products.multiply(request)]) {
          expect(found).toHaveLength(expected.length);
          expect(largestDifference(found, expected)).toBeLessThan(1e-14);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('agree where they are large, are reproducible, and read a part of an array', async () => {
    const request = drawn(70, 130, 90, true);
    const found = await products.multiply(request);
    expect(largestDifference(found, multiply(request))).toBeLessThan(1e-13);
    expect(await products.multiply(request)).toEqual(found);
    const longer = new Float64Array(request.a.length + 5);
    longer.set(request.a, 5);
    expect(await products.multiply({ ...request, a: longer.subarray(5) })).toEqual(found);
  });
});

describe('steps', () => {
  const [small, large] = [drawn(4, 4, 4, false), drawn(40, 40, 40, false)];
  const both = function* () {
    const first = yield* productOf(small);
    yield;
    return [first, yield* productOf(large)] as const;
  };

  it('are requested only where they are large', async () => {
    const asked: Product[] = [];
    let pauses = 0;
    const answered = await withPauses(
      both(),
      () => Promise.resolve(void pauses++),
      (request) => {
        asked.push(request);
        return products.multiply(request);
      },
    );
    expect(asked).toEqual([large]);
    expect(pauses).toBe(2);
    expect(answered[0]).toEqual(multiply(small));
    expect(largestDifference(answered[1], multiply(large))).toBeLessThan(1e-14 * 40);
    expect(atOnce(both())).toEqual([multiply(small), multiply(large)]);
  });

  it('end with the rejection of a pause or a product', async () => {
    const stop = new Error('stop');
    await expect(withPauses(both(), () => Promise.reject(stop))).rejects.toBe(stop);
    await expect(
      withPauses(
        both(),
        () => Promise.resolve(),
        () => Promise.reject(stop),
      ),
    ).rejects.toBe(stop);
  });
});
