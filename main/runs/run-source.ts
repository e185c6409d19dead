import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, type ZlibOptions } from 'node:zlib';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { choiceLengths, type TaskItem } from '../contract/task.ts';
import type { MeasuredMethods } from '../evaluation/comparison/document.ts';
import type { ItemRule } from '../evaluation/followed-outcome.ts';
import { type MeasuredPairs, recordedTrainings, type RecordedTrainings } from '../evaluation/size-trend/document.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { createPathCache, pathSignature } from '../files/path-signature.ts';
import { readBytesIfThere } from '../files/regular-file.ts';
import { judgeFirst, type Judging } from '../tasks/generation/judging.ts';
import { furtherPaths, loadTask } from '../tasks/load-task.ts';
import { isChoiceItem, isTextItem, type Task } from '../tasks/task.ts';
import { titlesOf } from '../words/task-titles.ts';
import { bundledRecords } from '../workspace/bundled-records.ts';
import { actualPath, bundledModels, bundledTasks, recordedPath } from '../workspace/library.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { createRunBindings } from '../workspace/run-binding.ts';
import type { Vouching } from '../workspace/run-store.ts';
import { readUserKey } from '../workspace/user-key.ts';
import type { BundledModels } from './bundled-models.ts';
import { createKeptAnswers, type KeptAnswers } from './kept-answers.ts';
import { createKnownChecks, type KnownChecks, type MeasuredRuns } from './known-checks.ts';

/** Number of documents, pairs and measured methods that are kept: enough for a few runs viewed in turn. */
const MOST_KEPT = 8;

/** The runs of a workspace, with everything needed to read them. */
export interface RunSource extends Pick<Workspace, 'runs' | 'steps'> {
  readonly resources: string;
  /** Earlier checks of results against their outcomes. */
  readonly knownChecks: KnownChecks;
  readonly bundled: BundledModels;
  /** Answers about finished runs that were computed before. */
  readonly kept: KeptAnswers;
  readonly checked: RunMemo<SweepDocument | null>;
  readonly pairs: RunMemo<MeasuredPairs>;
  readonly methods: RunMemo<MeasuredMethods>;
  /** Whether one of our engines works on the run now: its files are still changing. */
  isLive(run: string): boolean;
  /** The manifest of a run with its provenance; without one for a run that one of our engines works on. */
  vouched(run: string): Promise<RunManifest>;
  rulesOf(manifest: Pick<RunManifest, 'tasks'>): FindRules;
  /** Titles of a run's tasks: those of unchanged tasks, else their names. */
  titlesOf(manifest: Pick<RunManifest, 'tasks'>): Promise<(task: string) => string>;
}

/**
 * The unchanged task of a run: a bundled one, or one that this workspace remembers. No other folder is read, since the
 * run that names it may come from a stranger.
 */
const createTaskFinder = (
  { library }: Pick<Workspace, 'library'>,
  tasks: ReadonlyMap<string, string>,
): ((task: RunManifest['tasks'][number]) => Promise<Task | null>) => {
  const whereNamed = (path: string): string => actualPath(path, tasks);
  const load = createPathCache(
    (path) => loadTask(path, whereNamed),
    (path) => furtherPaths(path, whereNamed),
  );
  return async ({ path, hash }) => {
    const bundled = [...tasks.values()].filter((folder) => recordedPath(folder, tasks) === path);
    const remembered = (await library.list('tasks')).flatMap((entry) => (entry.hash === hash ? [entry.path] : []));
    for (const taskPath of [...bundled, ...remembered]) {
      try {
        const task = await load(taskPath);
        if (task.hash === hash) return task;
      } catch (error) {
        // The task is gone or has changed: the run is read without it, and reports that.
        if (!(error instanceof WorkbenchError)) throw error;
      }
    }
    return null;
  };
};

/** Where manifests are read: those of a `RunSource` come with their provenance. */
export type ManifestSource = Pick<RunSource, 'runs'> & Partial<Pick<RunSource, 'vouched'>>;

export const manifestOf = ({ runs, vouched }: ManifestSource, run: string): Promise<RunManifest> =>
  vouched === undefined ? runs.read(run) : vouched(run);

/** What this user's folder says about runs; null: nothing is known of this user. */
export const vouchingBy = async (
  state: string | null,
  { runs, temporaryFolder }: Pick<Workspace, 'runs' | 'temporaryFolder'>,
): Promise<Vouching> => {
  if (state === null) return { key: null, isBound: () => Promise.resolve(false) };
  const { isBound } = createRunBindings(state, { folderOf: runs.folder, temporaryFolder });
  return { key: await readUserKey(state), isBound };
};

