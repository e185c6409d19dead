import { loadTokenizer, type TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ChatSettings } from '../contract/chat.ts';
import { CancelledError, refuse } from '../contract/errors.ts';
import type { Positions } from '../contract/model.ts';
import type { TaskItem } from '../contract/task.ts';
import { encodePrompt } from '../generation/write-texts.ts';
import { encodeChoices, encodeText, profileSequences } from '../inference/encode-item.ts';
import { maxOf } from '../statistics/extremes.ts';
import { askTasks } from '../tasks/chat/chat-task.ts';
import { isWrittenItem } from '../tasks/task.ts';
import type { RunModel, RunTask } from './job-context.ts';

/**
 * The tasks as one model is asked them: through its chat template if `chat`. Items and hashes are those of the rendered
 * texts, so that profiles and outcomes with and without the template are never confused.
 *
 * @throws WorkbenchError `no-chat-template`, and any refusal of the template.
 */
export const askedTasks = async (
  { checkpoint }: Pick<RunModel, 'checkpoint'>,
  tasks: readonly RunTask[],
  chat: boolean | undefined,
  now: Date,
  settings: ChatSettings = {},
): Promise<readonly RunTask[]> => {
  if (chat !== true) return tasks;
  const asked = await askTasks(
    checkpoint.folder,
    tasks.map(({ task }) => task),
    now,
    settings,
  );
  return tasks.map((task, index) => ({ ...task, task: asked[index] ?? task.task }));
};

/** Items that are encoded before the event loop runs and a cancel is noticed. */
const ITEMS_AT_ONCE = 64;

/** The model's tokenizer, which scoring and profiling need. */
export const requireTokenizer = async (checkpoint: Checkpoint): Promise<TextTokenizer> => {
  const tokenizer = await loadTokenizer(checkpoint.folder, checkpoint.descriptor.vocabulary);
  if (tokenizer === null) {
    throw refuse(
      'no-tokenizer',
      `${checkpoint.folder} has no tokenizer.json, so tasks cannot be turned into tokens.`,
      "Put the model's tokenizer.json into the folder.",
    );
  }
  return tokenizer;
};

const answeredTokens = (tokenizer: TextTokenizer, item: TaskItem, positions: Positions): number => {
  const { maxPositions } = positions;
  if (isWrittenItem(item)) return encodePrompt(tokenizer, item, positions).tokens.length + item.maxNewTokens - 1;
  if ('text' in item)
    return encodeText(tokenizer, item, maxPositions).reduce((tokens, { input }) => tokens + input.length, 0);
  const sequences = encodeChoices(tokenizer, item, maxPositions);
  const context = maxOf([0, ...sequences.map(({ input, targets }) => input.length - targets.length)]);
  return context + sequences.reduce((tokens, { targets }) => tokens + targets.length, 0);
};

/** Positions at which fidelity compares distributions, at most: choices may share some, and answers may end early. */
const comparedPositions = (tokenizer: TextTokenizer, item: TaskItem, { maxPositions }: Positions): number => {
  if (isWrittenItem(item)) return item.maxNewTokens;
  const sequences =
    'text' in item ? encodeText(tokenizer, item, maxPositions) : encodeChoices(tokenizer, item, maxPositions);
  return sequences.reduce((positions, { targets }) => positions + targets.length, 0);
};

const profiledTokens = (tokenizer: TextTokenizer, item: TaskItem, { maxPositions }: Positions): number =>
  profileSequences(tokenizer, item, maxPositions).reduce((tokens, { length }) => tokens + length, 0);

/** Tokens of a task's calibration items, for profiling and for scoring; 0 where they are not used. */
export interface CalibrationTokens {
  readonly profiling: number;
  readonly scoring: number;
}

export interface TokenCounter {
  /**
   * Tokens needed to answer, counting the context of a multiple-choice item once; for written answers, the prompt and
   * the most tokens that may follow. Refuses by id, before any model runs, items whose continuation has no token left
   * or that leave no room for their answer.
   */
  scoring(items: readonly TaskItem[]): Promise<number>;
  /** Positions at which fidelity compares distributions, at most. */
  compared(items: readonly TaskItem[]): Promise<number>;
  profiling(items: readonly TaskItem[]): Promise<number>;
}

export const openTokenCounter = async (checkpoint: Checkpoint, signal: AbortSignal): Promise<TokenCounter> => {
  const tokenizer = await requireTokenizer(checkpoint);
  const total = async (items: readonly TaskItem[], tokensOf: typeof answeredTokens): Promise<number> => {
    let tokens = 0;
    for (const [index, item] of items.entries()) {
      if (index % ITEMS_AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      if (signal.aborted) throw new CancelledError('Reading tasks');
      tokens += tokensOf(tokenizer, item, checkpoint.descriptor);
    }
    return tokens;
  };
  return {
    scoring: (items) => total(items, answeredTokens),
    compared: (items) => total(items, comparedPositions),
    profiling: (items) => total(items, profiledTokens),
  };
};
