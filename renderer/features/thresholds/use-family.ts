import { useStore } from 'zustand';
import type { SerialisedError } from '../../../main/contract/errors.ts';
import type { SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useDebounced } from '../../engine/use-debounced.ts';
import { useLasting } from '../../engine/use-lasting.ts';
import { curvesStore } from '../../state/curves-store.ts';

const DELTA_SETTLE_MS = 120;

/** The sweep's models read as a family, at the margin on screen; the last answer stays while the next is on its way. */
export const useSizeTrend = (
  run: string | null,
): { readonly family: SizeTrendDocument | undefined; readonly error: SerialisedError | null } => {
  const settled = useDebounced(
    useStore(curvesStore, (state) => state.delta),
    DELTA_SETTLE_MS,
  );
  const { data, error } = useQuery(
    'sweep.family',
    run === null ? null : { run, ...(settled === null ? {} : { delta: settled }) },
  );
  return { family: useLasting(data, run ?? ''), error };
};
