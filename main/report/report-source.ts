import { type Names, PLAIN_NAMES } from '../figures/columns.ts';
import { methodTitle } from '../words/methods.ts';
import type { CompareDocument } from '../contract/compare.ts';
import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SizeTrendDocument } from '../contract/size-trend.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import type { Frontier } from '../evaluation/frontier.ts';

/** Tasks and methods as a reader of the report knows them. */
export const namesOf = ({ titles }: Pick<ReportSource, 'titles'>): Names => ({
  task: titles ?? PLAIN_NAMES.task,
  method: methodTitle,
});

export interface ReportSource {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
  readonly sizeTrend: SizeTrendDocument;
  /** Comparisons of methods per model; absent or empty if there is nothing to compare. */
  readonly comparisons?: readonly CompareDocument[];
  /** Accuracy against bytes; absent where stored weights only were measured. */
  readonly frontier?: Frontier | undefined;
  /** Titles of tasks; absent: their names. */
  readonly titles?: ((task: string) => string) | undefined;
  readonly profiles: readonly { readonly model: string; readonly profiles: readonly TaskProfile[] }[];
}
