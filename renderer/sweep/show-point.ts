import { layoutStore } from '../state/layout-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import type { Brought, PointKey } from '../state/selection.ts';

/** Selects a point of a chart, and opens the panel with its numbers. */
export const showPoint = (point: PointKey, brought: Brought): void => {
  selectionStore.getState().selectPoint(point, brought);
  layoutStore.setState({ inspectorOpen: true });
};
