import { askTasks } from '../tasks/chat/ask-tasks.ts';
import type { RunModel, RunTask } from './job-context.ts';

/**
 * The tasks as one model is asked them: through its chat template where `chat` says so. Their items and hashes are then
 * those of the rendered texts, so that profiles and outcomes of both forms never stand for each other.
 *
 * @throws WorkbenchError `no-chat-template`, and whatever the template refuses.
 */
export const askedTasks = async (
  { checkpoint }: Pick<RunModel, 'checkpoint'>,
  tasks: readonly RunTask[],
  chat: boolean | undefined,
  now: Date,
): Promise<readonly RunTask[]> => {
  if (chat !== true) return tasks;
  const asked = await askTasks(
    checkpoint.folder,
    tasks.map(({ task }) => task),
    () => now,
  );
  return tasks.map((task, index) => ({ ...task, task: asked[index] ?? task.task }));
};
