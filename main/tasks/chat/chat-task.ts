import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { TaskItem } from '../../contract/task.ts';
import { noChatTemplate, noTurns } from '../../contract/start-rules.ts';
import { refuse } from '../../contract/errors.ts';
import { canonicalJson } from '../../files/canonical-json.ts';
import type { PromptTurns } from '../few-shot.ts';
import { isChoiceItem, isTextItem, isWrittenItem, type Task } from '../task.ts';
import { WorkMeter } from '../template/work-meter.ts';
import { type ChatMessage, type ChatTemplate, readChatTemplate, renderChat } from './chat-template.ts';

/** A user and an assistant turn for each example, then the user turn of the question. */
export const messagesOf = ({ system, examples, question }: PromptTurns): readonly ChatMessage[] => [
  ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
  ...examples.flatMap((example): readonly ChatMessage[] => {
    const asked = { role: 'user' as const, content: example.question };
    return example.answer === '' ? [asked] : [asked, { role: 'assistant' as const, content: example.answer }];
  }),
  { role: 'user', content: question },
];

/** Turns of an item that is one text: a single user turn. */
const singleTurn = (item: TaskItem): PromptTurns => ({
  system: '',
  examples: [],
  question: isTextItem(item) ? item.text : item.context,
  replies: isChoiceItem(item) ? item.choices : isWrittenItem(item) ? item.answers : [],
});

/**
 * Phrases a task with a checkpoint's own chat template, as lm-evaluation-harness 0.4.13 does with
 * `--apply_chat_template --fewshot_as_multiturn`: the description is the system turn, examples are turns of user and
 * assistant, and choices follow the prompt without a delimiter. The template is part of the new task's hash. `now` is
 * the date that a template prints.
 *
 * Refuses texts, which have no turns, and everything that the template refuses, naming its file and the item's id.
 */
export const chatTask = (task: Task, chat: ChatTemplate, now: () => Date): Task => {
  if (task.harness !== undefined)
    throw refuse(
      'no-turns',
      `${task.name}: lm-evaluation-harness built its prompts as plain text, without a chat template.`,
      'Switch the chat template off.',
    );
  const meter = new WorkMeter();
  let withoutSystem = 0;
  const asked = (item: TaskItem, turns: PromptTurns): TaskItem => {
    if (isTextItem(item)) throw noTurns(task);
    const { text, isWithoutSystem } = renderChat(
      chat,
      messagesOf(turns),
      `item "${item.id}" of ${task.name}`,
      now,
      meter,
    );
    if (isWithoutSystem) withoutSystem++;
    return isChoiceItem(item)
      ? { ...item, context: text, choices: [...turns.replies] }
      : { ...item, context: text, answers: turns.replies };
  };
  const split = (name: 'calibration' | 'test'): readonly TaskItem[] =>
    task[name].map((item, index) => asked(item, task.turns?.[name][index] ?? singleTurn(item)));
  const [calibration, test] = [split('calibration'), split('test')];
  const rendered = createHash('sha256').update(canonicalJson({ calibration, test })).digest('hex');
  const sentences = [
    task.description,
    `Asked through the chat template of ${basename(chat.file)}.`,
    withoutSystem === 0
      ? ''
      : `It takes no system turn, so ${String(withoutSystem)} items are asked without their description.`,
  ];
  return {
    ...task,
    calibration,
    test,
    turns: null,
    description: sentences.filter((sentence) => sentence !== '').join(' '),
    hash: createHash('sha256')
      .update(canonicalJson({ task: task.hash, chat: chat.hash, rendered }))
      .digest('hex'),
  };
};

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