export const openRunSource = async (
  workspace: Workspace,
  resources: string,
  {
    state = null,
    isLive = () => false,
    measured,
  }: {
    /** This user's folder outside of workspaces, in which checks are remembered; null: none are. */
    readonly state?: string | null;
    readonly isLive?: (run: string) => boolean;
    /** Runs that this process has measured: it need not check them. */
    readonly measured?: MeasuredRuns;
  } = {},
): Promise<RunSource> => {
  const { runs, steps } = workspace;
  const find = createTaskFinder(workspace, await bundledTasks(resources));
  let recorded: ReturnType<typeof readRecordedTrainings> | null = null;
  return {
    vouched: async (run) => {
      const manifest = await runs.read(run);
      if (isLive(run)) return manifest;
      return { ...manifest, provenance: await runs.provenance(run, await vouchingBy(state, workspace)) };
    },
    runs,
    steps,
    resources,
    knownChecks: createKnownChecks(state, Object.values(bundledRecords), measured),
    kept: createKeptAnswers(state),
    checked: createRunMemo(runs.folder, isLive, MOST_KEPT),
    pairs: createRunMemo(runs.folder, isLive, MOST_KEPT),
    methods: createRunMemo(runs.folder, isLive, MOST_KEPT),
    bundled: {
      folders: [...(await bundledModels(resources)).values()],
      // Loaded on use: most readings open no model.
      open: createPathCache(async (folder: string) =>
        (await import('../checkpoint/open-checkpoint.ts')).openCheckpoint(folder),
      ),
      recorded: () => (recorded ??= readRecordedTrainings(resources)),
    },
    isLive,
    rulesOf: (manifest) => findRulesOf(manifest, find),
    titlesOf: async ({ tasks }) =>
      titlesOf(
        await Promise.all(
          tasks.map(async (task) => ({ name: task.name, title: (await find(task))?.title ?? task.name })),
        ),
      ),
  };
};

/** Keeps a value computed from a run's files as long as none of them changes. */
export type RunMemo<T> = (run: string, key: string, make: () => Promise<T>) => Promise<T>;

/**
 * Remembers the last `most` values, by run and key. Values of a run that is being worked on are computed each time, and
 * failures are not remembered.
 */
export const createRunMemo = <T>(
  folderOf: (run: string) => string,
  isLive: (run: string) => boolean,
  most: number,
): RunMemo<T> => {
  const known = new Map<string, { readonly signature: string; readonly value: Promise<T> }>();
  return async (run, key, make) => {
    if (isLive(run)) return make();
    const name = JSON.stringify([run, key]);
    const signature = await pathSignature(folderOf(run));
    const before = known.get(name);
    if (before?.signature === signature) return before.value;
    const value = make();
    known.delete(name);
    known.set(name, { signature, value });
    for (const oldest of [...known.keys()].slice(0, Math.max(0, known.size - most))) known.delete(oldest);
    try {
      return await value;
    } catch (error) {
      if (known.get(name)?.value === value) known.delete(name);
      throw error;
    }
  };
};

const unpack = promisify<Uint8Array, ZlibOptions, Buffer>(gunzip);
/** The recorded trainings have 0.1 MB, 2 MB unpacked. */
const MAX_TRAININGS_BYTES = 64 * 2 ** 20;

/** File with results of trainings whose weights are not bundled. */
export const recordedTrainingsFile = (resources: string): string => join(resources, 'sample', 'trainings.json.gz');

/** Recorded results of other trainings of the bundled sizes; null in a package without them. */
export const readRecordedTrainings = async (resources: string): Promise<RecordedTrainings | null> => {
  const file = recordedTrainingsFile(resources);
  const packed = await readBytesIfThere(file, { mostBytes: MAX_TRAININGS_BYTES });
  if (packed === null) return null;
  try {
    const content = (await unpack(packed, { maxOutputLength: MAX_TRAININGS_BYTES })).toString('utf8');
    return recordedTrainings.parse(parseForeignJson(content));
  } catch (cause) {
    throw refuse(
      'recording-damaged',
      `${file} is damaged: ${cause instanceof Error ? cause.message : String(cause)}`,
      'Install the workbench again.',
    );
  }
};

/** The rules that judge answers to a task's items, by item. */
export type ItemRules = ReadonlyMap<string, ItemRule>;

/** The rules of a run's task by its name; null where the task is not available unchanged. */
export type FindRules = (
  task: string,
) => Promise<{ readonly metric: Task['metric']; readonly rules: ItemRules } | null>;

const ruleOf = (item: TaskItem, judging: Judging | undefined): ItemRule | null => {
  if (isTextItem(item)) return { kind: 'text' };
  if (isChoiceItem(item)) {
    const { answer, alsoRight, group } = item;
    return { kind: 'choice', answer, alsoRight, characters: choiceLengths(item), group };
  }
  // What a task's own Python said cannot be asked again here: the verdict is that of the file.
  if (judging === undefined || judging.rule.python !== undefined) return null;
  return {
    kind: 'written',
    judge: (text, hasEnded) => judgeFirst(judging, item, text, hasEnded),
  };
};

const rulesOf = ({ test, judging }: Task): ItemRules =>
  new Map(
    test.flatMap((item): [string, ItemRule][] => {
      const rule = ruleOf(item, judging);
      return rule === null ? [] : [[item.id, rule]];
    }),
  );

/**
 * Finds the rules of a run's tasks. `open` returns the task with this hash, or null: it decides which folders are read,
 * since the run may come from a stranger.
 */
export const findRulesOf = (
  { tasks }: Pick<RunManifest, 'tasks'>,
  open: (task: RunManifest['tasks'][number]) => Promise<Task | null>,
): FindRules => {
  const known = new Map<string, ReturnType<FindRules>>();
  const find = async (name: string): ReturnType<FindRules> => {
    const recorded = tasks.find((task) => task.name === name);
    const task = recorded === undefined ? null : await open(recorded);
    return task === null ? null : { metric: task.metric, rules: rulesOf(task) };
  };
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const found = find(name);
    known.set(name, found);
    return found;
  };
};
