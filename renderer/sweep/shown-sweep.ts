import { useStore } from 'zustand';
import type { SerialisedError } from '../../main/contract/errors.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import type { SweepDocument } from '../../main/contract/sweep.ts';
import { useQuery } from '../engine/engine-context.tsx';
import { useFacts } from '../engine/facts.ts';
import { useDebounced, useLasting } from '../engine/use-settled.ts';
import { selectionStore } from '../state/selection-store.ts';
import { curvesStore } from '../state/view-stores.ts';

/** Every sweep, the newest first. */
const newestSweeps = (runs: readonly RunManifest[]): readonly RunManifest[] =>
  runs.filter((run) => run.kind === 'sweep').sort((left, right) => right.createdAt.localeCompare(left.createdAt));

/** The sweep that is shown: the selected one, else the newest. */
export const shownSweep = (runs: readonly RunManifest[], selected: string | null): RunManifest | null => {
  const sweeps = newestSweeps(runs);
  return sweeps.find((run) => run.id === selected) ?? sweeps[0] ?? null;
};

interface ShownSweep {
  /** Every sweep, the newest first. */
  readonly sweeps: readonly RunManifest[];
  readonly manifest: RunManifest | null;
  readonly document: SweepDocument | undefined;
  /** Margin on screen. */
  readonly delta: number;
  readonly error: SerialisedError | null;
}

const DELTA_SETTLE_MS = 120;
const DEFAULT_DELTA = 0.02;

/** Margin that the sweep was started with. */
export const sweepDelta = (manifest: RunManifest | null): number => {
  const settings = manifest?.spec['settings'];
  const delta =
    typeof settings === 'object' && settings !== null && 'delta' in settings ? settings.delta : manifest?.spec['delta'];
  return typeof delta === 'number' ? delta : DEFAULT_DELTA;
};

/** The sweep on screen with its results and thresholds, for every view that shows one. */
export const useSweep = (): ShownSweep => {
  const { runs } = useFacts();
  const selectedRun = useStore(selectionStore, (state) => state.run);
  const chosenDelta = useStore(curvesStore, (state) => state.delta);
  const familywise = useStore(curvesStore, (state) => state.familywise);
  const sweeps = newestSweeps(runs);
  const manifest = shownSweep(runs, selectedRun);
  const settled = useDebounced(chosenDelta, DELTA_SETTLE_MS);
  const { data, error } = useQuery(
    'sweep.read',
    manifest === null ? null : { run: manifest.id, familywise, delta: settled ?? undefined },
  );
  const document = useLasting(data, manifest?.id ?? '');
  return { sweeps, manifest, document, delta: chosenDelta ?? sweepDelta(manifest), error };
};
