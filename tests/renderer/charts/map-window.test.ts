import fc from 'fast-check';
import { expect, test } from 'vitest';
import { draggedBy, isShown, wholeMap } from '../../../renderer/charts/heatmap-geometry.ts';
import { fitting, isWhole, panned, revealing, zoomed } from '../../../renderer/charts/map-window.ts';

const size = { layers: 94, experts: 128 };
const whole = wholeMap(size.layers, size.experts);
const cell = fc.record({ layer: fc.nat(size.layers - 1), expert: fc.nat(size.experts - 1) });

test('zooming in keeps the cell visible, down to a few experts, and zooming out ends at the whole map', () => {
  fc.assert(
    fc.property(cell, fc.integer({ min: 1, max: 12 }), (about, steps) => {
      let shown = whole;
      for (let step = 0; step < steps; step += 1) {
        shown = zoomed(shown, 0.5, about, size);
        expect(isShown({ shown }, about)).toBe(true);
        expect(shown.experts).toBeGreaterThanOrEqual(8);
        expect(shown.firstLayer + shown.layers).toBeLessThanOrEqual(size.layers);
        expect(shown.firstExpert + shown.experts).toBeLessThanOrEqual(size.experts);
      }
      for (let step = 0; step < 12; step += 1) shown = zoomed(shown, 2, about, size);
      expect(shown).toEqual(whole);
    }),
  );
});

test('panning stays within the map, and revealing a cell moves as little as possible', () => {
  const shown = { firstLayer: 10, layers: 10, firstExpert: 20, experts: 16 };
  expect(panned(shown, { layers: -99, experts: 999 }, size)).toMatchObject({ firstLayer: 0, firstExpert: 112 });
  expect(revealing(shown, { layer: 12, expert: 25 }, size)).toEqual(shown);
  expect(revealing(shown, { layer: 20, expert: 19 }, size)).toMatchObject({ firstLayer: 11, firstExpert: 19 });
  fc.assert(
    fc.property(cell, (wanted) => {
      expect(isShown({ shown: revealing(shown, wanted, size) }, wanted)).toBe(true);
    }),
  );
});

test('a window of a larger map is not kept for a smaller one', () => {
  const shown = { firstLayer: 80, layers: 10, firstExpert: 100, experts: 16 };
  expect(fitting(shown, size)).toBe(shown);
  expect(fitting(shown, { layers: 3, experts: 16 })).toEqual(wholeMap(3, 16));
  expect(fitting(null, size)).toEqual(whole);
  expect([isWhole(whole, size), isWhole(shown, size)]).toEqual([true, false]);
});

test('a dragged map follows the pointer by whole cells', () => {
  const shown = { firstLayer: 10, layers: 10, firstExpert: 20, experts: 16 };
  const cell = { cellWidth: 40, cellHeight: 20 };
  expect(panned(shown, draggedBy(cell, -90, 45), size)).toMatchObject({ firstLayer: 8, firstExpert: 22 });
  expect(panned(shown, draggedBy(cell, 15, -8), size)).toEqual(shown);
});
