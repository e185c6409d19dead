import { lazy, Suspense } from 'react';
import { useStore } from 'zustand';
import { Dialog } from '../../components/dialog.tsx';
import { experimentStore } from '../../state/dialog-stores.ts';

const ExperimentForm = lazy(async () => ({ default: (await import('./experiment-form.tsx')).ExperimentForm }));

/** Figures and tables load when an experiment is first opened. */
const ExperimentResult = lazy(async () => ({ default: (await import('./experiment-result.tsx')).ExperimentResult }));

/**
 * The paper's experiment on a model family: the form of a new one, or the result of one: both questions, the paper's
 * own table, and the result of a reproduction.
 */
export const ExperimentDialog = () => {
  const { run, isAsked, showRun, ask } = useStore(experimentStore);
  if (isAsked)
    return (
      <Dialog title="New experiment" wide onClose={() => ask(false)}>
        <Suspense fallback={null}>
          <ExperimentForm />
        </Suspense>
      </Dialog>
    );
  return run === null ? null : (
    <Dialog title="Experiment" wide onClose={() => showRun(null)}>
      <Suspense fallback={null}>
        <ExperimentResult key={run} run={run} />
      </Suspense>
    </Dialog>
  );
};
