import { refuse } from '../../contract/errors.ts';
import { type Positions, positionsText } from '../../contract/model.ts';
import type { TaskItem } from '../../contract/task.ts';

/** When decoding stops, for all items of a task. */
export interface StopRule {
  readonly until: readonly string[];
  readonly maxNewTokens: number;
}

/** lm-evaluation-harness's defaults: the delimiter between few-shot examples, and 256 tokens. */
export const DEFAULT_NEW_TOKENS = 256;
export const DEFAULT_STOP: StopRule = { until: ['\n\n'], maxNewTokens: DEFAULT_NEW_TOKENS };

/**
 * Cuts the text before the first occurrence of each stop string in turn (lm-evaluation-harness 0.4, `generate_until`).
 * The order matters where one stop string contains another. Empty strings are ignored.
 */
export const cutAtStops = (text: string, until: readonly string[]): string =>
  until.reduce((left, stop) => {
    const index = stop === '' ? -1 : left.indexOf(stop);
    return index < 0 ? left : left.slice(0, index);
  }, text);

/**
 * Refuses, before anything runs, a task whose items ask for so many new tokens that no position is left for a prompt;
 * `name` is the task's.
 */
export const requireRoom = (items: readonly TaskItem[], name: string, positions: Positions): void => {
  const { maxPositions } = positions;
  const item = items.find((entry) => 'answers' in entry && entry.maxNewTokens >= maxPositions);
  if (item === undefined || !('answers' in item)) return;
  throw refuse(
    'no-room-for-prompt',
    `${name}: maxNewTokens is ${item.maxNewTokens}, but the model has ` +
      `${positionsText(positions)}, so no prompt has room.`,
    `Ask for fewer than ${maxPositions} new tokens: maxNewTokens in task.json, “New tokens” beside the ` +
      'choice of calibration items, or --max-new-tokens.',
  );
};
