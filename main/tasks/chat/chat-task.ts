import { basename } from 'node:path';
import type { TaskItem } from '../../contract/task.ts';
import { noChatTemplate, noTurns } from '../../contract/start-rules.ts';
import type { ChatSettings } from '../../contract/chat.ts';
import { present, refuse } from '../../contract/errors.ts';
import { contentHash } from '../../files/checksums.ts';
import type { PromptTurns } from '../few-shot.ts';
import { turnsOf } from '../load-task-folder.ts';
import { describedBy, isChoiceItem, isTextItem, isWrittenItem, type Task } from '../task.ts';
import type { ChatMessage, RenderedChat } from './chat-messages.ts';
import { type ChatTemplate, readChatTemplate } from './chat-template.ts';
import { type Conversation, renderChats } from './render-chats.ts';

/** A user and an assistant turn for each example, then the user turn of the question. */
export const messagesOf = ({ system, examples, question }: PromptTurns): readonly ChatMessage[] => [
  ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
  ...examples.flatMap((example): readonly ChatMessage[] => {
    const asked = { role: 'user' as const, content: example.question };
    return example.answer === '' ? [asked] : [asked, { role: 'assistant' as const, content: example.answer }];
  }),
  { role: 'user', content: question },
];

/**
 * Ends of thinking of known families: Qwen, DeepSeek, GLM, MiniMax and others; Magistral; Seed-OSS; gpt-oss, whose last
 * channel begins so.
 */
const THINK_ENDS = ['</think>', '[/THINK]', '</seed:think>'] as const;
const CHANNELS = { named: '<|channel|>final', end: '<|message|>' } as const;

/** The end of thinking that a template names; null where it names none. */
export const knownThinkEnd = ({ source }: Pick<ChatTemplate, 'source'>): string | null =>
  THINK_ENDS.find((end) => source.includes(end)) ?? (source.includes(CHANNELS.named) ? CHANNELS.end : null);

/** Turns of a task's items, calibration items first. */
const itemTurns = (task: Task): readonly { readonly item: TaskItem; readonly turns: PromptTurns }[] =>
  (['calibration', 'test'] as const).flatMap((split) => {
    const turns = task.turns?.[split] ?? turnsOf(task[split], []);
    return task[split].map((item, index) => ({
      item,
      turns: present(turns[index], `item "${item.id}" without turns`),
    }));
  });

const conversationsOf = (task: Task): readonly Conversation[] => {
  if (task.harness !== undefined && (task.turns ?? null) === null)
    throw refuse(
      'no-turns',
      `${task.name}: its folder has only the whole prompts of lm-evaluation-harness, not their turns.`,
      'Import it again (uncurl import NAME), or switch the chat template off: some tasks cannot be asked in turns.',
    );
  return itemTurns(task).map(({ item, turns }) => {
    if (isTextItem(item)) throw noTurns(task);
    return { messages: messagesOf(turns), location: `item "${item.id}" of ${task.name}` };
  });
};

/** A task whose prompts are the rendered ones, calibration items first. */
const askedTask = (
  task: Task,
  chat: ChatTemplate,
  rendered: readonly RenderedChat[],
  thinkEnd: string | null,
): Task => {
  const items = itemTurns(task).map(({ item, turns }, index): TaskItem => {
    const text = rendered[index]?.text;
    if (text === undefined || isTextItem(item)) throw new Error(`item "${item.id}" was not rendered`);
    return isChoiceItem(item)
      ? { ...item, context: text, choices: [...turns.replies] }
      : { ...item, context: text, answers: turns.replies, ...(thinkEnd === null ? {} : { thinkEnd }) };
  });
  const calibration = items.slice(0, task.calibration.length);
  const test = items.slice(task.calibration.length);
  const withoutSystem = rendered.filter(({ isWithoutSystem }) => isWithoutSystem).length;
  const description = describedBy(
    task.description,
    `Asked through the chat template of ${basename(chat.file)}.`,
    thinkEnd === null || !test.some(isWrittenItem) ? '' : `The answer is what follows the last ${thinkEnd}.`,
    withoutSystem === 0
      ? ''
      : `It takes no system turn, so ${withoutSystem} items are asked without their description.`,
  );
  return {
    ...task,
    calibration,
    test,
    turns: null,
    description,
    hash: contentHash({ task: task.hash, chat: chat.hash, rendered: contentHash({ calibration, test }) }),
  };
};

/**
 * Phrases tasks with a checkpoint's own chat template, as lm-evaluation-harness 0.4.13 does with
 * `--apply_chat_template --fewshot_as_multiturn`: the description is the system turn, examples are turns of user and
 * assistant, and choices follow the prompt without a delimiter. The template is part of the new tasks' hashes. `now` is
 * the date that a template prints. `thinkEnd`: text or token after which a written answer begins; '' for none, and by
 * default the one that the template names.
 *
 * Refuses texts, which have no turns, and what the template refuses, naming its file and the item's id.
 */
export const chatTasks = async (
  tasks: readonly Task[],
  chat: ChatTemplate,
  now: Date,
  thinkEnd = knownThinkEnd(chat),
): Promise<readonly Task[]> => {
  const conversations = tasks.map(conversationsOf);
  const rendered = await renderChats(chat, conversations.flat(), now);
  let from = 0;
  return tasks.map((task, index) => {
    const to = from + (conversations[index]?.length ?? 0);
    const asked = askedTask(task, chat, rendered.slice(from, to), thinkEnd === '' ? null : thinkEnd);
    from = to;
    return asked;
  });
};

/**
 * Phrases tasks with a checkpoint's own chat template (the chat switch). Refuses a model folder without a template, and
 * everything that chatTasks refuses.
 */
export const askTasks = async (
  folder: string,
  tasks: readonly Task[],
  now: Date,
  { chatArgs = {}, thinkEnd }: ChatSettings = {},
): Promise<readonly Task[]> => {
  const chat = await readChatTemplate(folder, chatArgs);
  if (chat === null) throw noChatTemplate(folder);
  return chatTasks(tasks, chat, now, thinkEnd);
};

/** Note for a model with a template, in `file`, while the switch is off. */
export const unusedTemplateNote = (file: string): string =>
  `It has a chat template (${file}): tasks are asked as plain text unless the chat switch (--chat) is on.`;
