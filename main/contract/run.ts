import { z } from 'zod';
import {
  boundedList,
  boundedRecord,
  boundedText,
  moment,
  MOST_MODELS,
  MOST_TASKS,
  sentence,
  shortName,
  TITLE_CHARACTERS,
} from './bounds.ts';
import { runProvenance } from './provenance.ts';
import { recordedModel, runCircumstances, runState } from './recorded.ts';
import { runKind } from './run-kinds.ts';

/** A tag is one word: the filter and the command line split words at spaces and commas. */
export const runTag = z.string().regex(/^[^\s,#]{1,40}$/, 'a tag is one word of at most 40 letters without # or comma');

/** The user's label of a run. Stored beside the manifest, part of no content key; may change at any time. */
export const runLabel = z.object({
  /** Null: the run's own title. */
  name: z.string().min(1).max(200).nullable(),
  note: z.string().max(10_000),
  tags: z.array(runTag).max(32),
  /** Hidden from lists by default. */
  archived: z.boolean(),
});
export type RunLabel = z.infer<typeof runLabel>;

export const NO_LABEL: RunLabel = { name: null, note: '', tags: [], archived: false };

/** The fields to change; the rest stays. */
export const runLabelChange = runLabel.partial();
export type RunLabelChange = z.infer<typeof runLabelChange>;

/** A run's label in a list: with the reason where its file cannot be read, so that it is not mistaken for empty. */
export const listedLabel = runLabel.extend({ unreadable: boundedText.optional() });
export type ListedLabel = z.infer<typeof listedLabel>;

/** The name of a run as lists show it: the user's, or the run's own title. */
export const runName = ({
  title,
  label,
}: {
  readonly title: string;
  readonly label?: ListedLabel | undefined;
}): string => label?.name ?? title;

/** Tags in a typed text, separated by spaces or commas, with or without a leading #; duplicates removed. */
export const tagsIn = (typed: string): readonly string[] => [
  ...new Set(
    typed
      .split(/[\s,]+/)
      .map((word) => word.replace(/^#+/, ''))
      .filter((word) => word !== ''),
  ),
];

/** Written first, and again when the run ends: everything needed to repeat it. */
export const runManifest = z.object({
  id: shortName,
  kind: runKind,
  title: z.string().max(TITLE_CHARACTERS),
  createdAt: moment,
  finishedAt: moment.nullable(),
  state: runState,
  error: sentence.nullable(),
  /** The kind's own settings, complete: a sweep's settings, an export's plan. */
  spec: boundedRecord(shortName, z.unknown()),
  /** Paths are absolute, or `bundled:NAME` for bundled models. */
  models: z.array(recordedModel).max(MOST_MODELS),
  tasks: z.array(z.object({ name: shortName, path: sentence, hash: shortName })).max(MOST_TASKS),
  ...runCircumstances,
  commandLine: sentence,
  /** Path of the finished run's output (an export's folder, a profile's file); null where there is none. */
  output: sentence.nullable(),
  /** The bundled sweep: copied into a new workspace, so that its first screen is not empty. */
  sample: z.boolean().optional(),
  /**
   * When this user last confirmed and resumed the run, which was not made here. What the manifest states, and what was
   * computed before, came from elsewhere: such a run never counts as measured here.
   */
  adoptedAt: moment.optional(),
  /** Only in a list: why the run cannot be read. It can only be moved to the trash. */
  damaged: boundedText.optional(),
  /** Only in a list: the user's label. */
  label: listedLabel.optional(),
  /** Only in a list: whether an interrupted run was still waiting for its turn. */
  waited: z.boolean().optional(),
  /** Only in a list: the finding of a finished verification or reproduction. */
  finding: z.enum(['equal', 'different']).optional(),
  /** Only as read: whether the run was measured here. */
  provenance: runProvenance.optional(),
});
export type RunManifest = z.infer<typeof runManifest>;

/** A manifest without the fields that are derived when it is read: what its file contains. */
export const storedManifest = ({
  damaged: _damaged,
  label: _label,
  waited: _waited,
  finding: _finding,
  provenance: _provenance,
  ...stored
}: RunManifest): RunManifest => stored;

export const manifestText = (manifest: RunManifest): string => `${JSON.stringify(storedManifest(manifest), null, 2)}\n`;

/** A run in the workspace's trash, by the name of its folder there. */
export const trashedRun = z.object({
  entry: boundedText,
  run: boundedText,
  kind: runKind,
  /** Its name; its id where the run cannot be read. */
  name: boundedText,
  trashedAt: moment,
  sizeBytes: z.number(),
});
export type TrashedRun = z.infer<typeof trashedRun>;

/** A job's progress: the title is constant, the description changes. */
export const jobProgress = z.object({
  run: boundedText,
  kind: runKind,
  title: boundedText,
  description: boundedText,
  done: z.number(),
  total: z.number(),
  /** Steps that were already on disk. */
  reused: z.number(),
  elapsedMs: z.number(),
  /** Range for the time left; null until it can be estimated. */
  leftMs: z.object({ low: z.number(), high: z.number() }).nullable(),
});
export type JobProgress = z.infer<typeof jobProgress>;

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

/**
 * Milliseconds from a run's creation to its end, including waits and interruptions; null while it has not ended, and
 * where the clock was set back meanwhile.
 */
export const runDurationMs = ({ createdAt, finishedAt }: RunManifest): number | null => {
  if (finishedAt === null) return null;
  const took = Date.parse(finishedAt) - Date.parse(createdAt);
  return took < 0 ? null : took;
};

/** Orders runs: the newest first. */
export const byNewest = (left: RunManifest, right: RunManifest): number =>
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

/** Kind of a line in a job's log. */
export const logLineKind = z.enum(['state', 'step', 'point', 'curtailed', 'problem']);

export const logLine = z.object({
  at: moment,
  kind: logLineKind,
  text: boundedText,
});
export type LogLine = z.infer<typeof logLine>;

/** Log of a run, oldest line first. */
export const jobLog = z.object({
  run: boundedText,
  lines: boundedList(logLine),
  /** Why lines are missing or unreadable; null: the log is complete. */
  missing: boundedText.nullable(),
});
export type JobLog = z.infer<typeof jobLog>;
