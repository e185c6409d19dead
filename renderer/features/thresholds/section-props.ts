import type { RunManifest } from '../../../main/contract/run.ts';
import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import type { ResolvedTheme } from '../../app/theme.ts';

/** What every section of the view is drawn from. */
export interface SectionProps {
  readonly manifest: RunManifest;
  readonly family: SizeTrendDocument;
  /** Methods on screen. */
  readonly shown: readonly string[];
  /** Names of the tasks, in the order of the list of tasks. */
  readonly tasks: readonly string[];
  readonly known: readonly TaskEntry[];
  readonly theme: ResolvedTheme;
  readonly title: (task: string) => string;
  /** Selects the point of a threshold and shows its curve. */
  readonly onSelect: (threshold: SizeThreshold) => void;
}
