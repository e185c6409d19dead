import type { SerialisedError } from '../../../main/contract/errors.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { isSameFactor, type SweepDocument, type SweepResult } from '../../../main/contract/sweep.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { minOf } from '../../../main/statistics/extremes.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useLasting } from '../../engine/use-settled.ts';
import { layoutStore } from '../../state/layout-store.ts';
import type { PointKey } from '../../state/selection.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { curvesStore } from '../../state/view-stores.ts';
import { showPoint } from '../../sweep/brought.ts';
import { useReading } from '../../sweep/shown-sweep.ts';
import { type Facts } from '../../engine/facts.ts';

/** Props of all sections of the view. */
export interface SectionProps {
  readonly manifest: RunManifest;
  /** Absent until read. */
  readonly document: SweepDocument | undefined;
  readonly sizeTrend: SizeTrendDocument;
  readonly shown: readonly string[];
  /** Task names in the order of the task list. */
  readonly tasks: readonly string[];
  readonly known: readonly TaskEntry[];
  readonly theme: ResolvedTheme;
  readonly title: (task: string) => string;
  readonly isSelected: (threshold: SizeThreshold) => boolean;
  readonly onSelect: (threshold: SizeThreshold) => void;
  /** Makes the plan of a point current and opens the workbench. */
  readonly openPoint: (point: PointKey) => void;
}

/** Props of sections on what a sweep measured, once it is read. */
export type MeasuredProps = SectionProps & { readonly document: SweepDocument };

/**
 * The sweep evaluated over the sizes of its models, at the selected margin; the last answer stays while the next is
 * fetched.
 */
export const useSizeTrend = (
  run: string | null,
): { readonly sizeTrend: SizeTrendDocument | undefined; readonly error: SerialisedError | null } => {
  const { familywise, settled } = useReading();
  const { data, error } = useQuery(
    'sweep.sizeTrend',
    run === null ? null : { run, familywise, delta: settled ?? undefined },
  );
  return { sizeTrend: useLasting(data, run ?? ''), error };
};

/** Makes a point's plan current and opens the workbench. */
export const openInWorkbench = (facts: Facts, point: PointKey): void => {
  curvesStore.setState({ mode: 'difference' });
  showPoint(facts, point);
  layoutStore.getState().show('workbench');
};

type Named = Pick<SizeThreshold, 'model' | 'task' | 'method' | 'lastSafe' | 'firstUnsafe'>;

/**
 * The measured point that a threshold rests on: at the last safe factor; if no factor above 1 is safe, at the first
 * unsafe one (cannot tell: at the smallest). Of several draws, the one that decides: the lowest one-sided end.
 */
export const thresholdPoint = (
  results: readonly SweepResult[],
  { model, task, method, lastSafe, firstUnsafe }: Named,
): SweepResult | null => {
  const matchingResults = results.filter(
    (result) => result.model === model && result.task === task && result.method === method && result.factor > 1,
  );
  const smallest = minOf(matchingResults.map(({ factor }) => factor));
  const factor = lastSafe !== null && lastSafe > 1 ? lastSafe : (firstUnsafe ?? smallest);
  return matchingResults
    .filter((result) => isSameFactor(result.factor, factor))
    .reduce<SweepResult | null>(
      (lowest, result) => (lowest === null || result.lowOneSided < lowest.lowOneSided ? result : lowest),
      null,
    );
};
