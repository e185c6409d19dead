import type { RunManifest } from '../../main/contract/run.ts';
import { inTaskTitles, type NamedTasks } from '../../main/words/task-titles.ts';

/** The user's name for a run; else its title, with display names of tasks. */
export const shownRunName = (run: Pick<RunManifest, 'title' | 'label'>, tasks: NamedTasks): string =>
  run.label?.name ?? inTaskTitles(run.title, tasks);

/** Text that the run filter searches: a run's own text and the displayed names of the run and its tasks. */
export const shownRunText = (run: Pick<RunManifest, 'title' | 'label' | 'tasks'>, tasks: NamedTasks): string =>
  [
    shownRunName(run, tasks),
    ...run.tasks.flatMap(({ name }) => tasks.find((task) => task.name === name)?.title ?? []),
  ].join('\n');

/** Whether the run is neither running nor queued. */
export const isAtRest = ({ state }: Pick<RunManifest, 'state'>): boolean => state !== 'running' && state !== 'queued';
