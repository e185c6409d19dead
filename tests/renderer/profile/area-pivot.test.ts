import { expect, test } from 'vitest';
import { suitedScaling } from '../../../main/figures/map-scaling.ts';
import { cellsOf, pivotOf } from '../../../renderer/profile/area-pivot.ts';

const profile = {
  task: 'sums',
  taskHash: 'h',
  items: 2,
  tokens: 10,
  counts: [
    [6, 4, 0],
    [1, 2, 7],
  ],
  gateMass: [],
  reapSum: [
    [3, 1, 0],
    [2, 2, 4],
  ],
  eanSum: [],
};

test('an area has the cells between its corners, in whatever order they were drawn', () => {
  const cells = [
    { layer: 0, expert: 1 },
    { layer: 0, expert: 2 },
    { layer: 1, expert: 1 },
    { layer: 1, expert: 2 },
  ];
  expect(cellsOf({ from: { layer: 0, expert: 1 }, to: { layer: 1, expert: 2 } })).toEqual(cells);
  expect(cellsOf({ from: { layer: 1, expert: 2 }, to: { layer: 0, expert: 1 } })).toEqual(cells);
  expect(cellsOf({ from: { layer: 1, expert: 0 }, to: { layer: 1, expert: 0 } })).toEqual([{ layer: 1, expert: 0 }]);
});

test('a pivot counts the choices of its experts, and bounds the tokens that make them', () => {
  expect(pivotOf(profile, cellsOf({ from: { layer: 0, expert: 1 }, to: { layer: 1, expert: 2 } }))).toEqual({
    experts: 4,
    layers: 2,
    choices: 13,
    share: 13 / 20,
    shareOfLayers: 13 / 20,
    outputShare: 7 / 12,
    tokens: { fewest: 7, most: 10, of: 10 },
  });
  const one = pivotOf(profile, [{ layer: 0, expert: 1 }]);
  expect([one.share, one.shareOfLayers, one.outputShare, one.tokens]).toEqual([
    4 / 20,
    4 / 10,
    1 / 4,
    { fewest: 4, most: 4, of: 10 },
  ]);
});

test('experts that no token chose have shares of 0, without dividing by 0', () => {
  const none = { ...profile, counts: [[0, 0]], reapSum: [[0, 0]] };
  expect(pivotOf(none, [{ layer: 0, expert: 1 }])).toMatchObject({ share: 0, shareOfLayers: 0, outputShare: 0 });
});

test('layers of 32 experts and more are drawn logarithmically, but for a difference', () => {
  expect([suitedScaling(31, false), suitedScaling(32, false), suitedScaling(64, true)]).toEqual([
    'linear',
    'log',
    'linear',
  ]);
});
