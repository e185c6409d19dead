import { useMemo } from 'react';
import type { SerialisedError } from '../../main/contract/errors.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { DEFAULT_DELTA, type SweepDocument } from '../../main/contract/sweep.ts';
import { useQuery } from '../engine/engine-context.tsx';
import { type Facts, selectedModel, useFacts } from '../engine/facts.ts';
import { onceFor } from '../engine/once-for.ts';
import { useLasting, useUnlessMoving } from '../engine/use-settled.ts';
import { curvesStore, usePart } from '../state/view-stores.ts';
import { nameInRun } from './brought.ts';

const isArchived = ({ label }: RunManifest): number => (label?.archived === true ? 1 : 0);

/** All sweeps, newest first, archived ones last. */
const newestSweeps = onceFor((runs: readonly RunManifest[]): readonly RunManifest[] =>
  runs
    .filter((run) => run.kind === 'sweep')
    .sort((left, right) => isArchived(left) - isArchived(right) || right.createdAt.localeCompare(left.createdAt)),
);

/**
 * The sweep to show: among those of the selected model the chosen one, else the newest; if there are none, the chosen
 * or newest sweep of any model.
 */
export const shownSweep = (facts: Pick<Facts, 'runs' | 'models' | 'selection'>): RunManifest | null => {
  const sweeps = newestSweeps(facts.runs);
  const model = selectedModel(facts);
  const matchingSweeps = sweeps.filter((run) => nameInRun(run, model) !== null);
  const among = matchingSweeps.length > 0 ? matchingSweeps : sweeps;
  return among.find((run) => run.id === facts.selection.run) ?? among[0] ?? null;
};

interface ShownSweep {
  /** All sweeps, newest first. */
  readonly sweeps: readonly RunManifest[];
  readonly manifest: RunManifest | null;
  /** The selected model's name in the sweep; null if the sweep does not contain it. */
  readonly model: string | null;
  readonly document: SweepDocument | undefined;
  /** Selected margin. */
  readonly delta: number;
  /** The same, but for one that is still being dragged: sweeps are read with it. */
  readonly settledDelta: number;
  readonly error: SerialisedError | null;
}

const DELTA_SETTLE_MS = 120;

const readingOf = ({ delta, familywise, isDeltaMoving }: ReturnType<typeof curvesStore.getState>) => ({
  delta,
  familywise,
  isMoving: isDeltaMoving,
});

/** Margin that the sweep was started with. */
export const sweepDelta = (manifest: RunManifest | null): number => {
  const settings = manifest?.spec['settings'];
  const delta =
    typeof settings === 'object' && settings !== null && 'delta' in settings ? settings.delta : manifest?.spec['delta'];
  return typeof delta === 'number' ? delta : DEFAULT_DELTA;
};

/** The selected margin, immediate and settled (null: the sweep's own), and the selected level. */
export const useReading = () => {
  const { delta: chosenDelta, familywise, isMoving } = usePart(curvesStore, readingOf);
  return { chosenDelta, familywise, settled: useUnlessMoving(chosenDelta, isMoving, DELTA_SETTLE_MS) };
};

/** Results of a sweep, evaluated at the same margin and level as the sweep shown, so that verdicts agree. */
export const useSweepOf = (run: string): SweepDocument | undefined => {
  const facts = useFacts();
  const { familywise, settled } = useReading();
  const shown = shownSweep(facts);
  const delta = settled ?? (run === shown?.id ? undefined : sweepDelta(shown));
  return useLasting(useQuery('sweep.read', { run, familywise, delta }).data, run);
};

/** A manifest with the provenance that reading all of the run's files gave: what is drawn and saved is headed by it. */
export const useVouched = (manifest: RunManifest | null, document: SweepDocument | undefined): RunManifest | null =>
  useMemo(() => {
    const { run, provenance } = document ?? {};
    return manifest === null || provenance === undefined || run !== manifest.id
      ? manifest
      : { ...manifest, provenance };
  }, [manifest, document]);

/** The sweep shown, with its results and thresholds, for all views. */
export const useSweep = (): ShownSweep => {
  const facts = useFacts();
  const { chosenDelta, familywise, settled } = useReading();
  const sweeps = newestSweeps(facts.runs);
  const manifest = shownSweep(facts);
  const model = nameInRun(manifest, selectedModel(facts));
  const { data, error } = useQuery(
    'sweep.read',
    manifest === null ? null : { run: manifest.id, familywise, delta: settled ?? undefined },
  );
  const document = useLasting(data, manifest?.id ?? '');
  return {
    sweeps,
    manifest: useVouched(manifest, document),
    model,
    document,
    delta: chosenDelta ?? sweepDelta(manifest),
    settledDelta: settled ?? sweepDelta(manifest),
    error,
  };
};
