import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import type { TaskItem } from '../contract/task.ts';
import type { PromptTurns, TaskTurns } from './few-shot.ts';
import { readJsonLines } from './read-rows.ts';

const EXPECTED = 'A line is {"id","system","examples":[[question, answer], ...],"question","replies":[...]}.';

const turnsRow = z.object({
  id: boundedText,
  system: boundedText,
  examples: boundedList(z.tuple([boundedText, boundedText])),
  question: boundedText,
  replies: boundedList(boundedText),
});

const readSplit = async (folder: string, split: string, items: readonly TaskItem[]): Promise<PromptTurns[]> => {
  const file = join(folder, `${split}.turns.jsonl`);
  const rows = items.length === 0 && !existsSync(file) ? [] : await readJsonLines(file, EXPECTED);
  if (rows.length !== items.length)
    throw refuse(
      'bad-task',
      `${file} has the turns of ${rows.length} items; ${split} has ${items.length}.`,
      'Import the task again.',
    );
  return rows.map(({ location, values }, index) => {
    const parsed = turnsRow.safeParse(values);
    if (!parsed.success)
      throw refuse('bad-item', `${location}: ${parsed.error.issues[0]?.message ?? 'no turns'}.`, EXPECTED);
    const { id, system, examples, question, replies } = parsed.data;
    if (id !== items[index]?.id)
      throw refuse('bad-item', `${location}: the turns of item "${id}" stand in another place.`, EXPECTED);
    return { system, question, replies, examples: examples.map(([asked, answer]) => ({ question: asked, answer })) };
  });
};

/**
 * The turns of a task folder's items, where it has them (`test.turns.jsonl`, `calibration.turns.jsonl`): the parts of
 * prompts that are texts in its other files, for chat templates. Null where it has none.
 */
export const readTurns = async (
  folder: string,
  items: { readonly calibration: readonly TaskItem[]; readonly test: readonly TaskItem[] },
): Promise<TaskTurns | null> => {
  if (!existsSync(join(folder, 'test.turns.jsonl'))) return null;
  const [calibration, test] = await Promise.all([
    readSplit(folder, 'calibration', items.calibration),
    readSplit(folder, 'test', items.test),
  ]);
  return { calibration, test };
};
