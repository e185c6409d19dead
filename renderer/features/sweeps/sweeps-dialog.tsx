import { lazy, Suspense } from 'react';
import { useStore } from 'zustand';
import { Dialog } from '../../components/dialog.tsx';
import { runsStore } from '../../state/runs-store.ts';

/** The tables come when sweeps are first compared. */
const SweepsResult = lazy(async () => ({ default: (await import('./sweeps-result.tsx')).SweepsResult }));

/** Sweeps that were chosen among the runs, against the first of them. */
export const SweepsDialog = () => {
  const { compared, compare } = useStore(runsStore);
  return compared === null ? null : (
    <Dialog title="Sweeps compared" wide onClose={() => compare(null)}>
      <Suspense fallback={null}>
        <SweepsResult runs={compared} />
      </Suspense>
    </Dialog>
  );
};
