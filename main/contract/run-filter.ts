import { runName } from './run-label.ts';
import type { RunManifest } from './run.ts';

// The window's list and `uncurl runs` filter and sort by the same functions, so that they cannot differ.

export const runOrders = ['newest', 'name', 'kind', 'duration'] as const;
export type RunOrder = (typeof runOrders)[number];

export interface RunFilter {
  /** Words that must all occur in a run's name, models, tasks, kind, state, tags or note; `#x`: a tag. */
  readonly text: string;
  /** Tags that a run must all have. */
  readonly tags: readonly string[];
  /** Whether archived runs are shown too. */
  readonly archived: boolean;
}

export const ALL_RUNS: RunFilter = { text: '', tags: [], archived: false };

const small = (text: string): string => text.toLowerCase();

/** A run's name in a list, or the rest of its text there. */
type TextOfRun = (run: RunManifest) => string;

const searchedText = (run: RunManifest, saidOf: TextOfRun): string =>
  small(
    [
      run.id,
      saidOf(run),
      runName(run),
      run.title,
      run.kind,
      run.damaged === undefined ? run.state : 'damaged',
      ...run.models.map(({ name }) => name),
      ...run.tasks.map(({ name }) => name),
      ...(run.label?.tags ?? []),
      run.label?.note ?? '',
    ].join('\n'),
  );

/** The runs that pass a filter, in their order; also matches the text that a list shows for them. */
export const filterRuns = (
  runs: readonly RunManifest[],
  { text, tags, archived }: RunFilter,
  saidOf: TextOfRun = runName,
): readonly RunManifest[] => {
  const words = small(text)
    .split(/\s+/)
    .filter((word) => word !== '' && word !== '#');
  const wanted = [...tags.map(small), ...words.filter((word) => word.startsWith('#')).map((word) => word.slice(1))];
  const sought = words.filter((word) => !word.startsWith('#'));
  return runs.filter((run) => {
    if (!archived && run.label?.archived === true) return false;
    const worn = (run.label?.tags ?? []).map(small);
    if (!wanted.every((tag) => worn.includes(tag))) return false;
    if (sought.length === 0) return true;
    const found = searchedText(run, saidOf);
    return sought.every((word) => found.includes(word));
  });
};

/** Milliseconds from a run's creation to its end, including waits and interruptions; null while it has not ended. */
export const runDurationMs = ({ createdAt, finishedAt }: RunManifest): number | null =>
  finishedAt === null ? null : Math.max(0, Date.parse(finishedAt) - Date.parse(createdAt));

const byNewest = (left: RunManifest, right: RunManifest): number =>
  right.createdAt.localeCompare(left.createdAt) || right.id.localeCompare(left.id);

const comparisons: Readonly<Record<RunOrder, (left: RunManifest, right: RunManifest, nameOf: TextOfRun) => number>> = {
  newest: () => 0,
  name: (left, right, nameOf) => nameOf(left).localeCompare(nameOf(right), 'en', { numeric: true }),
  kind: (left, right) => left.kind.localeCompare(right.kind),
  duration: (left, right) => (runDurationMs(right) ?? -1) - (runDurationMs(left) ?? -1),
};

/** Sorted runs; among equals the newest first. `duration`: the longest first, unfinished runs last. */
export const sortRuns = (
  runs: readonly RunManifest[],
  order: RunOrder,
  nameOf: TextOfRun = runName,
): readonly RunManifest[] =>
  [...runs].sort((left, right) => comparisons[order](left, right, nameOf) || byNewest(left, right));
