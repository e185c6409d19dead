import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import { type ChangedSince, shortHash } from '../contract/model.ts';
import { runKinds } from '../contract/run-kinds.ts';
import type { RunManifest } from '../contract/run.ts';
import { isSameContent, UNHASHED } from '../contract/recorded.ts';
import type { Task } from '../tasks/task.ts';
import { recordedPath } from '../workspace/library.ts';
import type { EngineContext } from './engine-context.ts';

/** For example "header hash a1b2c3d4 then, c3d4e5f6 now". */
export const thenAndNow = (then: string, now: string): string =>
  `header hash ${shortHash(then)} then, ${shortHash(now)} now`;

export const contentThenAndNow = (then: string, now: string): string =>
  `content hash ${shortHash(then)} then, ${shortHash(now)} now`;

/**
 * The newest of `runs` (newest first) that measured other content at a recorded path; undefined if the content is the
 * same or was never measured.
 */
export const changedSinceRun = (
  runs: readonly RunManifest[],
  shelf: 'models' | 'tasks',
  recorded: string,
  now: string | { readonly fingerprint: string; readonly sha256: string },
): ChangedSince | undefined => {
  for (const { id, kind, title, createdAt, models, tasks } of runs) {
    const { measured } = runKinds[kind];
    if (measured === undefined) continue;
    const subjects =
      shelf === 'models'
        ? models.map((model) => ({
            path: model.path,
            then: model.fingerprint,
            isSame: typeof now !== 'string' && isSameContent(model, now),
          }))
        : tasks.map(({ path, hash: then }) => ({ path, then, isSame: then === now }));
    const subject = subjects.find(({ path, then }) => path === recorded && then !== UNHASHED);
    if (subject !== undefined)
      return subject.isSame ? undefined : { run: id, measured, title, createdAt, hash: subject.then };
  }
  return undefined;
};

/**
 * Why there is no profile of a model on a task that earlier runs used: one of the two has changed since; null if
 * neither has.
 */
export const changedSubject = async (
  context: EngineContext,
  { name, folder, content: { known } }: Checkpoint,
  task: Task,
): Promise<Error | null> => {
  const runs = await context.workspace.runs.list();
  const now = known === null ? null : { fingerprint: known.fingerprint, sha256: known.identity };
  const path = recordedPath(folder, context.bundled.models);
  const model = now === null ? undefined : changedSinceRun(runs, 'models', path, now);
  if (now !== null && model !== undefined) {
    return refuse(
      'changed-since',
      `${name} has changed since it was ${model.measured} ` +
        `(${thenAndNow(model.hash, now.fingerprint)}): its profiles belong to another model.`,
      'Profile it again, or restore the model.',
    );
  }
  const items = changedSinceRun(runs, 'tasks', recordedPath(task.path, context.bundled.tasks), task.hash);
  if (items === undefined) return null;
  return refuse(
    'changed-since',
    `The task ${task.name} has changed since it was used in "${items.title}" ` +
      `(${contentThenAndNow(items.hash, task.hash)}): its profile belongs to other items.`,
    'Profile the model on it again, or restore the task.',
  );
};
