import { z } from 'zod';
import { boundedList, boundedText, itemCount, shortName } from './bounds.ts';
import { compareReading } from './compare.ts';
import { tokenClasses } from './outcome.ts';
import { answerChange, itemAnswers, MOST_ITEMS } from './outcomes.ts';
import { metricName } from './task.ts';

/** By what items are grouped: the length of the question, and the class and text of the right answer's first token. */
export const sliceBy = z.enum(['all', 'length', 'class', 'token']);
export type SliceBy = z.infer<typeof sliceBy>;

/** What slices of items are made of. */
export const itemTraits = z.object({
  item: boundedText,
  /** Length of the question (or the text): in tokens, or in characters where no tokenizer is at hand. */
  length: itemCount,
  /** Class and text of the first token of the right answer; null where there is none, or no tokenizer. */
  class: z.enum(tokenClasses).nullable(),
  token: shortName.nullable(),
});
export type ItemTraits = z.infer<typeof itemTraits>;

/** A point among those of one model and task. */
export const pointInTask = z.object({ method: boundedText, seed: z.number().nullable(), factor: z.number() });
export type PointInTask = z.infer<typeof pointInTask>;

/** Two models on the items of one slice: `difference` is the second minus the first. */
export const itemSlice = z.object({
  by: sliceBy,
  /** For example "up to 12 tokens", "digit" or the text of a token; empty for all items. */
  name: boundedText,
  n: itemCount.min(1),
  /** The metric's value of both on these items. */
  first: z.number(),
  second: z.number(),
  difference: z.number(),
  /** Two-sided 95 % interval (Tango, over passages where items share them; bootstrap for perplexity). */
  low: z.number(),
  high: z.number(),
  /** Two-sided exact McNemar, and by Holm's procedure over all slices but the whole; null for perplexity. */
  p: z.number().nullable(),
  pHolm: z.number().nullable(),
  /** Items that only the first, or only the second, answers correctly; 0 for perplexity. */
  lost: itemCount,
  gained: itemCount,
  /** Better or worse where the interval excludes 0. */
  reading: compareReading.exclude(['draws-differ']),
});
export type ItemSlice = z.infer<typeof itemSlice>;

/** Two points of a sweep on the same items, slice by slice, and a page of the items that changed. */
export const slicesDocument = z.object({
  run: boundedText,
  model: boundedText,
  task: boundedText,
  metric: metricName,
  first: pointInTask,
  second: pointInTask,
  /** All items, then the slices by length, class and first token. */
  slices: boundedList(itemSlice).min(1),
  /** Items of the slice asked for that changed as asked for; `items` is a page of them, starting at `from`. */
  total: z.number(),
  from: z.number(),
  /** `unpruned` is the answer of the first, `candidate` that of the second. */
  items: boundedList(itemAnswers),
  /** Limits of the grouping, and why questions or classes are not shown. */
  notes: boundedList(boundedText),
});
export type SlicesDocument = z.infer<typeof slicesDocument>;

export const slicesRequest = z.object({
  model: boundedText,
  task: boundedText,
  first: pointInTask,
  second: pointInTask,
  /** The slice whose items are shown. */
  slice: z.object({ by: sliceBy, name: boundedText }).default({ by: 'all', name: '' }),
  show: answerChange.exclude(['same']).default('lost'),
  from: z.number().int().nonnegative().default(0),
  count: z.number().int().min(0).max(MOST_ITEMS).default(50),
});
