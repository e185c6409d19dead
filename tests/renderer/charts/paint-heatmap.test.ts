import { expect, test } from 'vitest';
import type { Hatch } from '../../../main/figures/cell-matrix.ts';
import type { Cell } from '../../../renderer/charts/heatmap-geometry.ts';
import { blockOf, pinOf } from '../../../renderer/charts/paint-heatmap.ts';

const shades = [
  [0.1, 0.4, 0.2, 0.3],
  [0.5, 0.2, 0.6, 0.1],
];
const shown = { firstLayer: 0, layers: 2, firstExpert: 0, experts: 4 };
const mark = (layerBin: number, expertBin: number, hatch: (cell: Cell) => Hatch, expert = 0) =>
  blockOf({ shades, hatch, geometry: { layerBin, expertBin, shown } }, { layer: 0, expert });

test('a mark that combines experts says what share of them the plan removes, not only whether it removes all', () => {
  const oneInFour = ({ layer, expert }: Cell): Hatch => (layer === 0 && expert === 0 ? 'dropped' : 'none');
  expect(mark(2, 2, oneInFour)).toEqual({ shade: 0.5, goneShare: 0.25, isMerged: false });
  expect(mark(2, 2, oneInFour, 2)).toEqual({ shade: 0.6, goneShare: 0, isMerged: false });
  expect(mark(1, 1, oneInFour)).toEqual({ shade: 0.1, goneShare: 1, isMerged: false });
  expect(mark(2, 4, () => 'merged')).toEqual({ shade: 0.6, goneShare: 1, isMerged: true });
});

test('between two plans a mark has come as far as the fading has', () => {
  const picture = { shades, geometry: { layerBin: 1, expertBin: 2, shown } };
  const fading = { from: (): Hatch => 'none', progress: 0.5 };
  expect(blockOf({ ...picture, hatch: () => 'dropped', fading }, { layer: 0, expert: 0 }).goneShare).toBe(0.5);
  expect(
    blockOf({ ...picture, hatch: () => 'none', fading: { ...fading, from: () => 'dropped' } }, { layer: 0, expert: 0 })
      .goneShare,
  ).toBe(0.5);
});

test('a mark that combines experts shows the pin of any of them', () => {
  const pin = ({ layer, expert }: Cell): boolean | null => (layer === 1 && expert === 3 ? false : null);
  const at = (layerBin: number, expertBin: number, expert: number) =>
    pinOf({ pin, geometry: { layerBin, expertBin, shown } }, { layer: 0, expert });
  expect(at(2, 2, 2)).toBe(false);
  // The last mark of a row may be cut off.
  expect(at(2, 3, 3)).toBe(false);
  expect(at(2, 2, 0)).toBeNull();
  expect(at(1, 1, 3)).toBeNull();
});
