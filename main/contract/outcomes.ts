import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { pointName } from './curtailed-point.ts';
import { metricName } from './task.ts';

/** A model's choice, generated text, or score of a text; `isRight` by the task's metric, null for a text. */
export const shownAnswer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('choice'),
    /** The choice by the metric, and the log-probability (natural logarithm) of every choice. */
    chosen: z.number(),
    logprobs: boundedList(z.number()),
    isRight: z.boolean(),
  }),
  z.object({
    kind: z.literal('written'),
    text: boundedText,
    /** The text after the task's filters, where it differs. */
    filtered: boundedText.nullable(),
    stopped: z.enum(['until', 'end', 'length']),
    /** Where the loop begins in `text`, and its period in tokens; absent where there is none, or none was recorded. */
    loop: z.object({ character: z.number(), period: z.number().nullable() }).optional(),
    isRight: z.boolean(),
  }),
  z.object({ kind: z.literal('text'), logprob: z.number(), tokens: z.number(), isRight: z.null() }),
]);
export type ShownAnswer = z.infer<typeof shownAnswer>;

/** Correct only without pruning, only with it, or no change. */
export const answerChange = z.enum(['lost', 'gained', 'same']);
export type AnswerChange = z.infer<typeof answerChange>;

export const itemAnswers = z.object({
  item: boundedText,
  /** Question, choices, and every correct answer; null where the task has changed or is gone. */
  asked: z
    .object({ context: boundedText, choices: boundedList(boundedText), right: boundedList(boundedText) })
    .nullable(),
  unpruned: shownAnswer,
  candidate: shownAnswer,
  change: answerChange,
  truncatedTokens: z.number(),
});
export type ItemAnswers = z.infer<typeof itemAnswers>;

/** Items of one point of a sweep, with the answers of the unpruned model and the candidate. */
export const outcomesDocument = z.object({
  run: boundedText,
  ...pointName.shape,
  metric: metricName,
  /** Items by change, and those whose answer differs at all, right or wrong. */
  counts: z.object({ lost: z.number(), gained: z.number(), same: z.number(), otherwise: z.number() }),
  /** Items that `show` selects; `items` is a page of them, starting at `from`. */
  total: z.number(),
  from: z.number(),
  items: boundedList(itemAnswers),
  /** Why questions and correct answers are not shown; null where they are. */
  note: boundedText.nullable(),
});
export type OutcomesDocument = z.infer<typeof outcomesDocument>;

export const MOST_ITEMS = 500;

/** A point of a run, and a page of its items. */
export const outcomesRequest = pointName.extend({
  show: z.enum([...answerChange.options, 'all']).default('all'),
  from: z.number().int().nonnegative().default(0),
  count: z.number().int().min(1).max(MOST_ITEMS).default(100),
});
