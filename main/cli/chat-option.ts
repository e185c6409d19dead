import { basename } from 'node:path';
import { unusedTemplateNote } from '../tasks/chat/ask-tasks.ts';
import { chatTemplateFile } from '../tasks/chat/read-chat-template.ts';
import type { Verb } from './verb.ts';

/** The option of verbs that ask tasks. */
export const CHAT_OPTION = {
  chat: {
    type: 'boolean',
    help:
      "Ask through the model's own chat template, few-shot examples as turns (as lm-evaluation-harness's " +
      '--apply_chat_template --fewshot_as_multiturn).',
  },
} as const satisfies Verb['options'];

/** Warns, for every model that has a chat template, that the template is not applied. */
export const sayUnusedTemplates = async (folders: readonly string[], say: (line: string) => void): Promise<void> => {
  for (const folder of folders) {
    const file = await chatTemplateFile(folder);
    if (file !== null) say(`${basename(folder)}: ${unusedTemplateNote(file)}`);
  }
};
