import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapScalings, shadedMap } from '../../../main/figures/map-scaling.ts';

const flat = (shades: readonly (readonly (number | null)[])[]): readonly (number | null)[] => shades.flat();

describe('shades of a map', () => {
  it('lie within the scale, and larger values are never darker within a layer', () => {
    const value = fc.double({ min: 0, max: 1e6, noNaN: true });
    const matrix = fc.array(fc.array(fc.option(value, { nil: null }), { minLength: 4, maxLength: 4 }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(matrix, fc.constantFrom(...mapScalings), (cells, scaling) => {
        const { shades } = shadedMap(cells, scaling);
        cells.forEach((row, layer) => {
          row.forEach((one, expert) => {
            const shade = shades[layer]?.[expert] ?? null;
            expect(shade === null).toBe(one === null);
            if (shade === null || one === null) return;
            expect(shade).toBeGreaterThanOrEqual(0);
            expect(shade).toBeLessThanOrEqual(1 + 1e-12);
            row.forEach((other, expert) => {
              if (other !== null && other < one)
                expect(shades[layer]?.[expert] ?? 0).toBeLessThanOrEqual(shade + 1e-12);
            });
          });
        });
      }),
    );
  });

  it('are clipped if one cell would darken all others, and the scale says so', () => {
    const row = Array.from({ length: 100 }, (_, expert) => (expert === 7 ? 500 : 1 + expert / 100));
    const shaded = shadedMap([row], 'linear');
    expect(shaded.words).toMatch(/^linear, \d larger cells? clipped$/);
    expect(shaded.shades[0]?.[7]).toBe(1);
    expect(shaded.shades[0]?.[50]).toBeGreaterThan(0.7);
    expect(shaded.marks[2]).toBeLessThan(2.1);
    expect(shadedMap([[1, 2, 3]], 'linear')).toMatchObject({ words: 'linear', marks: [0, 1.5, 3] });
  });

  it('are logarithmic from the smallest positive value on, with nothing at 0', () => {
    const { shades, marks, words } = shadedMap([[0, 1, 10, 100]], 'log');
    expect(words).toBe('logarithmic');
    expect(marks.map((mark) => Math.round(Number(mark)))).toEqual([1, 10, 100]);
    expect(flat(shades).map((shade) => Math.round(100 * (shade ?? 0)))).toEqual([0, 0, 50, 100]);
    expect(shadedMap([[1e-9, 1]], 'log').marks[0]).toBe(1e-4);
    expect(flat(shadedMap([[0, 0]], 'log').shades)).toEqual([0, 0]);
  });

  it('are ranks, equal values alike', () => {
    expect(
      flat(
        shadedMap(
          [
            [5, 1],
            [1, 9],
          ],
          'rank',
        ).shades,
      ),
    ).toEqual([2 / 3, 1 / 6, 1 / 6, 1]);
    expect(shadedMap([[5]], 'rank')).toMatchObject({ shades: [[1]], marks: ['lowest', 'median', 'highest'] });
  });

  it('are relative to each layer', () => {
    expect(
      flat(
        shadedMap(
          [
            [1, 2],
            [50, 100],
            [0, 0],
          ],
          'layer',
        ).shades,
      ),
    ).toEqual([0.5, 1, 0.5, 1, 0, 0]);
  });

  it('of differences have a sign, and no logarithm or rank', () => {
    expect(shadedMap([[-2, 1]], 'linear', true)).toMatchObject({ shades: [[-1, 0.5]], marks: [-2, 0, 2] });
    expect(shadedMap([[-2, 1]], 'rank', true).words).toBe('linear');
    expect(shadedMap([[-2, 1]], 'log', true).words).toBe('linear');
    expect(
      flat(
        shadedMap(
          [
            [-2, 1],
            [4, 8],
          ],
          'layer',
          true,
        ).shades,
      ),
    ).toEqual([-1, 0.5, 0.5, 1]);
  });
});
