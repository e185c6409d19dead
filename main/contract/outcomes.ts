import { z } from 'zod';
import { metricName } from './task.ts';

/** What a model chose, wrote, or gave a text; `isRight` as the task's metric reads it, null for a text. */
export const shownAnswer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('choice'),
    /** The choice that the metric reads, and the log-probability (natural logarithm) of every choice. */
    chosen: z.number(),
    logprobs: z.array(z.number()),
    isRight: z.boolean(),
  }),
  z.object({
    kind: z.literal('written'),
    text: z.string(),
    /** What the task's filters leave of it, where that is something else. */
    filtered: z.string().nullable(),
    stopped: z.enum(['until', 'end', 'length']),
    isRight: z.boolean(),
  }),
  z.object({ kind: z.literal('text'), logprob: z.number(), tokens: z.number(), isRight: z.null() }),
]);
export type ShownAnswer = z.infer<typeof shownAnswer>;

/** Right only without pruning, only with it, or no change. */
export const answerChange = z.enum(['lost', 'gained', 'same']);
export type AnswerChange = z.infer<typeof answerChange>;

export const itemAnswers = z.object({
  item: z.string(),
  /**
   * What was asked, the choices that it offers, and every right answer; null where the task is no longer there as it
   * was.
   */
  asked: z.object({ context: z.string(), choices: z.array(z.string()), right: z.array(z.string()) }).nullable(),
  unpruned: shownAnswer,
  candidate: shownAnswer,
  change: answerChange,
  truncatedTokens: z.number(),
});
export type ItemAnswers = z.infer<typeof itemAnswers>;

/** Items of one point of a sweep, what the unpruned model answered and what the candidate did. */
export const outcomesDocument = z.object({
  run: z.string(),
  model: z.string(),
  task: z.string(),
  method: z.string(),
  seed: z.number().nullable(),
  factor: z.number(),
  metric: metricName,
  /** Items by what became of them, and those whose answer differs at all, right or wrong. */
  counts: z.object({ lost: z.number(), gained: z.number(), same: z.number(), otherwise: z.number() }),
  /** Items that `show` asks for, of which `items` are a part, from `from` on. */
  total: z.number(),
  from: z.number(),
  items: z.array(itemAnswers),
  /** Why questions and right answers are not shown; null where they are. */
  note: z.string().nullable(),
});
export type OutcomesDocument = z.infer<typeof outcomesDocument>;

/** Items that one answer may hold. */
export const MOST_ITEMS = 500;

/** Which point of a run, and which of its items. */
export const outcomesRequest = z.object({
  model: z.string(),
  task: z.string(),
  method: z.string(),
  seed: z.number().nullable(),
  factor: z.number(),
  show: z.enum([...answerChange.options, 'all']).default('all'),
  from: z.number().int().nonnegative().default(0),
  count: z.number().int().min(1).max(MOST_ITEMS).default(100),
});
