import { z } from 'zod';
import { boundedList, boundedText, shortName } from './bounds.ts';
import { plan } from './plan.ts';

/** Plans that write beside the unpruned model. */
export const MOST_PLANS_BESIDE = 2;

/** A prompt, and the plans that answer it beside the unpruned model. */
export const besideSettings = z.object({
  prompt: z.string().max(200_000),
  /** Put the prompt into the model's own chat template, as one turn of the user. */
  chat: z.boolean().optional(),
  /** Fewer are written where the model's positions end, or an end token comes. */
  maxNewTokens: z.number().int().min(1).max(4096).default(64),
  plans: z
    .array(z.object({ name: shortName, plan }))
    .min(1)
    .max(MOST_PLANS_BESIDE),
});
export type BesideSettings = z.infer<typeof besideSettings>;

/** A token and what it adds to the text. */
const writtenToken = z.object({ token: z.number(), text: boundedText });
export type WrittenToken = z.infer<typeof writtenToken>;

/** The text of one model. */
export const besideColumn = z.object({
  /** "unpruned", or the name of the plan. */
  name: boundedText,
  tokens: boundedList(writtenToken),
  /** By an end token, by the maximum length, or stopped by the user; null: still writing. */
  ended: z.enum(['end', 'length', 'stopped']).nullable(),
});
export type BesideColumn = z.infer<typeof besideColumn>;

const likelyToken = writtenToken.extend({ probability: z.number() });
export type LikelyToken = z.infer<typeof likelyToken>;

/**
 * The first token in which a plan differs from the unpruned model. Both chose it after the same text, so their
 * probabilities can be compared. `null` of a list of differences: no token differs.
 */
export const besideDifference = z.object({
  /** Index among the new tokens. */
  at: z.number(),
  /** The likeliest next tokens of both models, falling: softmax of the logits, in 0 .. 1. */
  unpruned: boundedList(likelyToken),
  pruned: boundedList(likelyToken),
  /**
   * Per MoE layer, the experts that the unpruned model used at this position, in the router's order, and those of them
   * that the plan drops, merges into another one or replaces by a constant.
   */
  layers: boundedList(z.object({ experts: boundedList(z.number()), gone: boundedList(z.number()) })),
});
export type BesideDifference = z.infer<typeof besideDifference>;

/** New tokens of the unpruned model's text at which models are compared. */
export const MOST_TRACED = 256;

const tracedNumbers = z.array(z.number()).max(MOST_TRACED);
/** Per token, per MoE layer: the experts of the router's choice, in its order. */
const tracedExperts = z.array(boundedList(boundedList(z.number()))).max(MOST_TRACED);

/**
 * All models at each of the unpruned model's first new tokens, after the same text: the prompt and its tokens before
 * that one.
 */
export const besideTrace = z.object({
  /** What the unpruned model uses where it writes the token, and its probability of it. */
  experts: tracedExperts,
  probabilities: tracedNumbers,
  /** One per plan, in their order. */
  plans: boundedList(
    z.object({
      /** KL of the plan's next-token distribution from the unpruned model's, in nats. */
      kl: tracedNumbers,
      /** The plan's probability of the unpruned model's token. */
      probabilities: tracedNumbers,
      /** Null where the plan merges or replaces experts: what its router chooses has other numbers. */
      experts: tracedExperts.nullable(),
    }),
  ),
});
export type BesideTrace = z.infer<typeof besideTrace>;

export const besideDocument = z.object({
  run: boundedText,
  model: boundedText,
  /** As typed. */
  prompt: boundedText,
  /** As the model read it: with its chat template, if that was asked for. */
  context: boundedText,
  promptTokens: z.number(),
  /** The most new tokens: as asked for, or what the model's positions leave. */
  mostNewTokens: z.number(),
  /** The unpruned model, then the plans. */
  columns: boundedList(besideColumn),
  /** One per plan, in their order. Empty until all have ended. */
  differences: boundedList(besideDifference.nullable()),
  /** Absent until all have ended, in documents of earlier versions, and where its logits would not fit into memory. */
  trace: besideTrace.optional(),
});
export type BesideDocument = z.infer<typeof besideDocument>;
