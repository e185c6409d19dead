import { refuse } from '../../contract/errors.ts';
import type { TaskItem } from '../../contract/task.ts';

/** Where decoding stops: the same for all items of a task. */
export interface StopRule {
  readonly until: readonly string[];
  readonly maxNewTokens: number;
}

/** lm-evaluation-harness's defaults: the delimiter between few-shot examples, and 256 tokens. */
export const DEFAULT_NEW_TOKENS = 256;
export const DEFAULT_STOP: StopRule = { until: ['\n\n'], maxNewTokens: DEFAULT_NEW_TOKENS };

/**
 * The text before the first occurrence of each stop string, one after the other (lm-evaluation-harness 0.4,
 * `generate_until`): the order of the strings matters where one holds another. An empty string stops nothing.
 */
export const cutAtStops = (text: string, until: readonly string[]): string =>
  until.reduce((left, stop) => {
    const index = stop === '' ? -1 : left.indexOf(stop);
    return index < 0 ? left : left.slice(0, index);
  }, text);

/**
 * Refuses a task whose items ask for so many new tokens that no position of a model is left for a prompt; `name` is the
 * task's. To be asked before anything runs.
 */
export const requireRoom = (items: readonly TaskItem[], name: string, maxPositions: number): void => {
  const item = items.find((one) => 'answers' in one && one.maxNewTokens >= maxPositions);
  if (item === undefined || !('answers' in item)) return;
  throw refuse(
    'no-room-for-prompt',
    `${name}: maxNewTokens is ${String(item.maxNewTokens)}, and the model has ${String(maxPositions)} ` +
      `positions, so no prompt has room.`,
    `Ask for fewer than ${String(maxPositions)} new tokens.`,
  );
};
