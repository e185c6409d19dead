import { noChatTemplate } from '../../contract/start-rules.ts';
import type { Task } from '../task.ts';
import { chatTask } from './chat-task.ts';
import { readChatTemplate } from './read-chat-template.ts';

/**
 * Phrases tasks with a checkpoint's own chat template (the chat switch). Refuses a model folder without a template, and
 * everything that chatTask refuses.
 */
export const askTasks = async (folder: string, tasks: readonly Task[], now: () => Date): Promise<readonly Task[]> => {
  const chat = await readChatTemplate(folder);
  if (chat === null) throw noChatTemplate(folder);
  return tasks.map((task) => chatTask(task, chat, now));
};

/** Note for a model with a template, in `file`, while the switch is off. */
export const unusedTemplateNote = (file: string): string =>
  `It has a chat template (${file}): tasks are asked as plain text unless the chat switch (--chat) is on.`;
