import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import { measuredWord } from '../contract/model.ts';
import type { Task } from '../tasks/task.ts';
import { recordedPath } from '../workspace/recorded-path.ts';
import { changedSinceRun, contentThenAndNow, thenAndNow } from './changed-since.ts';
import type { EngineContext } from './engine-context.ts';

/**
 * Why there is no profile of a model on a task that runs were made with before: one of the two has changed since; null
 * where neither has.
 */
export const changedSubject = async (context: EngineContext, { name, folder, fingerprint }: Checkpoint, task: Task): Promise<Error | null> => {
  const runs = await context.workspace.runs.list();
  const model = changedSinceRun(runs, 'models', recordedPath(folder, context.bundled.models), fingerprint);
  if (model !== undefined) {
    return refuse(
      'changed-since',
      `${name} has changed since it was ${measuredWord(model.kind) ?? 'used'} (${thenAndNow(model.hash, fingerprint)}): its profiles are of another model.`,
      'Profile it again, or restore the model.',
    );
  }
  const items = changedSinceRun(runs, 'tasks', recordedPath(task.path, context.bundled.tasks), task.hash);
  if (items === undefined) return null;
  return refuse(
    'changed-since',
    `The task ${task.name} has changed since it was used in "${items.title}" (${contentThenAndNow(items.hash, task.hash)}): its profile is of other items.`,
    'Profile the model on it again, or restore the task.',
  );
};
