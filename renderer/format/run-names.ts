import type { RunManifest } from '../../main/contract/run.ts';
import { inTaskTitles, type NamedTasks } from './task-titles.ts';

/** What a person called a run; else its title, with tasks under the names that the lists show. */
export const shownRunName = (run: Pick<RunManifest, 'title' | 'label'>, tasks: NamedTasks): string =>
  run.label?.name ?? inTaskTitles(run.title, tasks);

/** What the list of runs is searched by besides what a run says itself: the names that it and its tasks have there. */
export const shownRunText = (run: Pick<RunManifest, 'title' | 'label' | 'tasks'>, tasks: NamedTasks): string =>
  [
    shownRunName(run, tasks),
    ...run.tasks.flatMap(({ name }) => tasks.find((task) => task.name === name)?.title ?? []),
  ].join('\n');
