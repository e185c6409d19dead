import { z } from 'zod';
import type { RunManifest } from '../../main/contract/run.ts';
import type { Facts } from '../engine/facts.ts';
import { experimentStore, reproductionStore } from '../state/dialog-stores.ts';
import { exportStore, finetuneStore, fitStore } from '../state/model-forms.ts';
import { layoutStore } from '../state/layout-store.ts';
import { runsStore } from '../state/runs-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { runKinds } from '../../main/contract/run-kinds.ts';
import { selectOpened } from '../sweep/brought.ts';

/** The expert whose damage a run measured; null if it measured several. */
const measuredExpert = ({ spec }: RunManifest): number | null =>
  z.tuple([z.number()]).safeParse(spec['experts']).data?.[0] ?? null;

/** Views in which nothing of a sweep is shown. */
const WITHOUT_SWEEPS: ReadonlySet<string> = new Set(['fit', 'beside']);

/** Opens a run in the view that shows its results. */
export const openRun = (facts: Facts, run: RunManifest): void => {
  const { show } = layoutStore.getState();
  switch (runKinds[run.kind].opens) {
    case 'sweep':
      selectOpened(facts, run);
      // Thresholds and Compare show sweeps too, so the view stays.
      if (WITHOUT_SWEEPS.has(layoutStore.getState().view)) show('workbench');
      return;
    case 'reproduction':
      return reproductionStore.getState().show(run.id);
    case 'damaged-experts':
      selectOpened(facts, run, facts.selection.run);
      if (typeof run.spec['layer'] === 'number')
        // The selected expert belongs to the previous model.
        selectionStore
          .getState()
          .selectExpert(run.spec['layer'], measuredExpert(run) ?? selectionStore.getState().expert ?? 0);
      return show('workbench');
    case 'profile':
      selectOpened(facts, run, facts.selection.run);
      return show('workbench');
    case 'beside':
      selectOpened(facts, run, facts.selection.run);
      selectionStore.getState().complete({ beside: run.id });
      return show('beside');
    case 'fit':
      selectOpened(facts, run, facts.selection.run);
      fitStore.getState().showRun(run.id);
      return show('fit');
    case 'details':
      return runsStore.setState({ details: run.id });
    case 'experiment':
      return experimentStore.getState().showRun(run.id);
    case 'training':
      return finetuneStore.getState().showRun(run.id);
    case 'export':
      exportStore.getState().showRun(run.id);
      return exportStore.getState().show(true);
  }
};
