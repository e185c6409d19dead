import { expect, test } from 'vitest';
import { createLayoutStore } from '../../../renderer/state/layout-store.ts';

const layoutStore = createLayoutStore();
const state = layoutStore.getState;

test('a view that uses the whole width has an inspector of its own, closed at first', () => {
  layoutStore.setState({ inspectorOpen: true });
  state().widen(true);
  expect(state().inspectorOpen).toBe(false);
  layoutStore.setState({ inspectorOpen: true });
  state().widen(false);
  state().toggleInspector();
  expect(state().inspectorOpen).toBe(false);
  state().widen(true);
  expect(state().inspectorOpen).toBe(true);
  state().widen(true);
  expect(state().inspectorOpen).toBe(true);
  state().widen(false);
  expect(state().inspectorOpen).toBe(false);
});

test('moving the edge between two lists leaves the third as it is, and each keeps something', () => {
  const { models, tasks, runs } = state().listShares;
  state().shareLists('models', 'tasks', 0.25);
  const moved = state().listShares;
  expect(moved.models / (moved.models + moved.tasks)).toBeCloseTo(0.25, 9);
  expect(moved.models + moved.tasks).toBeCloseTo(models + tasks, 9);
  expect(moved.runs).toBe(runs);
  state().shareLists('tasks', 'runs', 7);
  expect(state().listShares.runs / (state().listShares.tasks + state().listShares.runs)).toBeCloseTo(0.1, 9);
});
