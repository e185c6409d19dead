import { curvesStore } from '../../state/curves-store.ts';
import { layoutStore } from '../../state/layout-store.ts';
import { selectionStore } from '../../state/selection-store.ts';
import type { PointKey } from '../../state/selection-store.ts';

/** Selects a point for every view and shows its curve. */
export const openInCurves = (point: PointKey): void => {
  const curves = curvesStore.getState();
  curves.chooseModel(point.model);
  curves.enlarge(point.task);
  curves.showTable(false);
  selectionStore.getState().selectPoint(point);
  layoutStore.getState().show('curves');
};
