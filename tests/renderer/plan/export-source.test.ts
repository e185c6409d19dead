import { expect, test } from 'vitest';
import { exportedPoint } from '../../../renderer/plan/export-source.ts';
import { noSelection } from '../../../renderer/state/selection.ts';

const point = (factor: number) => ({ run: 'r', model: 'm', task: 't', method: 'reap', seed: null, factor });

test('the currently selected point is exported, not the one selected when the export was opened', () => {
  const selection = { ...noSelection, point: point(4) };
  expect(exportedPoint({ selection }, point(2))).toEqual(point(4));
  expect(exportedPoint({ selection }, null)).toBeNull();
  expect(exportedPoint({ selection: noSelection }, point(2))).toEqual(point(2));
  expect(exportedPoint({ selection: { ...noSelection, point: point(1) } }, point(2))).toEqual(point(2));
});
