import { useStore } from 'zustand';
import type { CompareDocument } from '../../../main/contract/compare.ts';
import type { SerialisedError } from '../../../main/contract/errors.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useDebounced } from '../../engine/use-debounced.ts';
import { useLasting } from '../../engine/use-lasting.ts';
import { compareStore } from '../../state/compare-store.ts';
import { curvesStore } from '../../state/curves-store.ts';
import { useSweep } from '../curves/use-sweep.ts';
import { comparisonChoice } from './comparison-choice.ts';

export interface ShownComparison {
  readonly manifest: RunManifest | null;
  readonly comparison: CompareDocument | undefined;
  /** What is on screen still answers an earlier question. */
  readonly stale: boolean;
  readonly error: SerialisedError | null;
}

const DELTA_SETTLE_MS = 120;

/** The methods of the sweep on screen against each other, as the controls ask; the last answer stays while the next is on its way. */
export const useComparison = (): ShownComparison => {
  const { manifest, document } = useSweep();
  const { factor, reference } = useStore(compareStore);
  const model = useStore(curvesStore, (state) => state.model);
  const delta = useDebounced(
    useStore(curvesStore, (state) => state.delta),
    DELTA_SETTLE_MS,
  );
  const choice = document === undefined ? null : comparisonChoice(document.results, { model, factor, reference });
  const { data, error } = useQuery(
    'sweep.compare',
    manifest === null || choice === null ? null : { run: manifest.id, ...choice, ...(delta === null ? {} : { delta }) },
  );
  const comparison = useLasting(data, manifest?.id ?? '');
  return { manifest, comparison, stale: data === undefined && error === null, error };
};
