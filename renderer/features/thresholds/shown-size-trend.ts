import { useStore } from 'zustand';
import type { SerialisedError } from '../../../main/contract/errors.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import type { SweepDocument, SweepResult } from '../../../main/contract/sweep.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { minOf } from '../../../main/statistics/extremes.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useDebounced, useLasting } from '../../engine/use-settled.ts';
import { layoutStore } from '../../state/layout-store.ts';
import type { Brought, PointKey } from '../../state/selection.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { curvesStore } from '../../state/view-stores.ts';
import { showPoint } from '../../sweep/show-point.ts';

/** What every section of the view is drawn from. */
export interface SectionProps {
  readonly manifest: RunManifest;
  /** Absent until it is read. */
  readonly document: SweepDocument | undefined;
  readonly sizeTrend: SizeTrendDocument;
  /** Methods on screen. */
  readonly shown: readonly string[];
  /** Names of the tasks, in the order of the list of tasks. */
  readonly tasks: readonly string[];
  readonly known: readonly TaskEntry[];
  readonly theme: ResolvedTheme;
  readonly title: (task: string) => string;
  /** The same of the point of a threshold. */
  readonly onSelect: (threshold: SizeThreshold) => void;
  /** Makes the plan of a point current and shows it. */
  readonly openPoint: (point: PointKey) => void;
}

const DELTA_SETTLE_MS = 120;

/**
 * The sweep read over the sizes of its models, at the margin on screen; the last answer stays while the next is on its
 * way.
 */
export const useSizeTrend = (
  run: string | null,
): { readonly sizeTrend: SizeTrendDocument | undefined; readonly error: SerialisedError | null } => {
  const settled = useDebounced(
    useStore(curvesStore, (state) => state.delta),
    DELTA_SETTLE_MS,
  );
  const familywise = useStore(curvesStore, (state) => state.familywise);
  const { data, error } = useQuery(
    'sweep.sizeTrend',
    run === null ? null : { run, familywise, delta: settled ?? undefined },
  );
  return { sizeTrend: useLasting(data, run ?? ''), error };
};

/** Makes a point's plan the one on screen and shows it in the workbench. */
export const openInWorkbench = (point: PointKey, brought: Brought): void => {
  curvesStore.getState().chooseMode('difference');
  showPoint(point, brought);
  layoutStore.getState().show('workbench');
};

type Named = Pick<SizeThreshold, 'model' | 'task' | 'method' | 'lastSafe' | 'firstUnsafe'>;

/**
 * The measured point that a threshold stands for: at the last safe factor, or where none above 1 is safe at the first
 * unsafe one (cannot tell: at the smallest). Of several draws the one that the rule reads: with the lowest one-sided
 * end.
 */
export const thresholdPoint = (
  results: readonly SweepResult[],
  { model, task, method, lastSafe, firstUnsafe }: Named,
): SweepResult | null => {
  const own = results.filter(
    (result) => result.model === model && result.task === task && result.method === method && result.factor > 1,
  );
  const smallest = minOf(own.map(({ factor }) => factor));
  const factor = lastSafe !== null && lastSafe > 1 ? lastSafe : (firstUnsafe ?? smallest);
  return own
    .filter((result) => result.factor === factor)
    .reduce<SweepResult | null>(
      (lowest, result) => (lowest === null || result.lowOneSided < lowest.lowOneSided ? result : lowest),
      null,
    );
};
