import type { CompareDocument } from '../contract/compare.ts';
import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SizeTrendDocument } from '../contract/size-trend.ts';
import type { SweepDocument } from '../contract/sweep.ts';

/** Everything that a report shows. */
export interface ReportSource {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
  readonly sizeTrend: SizeTrendDocument;
  /** The methods against each other, per model; absent or empty where there is nothing to compare. */
  readonly comparisons?: readonly CompareDocument[];
  readonly profiles: readonly { readonly model: string; readonly profiles: readonly TaskProfile[] }[];
}
