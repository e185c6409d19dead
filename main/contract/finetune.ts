import { z } from 'zod';

/** `router`: everything but the routers is frozen. `all`: every weight moves. */
export const finetuneStage = z.enum(['router', 'all']);
export type FinetuneStage = z.infer<typeof finetuneStage>;

/**
 * How a checkpoint is fine-tuned. Defaults are those of the paper on UNCURL (arXiv 2409.01483, section 5 and appendix
 * A4), except for what it does not say: the steps of the router's stage, and a warm-up for fewer than 5,000 steps.
 */
export const finetuneSettings = z.object({
  stages: z.array(finetuneStage).min(1).default(['router', 'all']),
  /** Steps of the stage `router`; the paper says "a few". */
  routerSteps: z.number().int().positive().default(20),
  /** Rounds through the items in the stage `all`. */
  epochs: z.number().int().positive().default(50),
  /** Items a step. */
  batch: z.number().int().positive().default(64),
  /** Tokens of an item that are kept, counted from its end. */
  length: z.number().int().min(2).default(128),
  /** Peak rate. The paper's is for 354 million parameters; a model of a few millions takes a larger one. */
  rate: z.number().positive().max(1).default(1e-6),
  /** Steps in which the rate rises; null: a tenth of the stage's steps, at most 500. */
  warmUp: z.number().int().nonnegative().nullable().default(null),
  weightDecay: z.number().nonnegative().max(1).default(0.001),
  /** Largest norm of the gradient. */
  clip: z.number().positive().default(1),
  /** Weight of the balancing loss. */
  balance: z.number().nonnegative().default(0.01),
  /** Weights whose name in transformers holds one of these parts do not move. */
  freeze: z.array(z.string().min(1)).default([]),
  /** Steps between two states on disk: what a kill may lose. */
  saveEvery: z.number().int().positive().default(50),
  seed: z
    .number()
    .int()
    .nonnegative()
    .max(2 ** 31)
    .default(0),
  device: z.enum(['cpu', 'cuda', 'auto']).default('cpu'),
});
export type FinetuneSettings = z.infer<typeof finetuneSettings>;

/**
 * One step of a training: mean cross-entropy of the answers' tokens, the same with the balancing loss, and the rate.
 */
export const finetuneStep = z.object({
  done: z.number().int().positive(),
  steps: z.number().int().positive(),
  stage: finetuneStage,
  loss: z.number(),
  total: z.number(),
  rate: z.number(),
});
export type FinetuneStep = z.infer<typeof finetuneStep>;

/** What a fine-tuned folder says of itself: everything needed to make it again. */
export const finetuneManifest = z.object({
  kind: z.literal('uncurl-finetune'),
  source: z.object({ name: z.string(), fingerprint: z.string() }),
  /** `calibration`: SHA-256 over the items that were learnt from, in order. */
  tasks: z.array(z.object({ name: z.string(), hash: z.string(), calibration: z.string(), items: z.number() })),
  settings: finetuneSettings,
  steps: z.number(),
  loss: z.object({ first: z.number(), last: z.number() }),
  /** Python, PyTorch and transformers, and the workbench. */
  versions: z.record(z.string(), z.string()),
  device: z.string(),
  threads: z.number(),
});
export type FinetuneManifest = z.infer<typeof finetuneManifest>;
