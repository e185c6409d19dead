import {
  calibrationAt,
  DEFAULT_SHARE,
  DEFAULT_SPLIT_SEED,
  type RecordedCalibration,
  type WritingRule,
} from '../contract/calibration.ts';
import { DEFAULT_NEW_TOKENS, DEFAULT_STOP } from '../tasks/generation/stop-rule.ts';
import type { ChatSettings } from '../contract/chat.ts';
import { refuse } from '../contract/errors.ts';
import type { PathHandle } from '../contract/model.ts';
import type { Engine } from '../engine/engine.ts';
import { calibrate } from '../tasks/calibration/task-document.ts';
import { loadTask } from '../tasks/load-task.ts';
import type { Task } from '../tasks/task.ts';
import { actualPath, bundledTasks } from '../workspace/library.ts';
import {
  badValue,
  type OptionReader,
  repeatedOption,
  switchOption,
  valueOption,
  type Verb,
  type VerbOption,
} from './verb.ts';
import { harnessTasks, type ImportHost } from './imported-tasks.ts';
import { findTasks } from './subjects.ts';
import { basename } from 'node:path';
import { unusedTemplateNote } from '../tasks/chat/chat-task.ts';
import { chatTemplateFile } from '../tasks/chat/chat-template.ts';

/** Options of verbs that name tasks: where calibration items come from for tasks that contain test items only. */
export const CALIBRATION_OPTIONS: Readonly<Record<string, VerbOption>> = {
  split: valueOption(
    'SHARE',
    `For tasks without calibration items: draw this share of the items for calibration (usually ` +
      `${DEFAULT_SHARE}) and test on the others. Items of one group or one text stay together.`,
  ),
  'split-seed': valueOption('N', `Seed of --split (default ${DEFAULT_SPLIT_SEED}).`),
  'calibrate-on': valueOption(
    'FILE|TASK',
    'For tasks without calibration items: take those of another task, or the items of this file; or a mix by weights ' +
      'of the text, FILE:7,TASK:3.',
  ),
  'max-new-tokens': valueOption(
    'N',
    'With --split or --calibrate-on: largest number of tokens of a written answer (default 256).',
  ),
  until: repeatedOption(
    'STRING',
    'With --split or --calibrate-on: a string that ends a written answer (default "\\n\\n", an empty line); may be ' +
      'given several times.',
  ),
};

/** Reads a task as the engine does, with the names of the bundled tasks. */
type Load = (path: string) => Promise<Task>;

const loaderOf = async (resources: string): Promise<Load> => {
  const bundled = await bundledTasks(resources);
  return (path) => loadTask(path, (named) => actualPath(named, bundled));
};

/** Stop strings with \\n and \\t as a shell passes them. */
const readWriting = (reader: OptionReader): { readonly writing?: WritingRule } => {
  const most = reader.whole('max-new-tokens', 1);
  const until = reader.texts('until').map((stop) => stop.replaceAll('\\n', '\n').replaceAll('\\t', '\t'));
  if (most === undefined && until.length === 0) return {};
  return {
    writing: { until: until.length === 0 ? [...DEFAULT_STOP.until] : until, maxNewTokens: most ?? DEFAULT_NEW_TOKENS },
  };
};

/** The parts of a mix, `a.jsonl:7,b.jsonl:3`; null for the name of one file or task. */
const mixedParts = (text: string): { readonly name: string; readonly weight: number }[] | null => {
  const parts = text.split(',').map((part) => /^(.+):(\d+(?:\.\d+)?)$/.exec(part.trim()));
  if (parts.length < 2 || parts.includes(null)) return null;
  return parts.map((part) => ({ name: part?.[1] ?? '', weight: Number(part?.[2]) }));
};

/** The calibration items that the options choose, with absolute paths; null where they choose none. */
const readCalibration = async (
  reader: OptionReader,
  host: ImportHost,
  load: Load,
): Promise<RecordedCalibration | null> => {
  const share = reader.real('split', 0, 1);
  const seed = reader.whole('split-seed', 0);
  const other = reader.text('calibrate-on');
  const rule = readWriting(reader);
  if (rule.writing !== undefined && share === undefined && other === undefined)
    throw refuse('bad-usage', '--max-new-tokens and --until need --split or --calibrate-on.', 'Give one of them.');
  if (share !== undefined && other !== undefined)
    throw refuse('bad-usage', '--split and --calibrate-on are both given.', 'Give one of them.');
  if (seed !== undefined && share === undefined)
    throw refuse('bad-usage', '--split-seed is given without --split.', 'Give --split, for example 0.2.');
  if (share !== undefined) {
    if (share === 0 || share === 1) throw badValue('split', String(share), 'a share between 0 and 1');
    return { from: 'split', share, seed: seed ?? DEFAULT_SPLIT_SEED, ...rule };
  }
  if (other === undefined) return null;
  const parts = mixedParts(other);
  if (parts !== null) {
    const found = await Promise.all(
      parts.map(async ({ name, weight }) => {
        const [path = '', ...rest] = await findTasks(host.resources, [name], harnessTasks(reader, host));
        if (rest.length > 0 || weight <= 0)
          throw badValue('calibrate-on', name, 'one file or task, and a weight above 0');
        return { path, weight };
      }),
    );
    return { from: 'mix', parts: found, seed: DEFAULT_SPLIT_SEED, ...rule };
  }
  const [path = '', ...more] = await findTasks(host.resources, [other], harnessTasks(reader, host));
  if (more.length > 0) throw badValue('calibrate-on', other, 'one file or task');
  const { calibration } = await load(path);
  return { ...(calibration.length > 0 ? { from: 'task', task: path } : { from: 'file', file: path }), ...rule };
};

