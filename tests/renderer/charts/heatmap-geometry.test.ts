import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  cellAt,
  cellOrigin,
  heatmapGeometry,
  isShown,
  movedCell,
  wholeMap,
  draggedBy,
  fitting,
  isWhole,
  panned,
  revealing,
  zoomed,
} from '../../../renderer/charts/heatmap-geometry.ts';

const sizes = {
  width: fc.integer({ min: 200, max: 2400 }),
  layers: fc.integer({ min: 1, max: 96 }),
  experts: fc.integer({ min: 1, max: 512 }),
};
const margins = { left: 30, top: 20, right: 40 };
const HEIGHT = 400;

test('the centre of every cell maps to that cell', () => {
  fc.assert(
    fc.property(fc.record(sizes), fc.nat(), fc.nat(), ({ width, layers, experts }, l, e) => {
      const geometry = heatmapGeometry({ width, height: HEIGHT }, wholeMap(layers, experts), margins);
      const cell = { layer: l % layers, expert: e % experts };
      const { x, y } = cellOrigin(geometry, cell);
      expect(cellAt(geometry, x + geometry.cellWidth / 2, y + geometry.cellHeight / 2)).toEqual(cell);
    }),
  );
});

test('keys never leave the map, and other keys do not move', () => {
  fc.assert(
    fc.property(
      fc.record(sizes),
      fc.array(fc.constantFrom('ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown')),
      ({ layers, experts }, keys) => {
        const end = keys.reduce((cell, key) => movedCell(cell, key, layers, experts) ?? cell, { layer: 0, expert: 0 });
        expect(end.layer).toBeLessThan(layers);
        expect(end.expert).toBeLessThan(experts);
        expect(Math.min(end.layer, end.expert)).toBeGreaterThanOrEqual(0);
      },
    ),
  );
  expect(movedCell({ layer: 0, expert: 0 }, 'x', 3, 3)).toBeNull();
});

test('outside the cells there is no cell', () => {
  const geometry = heatmapGeometry({ width: 800, height: HEIGHT }, wholeMap(3, 16), margins);
  expect([cellAt(geometry, 10, 30), cellAt(geometry, 100, 5), cellAt(geometry, geometry.width - 1, 30)]).toEqual([
    null,
    null,
    null,
  ]);
});

test('no map is wider or higher than its room, up to 96 layers of 512 experts', () => {
  fc.assert(
    fc.property(fc.record(sizes), ({ width, layers, experts }) => {
      const geometry = heatmapGeometry({ width, height: HEIGHT }, wholeMap(layers, experts), margins);
      expect(geometry.width).toBeLessThanOrEqual(width);
      expect(geometry.height).toBeLessThanOrEqual(HEIGHT + 1e-9);
      expect(geometry.expertBin * geometry.cellWidth).toBeGreaterThanOrEqual(4 - 1e-6);
      expect(geometry.layerBin * geometry.cellHeight).toBeGreaterThanOrEqual(4 - 1e-6);
    }),
  );
  const small = heatmapGeometry({ width: 900, height: HEIGHT }, wholeMap(3, 16), margins);
  const large = heatmapGeometry({ width: 900, height: HEIGHT }, wholeMap(96, 512), margins);
  expect(small).toMatchObject({ layerBin: 1, expertBin: 1, gap: 2, cellHeight: 30 });
  expect(large).toMatchObject({ layerBin: 2, expertBin: 3, gap: 0 });
});

test('a window of the map starts at its first cell', () => {
  const shown = { firstLayer: 10, layers: 4, firstExpert: 100, experts: 16 };
  const geometry = heatmapGeometry({ width: 900, height: HEIGHT }, shown, margins);
  expect(cellOrigin(geometry, { layer: 10, expert: 100 })).toEqual({ x: 30, y: 20 });
  expect(cellAt(geometry, 31, 21)).toEqual({ layer: 10, expert: 100 });
  expect([
    isShown(geometry, { layer: 13, expert: 115 }),
    isShown(geometry, { layer: 14, expert: 115 }),
    isShown(geometry, { layer: 13, expert: 99 }),
  ]).toEqual([true, false, false]);
});

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
