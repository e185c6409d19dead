import { useStore } from 'zustand';
import type { RunManifest } from '../../../main/contract/run.ts';
import type { SerialisedError } from '../../../main/contract/errors.ts';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useDebounced } from '../../engine/use-debounced.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { useLasting } from '../../engine/use-lasting.ts';
import { curvesStore } from '../../state/curves-store.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { newestSweeps, shownSweep } from './shown-sweep.ts';

export interface ShownSweep {
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
  const sweeps = newestSweeps(runs);
  const manifest = shownSweep(runs, selectedRun);
  const settled = useDebounced(chosenDelta, DELTA_SETTLE_MS);
  const { data, error } = useQuery(
    'sweep.read',
    manifest === null ? null : { run: manifest.id, ...(settled === null ? {} : { delta: settled }) },
  );
  const document = useLasting(data, manifest?.id ?? '');
  return { sweeps, manifest, document, delta: chosenDelta ?? sweepDelta(manifest), error };
};