/** A task of `--task` before an engine knows it. */
export interface NamedTask {
  readonly path: string;
  /** Null: the task has calibration items, or nothing is chosen. */
  readonly choice: RecordedCalibration | null;
}

/** The tasks of `--task`, or those `named`, with the chosen source of calibration items for those that bring none. */
export const findNamedTasks = async (
  reader: OptionReader,
  host: ImportHost,
  named = reader.texts('task'),
): Promise<readonly NamedTask[]> => {
  const load = await loaderOf(host.resources);
  const paths = await findTasks(host.resources, named, harnessTasks(reader, host));
  const choice = await readCalibration(reader, host, load);
  if (choice === null) return paths.map((path) => ({ path, choice }));
  const tasks = await Promise.all(
    paths.map(async (path) => ({ path, choice: (await load(path)).calibration.length > 0 ? null : choice })),
  );
  if (tasks.some((task) => task.choice !== null)) return tasks;
  throw refuse(
    'has-calibration',
    'Every named task has calibration items of its own.',
    `Leave --${choice.from === 'split' ? 'split' : 'calibrate-on'} out.`,
  );
};

/** Reads the tasks, for verbs without a workspace. */
export const loadNamedTasks = async (
  reader: OptionReader,
  host: ImportHost,
  named = reader.texts('task'),
): Promise<readonly Task[]> => {
  const load = await loaderOf(host.resources);
  return Promise.all(
    (await findNamedTasks(reader, host, named)).map(async ({ path, choice }) => {
      const task = await load(path);
      return choice === null ? task : (await calibrate(task, choice, load)).task;
    }),
  );
};

/**
 * Grants the tasks to an engine. Its workspace stores the chosen calibration items, so a run of them can be resumed.
 */
export const grantTasks = async (engine: Engine, tasks: readonly NamedTask[]): Promise<PathHandle[]> => {
  const handles: PathHandle[] = [];
  for (const { path, choice } of tasks) {
    const handle = engine.grantPath(path);
    if (choice === null) handles.push(handle);
    else {
      const granted = calibrationAt(choice, (path) => engine.grantPath(path));
      handles.push((await engine.call('tasks.calibrate', { handle, choice: granted })).handle);
    }
  }
  return handles;
};

/** The option of verbs that ask tasks. */
export const CHAT_OPTION = {
  chat: switchOption(
    "Ask through the model's own chat template, few-shot examples as turns (as lm-evaluation-harness's " +
      '--apply_chat_template --fewshot_as_multiturn).',
  ),
} as const satisfies Verb['options'];

/** Further options of verbs that measure through a chat template. */
export const CHAT_SETTINGS_OPTIONS = {
  'chat-arg': repeatedOption(
    'NAME=VALUE',
    'With --chat: a variable of the template, for example enable_thinking=false; true, false and numbers are read as ' +
      'such. May be repeated.',
  ),
  'think-end': valueOption(
    'TOKEN',
    'With --chat: the answer is what follows the last such token or text (</think>). Default: the one that the ' +
      'template names, of known families; "none" takes texts whole.',
  ),
} as const satisfies Verb['options'];

const variableOf = (text: string): string | number | boolean => {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
};

/** What `--chat-arg` and `--think-end` say. */
export const readChatSettings = (reader: OptionReader): ChatSettings => {
  const named = reader.texts('chat-arg').map((argument) => {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(argument) ?? [];
    if (name === undefined || value === undefined)
      throw badValue('chat-arg', argument, 'a name and a value, for example enable_thinking=false');
    return [name, variableOf(value)] as const;
  });
  const thinkEnd = reader.text('think-end');
  if ((named.length > 0 || thinkEnd !== undefined) && !reader.flag('chat'))
    throw refuse('bad-usage', '--chat-arg and --think-end need --chat.', 'Add --chat, or leave them out.');
  return {
    ...(named.length === 0 ? {} : { chatArgs: Object.fromEntries(named) }),
    ...(thinkEnd === undefined ? {} : { thinkEnd: thinkEnd === 'none' ? '' : thinkEnd }),
  };
};

/** Warns, for every model that has a chat template, that the template is not applied. */
export const sayUnusedTemplates = async (folders: readonly string[], say: (line: string) => void): Promise<void> => {
  for (const folder of folders) {
    const file = await chatTemplateFile(folder);
    if (file !== null) say(`${basename(folder)}: ${unusedTemplateNote(file)}`);
  }
};
