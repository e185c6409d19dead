import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cellAt, cellOrigin, heatmapGeometry, movedCell } from '../../../renderer/charts/heatmap-geometry.ts';

const sizes = {
  width: fc.integer({ min: 200, max: 2400 }),
  layers: fc.integer({ min: 1, max: 96 }),
  experts: fc.integer({ min: 1, max: 256 }),
};

test('the middle of every cell is found as that cell', () => {
  fc.assert(
    fc.property(fc.record(sizes), fc.nat(), fc.nat(), ({ width, layers, experts }, l, e) => {
      const geometry = heatmapGeometry(width, layers, experts, { left: 30, top: 20, right: 40 });
      const cell = { layer: l % layers, expert: e % experts };
      const { x, y } = cellOrigin(geometry, cell);
      expect(cellAt(geometry, x + geometry.cellWidth / 2, y + geometry.cellHeight / 2)).toEqual(cell);
    }),
  );
});

test('keys never leave the map, and other keys move nothing', () => {
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

test('outside of the cells there is no cell', () => {
  const geometry = heatmapGeometry(800, 3, 16, { left: 30, top: 20, right: 40 });
  expect([cellAt(geometry, 10, 30), cellAt(geometry, 100, 5), cellAt(geometry, geometry.width - 1, 30)]).toEqual([
    null,
    null,
    null,
  ]);
});
