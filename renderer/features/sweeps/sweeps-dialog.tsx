import { lazy, Suspense } from 'react';
import { useStore } from 'zustand';
import { Dialog } from '../../components/dialog.tsx';
import { runsStore } from '../../state/runs-store.ts';

/** The tables load when sweeps are first compared. */
const SweepsResult = lazy(async () => ({ default: (await import('./sweeps-result.tsx')).SweepsResult }));

/** Compares the sweeps chosen among the runs with the first of them. */
export const SweepsDialog = () => {
  const compared = useStore(runsStore, (state) => state.compared);
  return compared === null ? null : (
    <Dialog title="Sweeps compared" wide onClose={() => runsStore.setState({ compared: null })}>
      <Suspense fallback={null}>
        <SweepsResult runs={compared} />
      </Suspense>
    </Dialog>
  );
};
