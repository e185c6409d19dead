import { join } from 'node:path';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { WorkbenchError } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import type { MeasuredMethods } from '../evaluation/comparison/document.ts';
import type { MeasuredPairs } from '../evaluation/size-trend/document.ts';
import { furtherPaths, loadTask } from '../tasks/load-task.ts';
import type { Task } from '../tasks/task.ts';
import { actualPath, bundledModels, bundledTasks, recordedPath } from '../workspace/library.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { createPathCache } from '../files/path-signature.ts';
import type { BundledModels } from './bundled-models.ts';
import { type FindRules, findRulesOf } from './item-rules.ts';
import { createKnownChecks, type KnownChecks } from './known-checks.ts';
import { readRecordedTrainings } from './recorded-trainings.ts';
import { createRunMemo, type RunMemo } from './run-memo.ts';

/** Number of documents, pairs and measured methods that are kept: enough for a few runs viewed in turn. */
const MOST_KEPT = 8;

/** The runs of a workspace, with everything needed to read them. */
export interface RunSource extends Pick<Workspace, 'runs' | 'steps'> {
  readonly resources: string;
  /** Earlier checks of results against their outcomes. */
  readonly knownChecks: KnownChecks;
  readonly bundled: BundledModels;
  readonly checked: RunMemo<SweepDocument | null>;
  readonly pairs: RunMemo<MeasuredPairs>;
  readonly methods: RunMemo<MeasuredMethods>;
  /** Whether one of our engines works on the run now: its files are still changing. */
  isLive(run: string): boolean;
  rulesOf(manifest: Pick<RunManifest, 'tasks'>): FindRules;
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

export const openRunSource = async (
  workspace: Workspace,
  resources: string,
  {
    state = null,
    isLive = () => false,
  }: {
    /** This user's folder outside of workspaces, in which checks are remembered; null: none are. */
    readonly state?: string | null;
    readonly isLive?: (run: string) => boolean;
  } = {},
): Promise<RunSource> => {
  const { runs, steps } = workspace;
  const find = createTaskFinder(workspace, await bundledTasks(resources));
  let recorded: ReturnType<typeof readRecordedTrainings> | null = null;
  return {
    runs,
    steps,
    resources,
    knownChecks: createKnownChecks(state, [join(resources, 'sample', 'run')]),
    checked: createRunMemo(runs.folder, isLive, MOST_KEPT),
    pairs: createRunMemo(runs.folder, isLive, MOST_KEPT),
    methods: createRunMemo(runs.folder, isLive, MOST_KEPT),
    bundled: {
      folders: [...(await bundledModels(resources)).values()],
      open: createPathCache(openCheckpoint),
      recorded: () => (recorded ??= readRecordedTrainings(resources)),
    },
    isLive,
    rulesOf: (manifest) => findRulesOf(manifest, find),
  };
};
