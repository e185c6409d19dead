import { z } from 'zod';
import { changedSince, pathHandle } from './model.ts';

export const metricName = z.enum(['acc', 'acc_norm', 'perplexity']);
export type MetricName = z.infer<typeof metricName>;

/** Multiple-choice item: context and choice are concatenated as they stand; `answer` indexes `choices`. */
export const choiceItem = z.object({
  id: z.string().min(1),
  context: z.string(),
  choices: z.array(z.string()).min(2),
  answer: z.number().int().nonnegative(),
});
export type ChoiceItem = z.infer<typeof choiceItem>;

/** Text whose rolling log-likelihood is measured (perplexity). */
export const textItem = z.object({ id: z.string().min(1), text: z.string().min(1) });
export type TextItem = z.infer<typeof textItem>;

export type TaskItem = ChoiceItem | TextItem;

/** `task.json` of a task folder. */
export const taskMetadata = z.object({
  name: z.string().min(1),
  title: z.string().optional(),
  description: z.string().optional(),
  metric: metricName.default('acc'),
  source: z.string().optional(),
  licence: z.string().optional(),
  /** Examples from the calibration split that stand before every item, drawn by `seed` (1234), each followed by the delimiter ("\n\n"). */
  fewshot: z.number().int().nonnegative().optional(),
  seed: z.number().int().nonnegative().optional(),
  fewshotDelimiter: z.string().optional(),
});
export type TaskMetadata = z.infer<typeof taskMetadata>;

export const taskEntry = z.object({
  handle: pathHandle,
  name: z.string(),
  title: z.string(),
  description: z.string(),
  metric: metricName,
  source: z.string(),
  licence: z.string(),
  path: z.string(),
  bundled: z.boolean(),
  /** Items in each split; a plain JSONL file has test items only and cannot be profiled. */
  items: z.object({ calibration: z.number(), test: z.number() }),
  /** Accuracy of guessing: mean of 1 / choices over the test items; null for perplexity. */
  chance: z.number().nullable(),
  hash: z.string().nullable(),
  error: z.string().nullable(),
  changed: changedSince.optional(),
});
export type TaskEntry = z.infer<typeof taskEntry>;
