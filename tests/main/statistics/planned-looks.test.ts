import { expect, test } from 'vitest';
import { plannedLevels } from '../../../main/statistics/planned-looks.ts';

test('the level is spent in proportion to the items, and in all no more than once', () => {
  const levels = plannedLevels([150, 300, 600, 1200], 0.05);
  expect(levels.map((level) => Number(level.toFixed(6)))).toEqual([0.00625, 0.00625, 0.0125, 0.025]);
  expect(levels.reduce((sum, level) => sum + level, 0)).toBeCloseTo(0.05, 12);
  expect(plannedLevels([300], 0.05)).toEqual([0.05]);
  for (const wrong of [
    [300, 150],
    [0, 100],
    [100, 100],
  ])
    expect(() => plannedLevels(wrong, 0.05)).toThrow('ascending');
});
