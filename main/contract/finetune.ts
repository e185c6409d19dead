import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from './bounds.ts';
import { setting } from './setting.ts';

/**
 * `router`: everything but the routers is frozen. `distil`: so, and the routers learn the next-token distributions of
 * the unpruned model in place of the right answers (Router KD, arXiv 2603.02217). `general`: every weight learns from a
 * mixture of many tasks. `all`: every weight learns from the tasks' own items.
 */
export const finetuneStage = z.enum(['router', 'distil', 'general', 'all']);
export type FinetuneStage = z.infer<typeof finetuneStage>;

const generalOnly = { only: { list: 'stages', holds: ['general'] } } as const;
const distilOnly = { only: { list: 'stages', holds: ['distil'] } } as const;

/**
 * How a checkpoint is fine-tuned. Defaults are those of the paper on UNCURL (arXiv 2409.01483, section 5 and appendix
 * A4), except where it gives none: the steps of the router stage and of the general stage, and a warm-up for fewer than
 * 5,000 steps. The stage `distil` is not of that paper; its number of steps is ours. Each setting is described only
 * here: command line, window and documents show these texts.
 */
export const finetuneSettings = z.object({
  stages: setting(
    boundedList(finetuneStage)
      .min(1)
      .refine((stages) => new Set(stages).size === stages.length, 'Name each stage once.')
      .default(['router', 'all']),
    {
      label: 'Stages',
      flag: 'stage',
      help:
        "Stages, in order: router (all else frozen, on the tasks' items), distil (the same, learning the next-token " +
        'distributions of --teacher), general (all weights, on a mixture of tasks), all (all weights, on the ' +
        "tasks' items). The paper on UNCURL uses router,general,all.",
    },
  ),
  routerSteps: setting(z.number().int().positive().default(20), {
    label: 'Router steps',
    flag: 'router-steps',
    help: 'Steps of the router stage; the paper says "a few".',
    only: { list: 'stages', holds: ['router'] },
  }),
  distilSteps: setting(z.number().int().positive().default(100), {
    label: 'Distillation steps',
    flag: 'distil-steps',
    help: 'Steps of the distil stage.',
    ...distilOnly,
  }),
  temperature: setting(z.number().positive().max(100).default(1), {
    label: 'Temperature',
    flag: 'temperature',
    help: 'Divides the logits of both models in the distil stage; the loss is multiplied by its square.',
    ...distilOnly,
  }),
  generalSteps: setting(z.number().int().positive().default(600), {
    label: 'General steps',
    flag: 'general-steps',
    help: 'Steps of the general stage, each of 48 sequences packed with items of the mixture.',
    ...generalOnly,
  }),
  generalRate: setting(z.number().positive().max(1).nullable().default(null), {
    label: 'General peak rate',
    flag: 'general-rate',
    help: 'Peak learning rate of the general stage.',
    otherwise: 'the peak rate of the other stages',
    hint: 'default',
    ...generalOnly,
  }),
  epochs: setting(z.number().int().positive().default(50), {
    label: 'Epochs',
    flag: 'epochs',
    help: 'Epochs over the items in the stage all. The paper: 50.',
    only: { list: 'stages', holds: ['all'] },
  }),
  batch: setting(z.number().int().positive().default(64), {
    label: 'Batch size',
    flag: 'batch',
    help: 'Items per optimizer step. The paper: 64.',
  }),
  rate: setting(z.number().positive().max(1).default(1e-6), {
    label: 'Peak rate',
    flag: 'rate',
    help:
      "Peak learning rate, reached at the end of the warm-up. The paper's 1e-6 is for 354 million parameters: a " +
      'bundled model takes 0.0001 to 0.001. A rate too small for the stored precision changes no weight, and is ' +
      'refused at the end.',
  }),
  length: setting(z.number().int().min(2).default(128), {
    label: 'Tokens per item',
    flag: 'length',
    help: 'Tokens kept of each item, counted from its end; also the sequence length of the mixture.',
  }),
  warmUp: setting(z.number().int().nonnegative().nullable().default(null), {
    label: 'Warm-up steps',
    flag: 'warm-up',
    help: 'Steps of each stage in which the learning rate rises.',
    otherwise: "a tenth of the stage's steps, at most 500",
    hint: 'default',
  }),
  weightDecay: setting(z.number().nonnegative().max(1).default(0.001), {
    label: 'Weight decay',
    flag: 'decay',
    help: 'Weight decay of AdamW.',
  }),
  clip: setting(z.number().positive().default(1), {
    label: 'Gradient norm limit',
    flag: 'clip',
    help: 'Largest norm of the gradient; larger gradients are clipped.',
  }),
  balance: setting(z.number().nonnegative().default(0.01), {
    label: 'Balancing loss',
    flag: 'balance',
    help: 'Weight of the load-balancing loss.',
  }),
  freeze: setting(boundedList(boundedText.min(1)).default([]), {
    label: 'Frozen weights',
    flag: 'freeze',
    help: 'Freeze weights whose name in transformers contains one of these: embed_tokens, self_attn, lm_head.',
    otherwise: 'none',
  }),
  saveEvery: setting(z.number().int().positive().default(50), {
    label: 'Steps between checkpoints',
    flag: 'save-every',
    help: 'Steps between two saved states; a killed training loses at most this many.',
  }),
  seed: setting(
    z
      .number()
      .int()
      .nonnegative()
      .max(2 ** 31)
      .default(0),
    { label: 'Seed', flag: 'seed', help: 'Seed of the order of items.' },
  ),
  device: setting(z.enum(['cpu', 'cuda', 'auto']).default('cpu'), {
    label: 'Training device',
    flag: 'train-on',
    help: 'Device of the training; on one cpu the same settings, versions and threads give the same weights.',
  }),
});
export type FinetuneSettings = z.infer<typeof finetuneSettings>;

/** The paper's peak rate, and the size of its model. */
const PAPER = { rate: 1e-6, parameters: 354e6 } as const;
/** Bundled models lose what they know above it. */
const LARGEST_RATE = 1e-3;

/**
 * Suggested peak rate for a model with this number of parameters: the paper's for its size and above, and in inverse
 * proportion to the size below; one significant digit.
 */
export const suitedRate = (parameters: number): number =>
  Number(Math.min(LARGEST_RATE, PAPER.rate * Math.max(1, PAPER.parameters / parameters)).toPrecision(1));

/**
 * The settings that the weights of a training depend on: all but how often its state is saved, and those of the general
 * stage and of distillation only where there is one.
 */
export const decisiveSettings = ({
  saveEvery: _,
  generalSteps,
  generalRate,
  distilSteps,
  temperature,
  ...settings
}: FinetuneSettings): Readonly<Record<string, unknown>> => ({
  ...settings,
  ...(settings.stages.includes('general') ? { generalSteps, generalRate: generalRate ?? settings.rate } : {}),
  ...(settings.stages.includes('distil') ? { distilSteps, temperature } : {}),
});

/**
 * One step of a training: mean cross-entropy of the answers' tokens (of the stage `distil`: KL to the teacher per token
 * in nats, times the square of the temperature), with and without balancing loss, and the rate.
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

/** Manifest of a fine-tuned folder: everything needed to make it again. */
export const finetuneManifest = z.object({
  kind: z.literal('uncurl-finetune'),
  source: z.object({ name: boundedText, fingerprint: boundedText }),
  /** Model whose distributions the stage `distil` learns; null without one. */
  teacher: z.object({ name: boundedText, fingerprint: boundedText }).nullable().default(null),
  /** `calibration`: SHA-256 over the training items, in order. */
  tasks: boundedList(z.object({ name: boundedText, hash: boundedText, calibration: boundedText, items: z.number() })),
  /** Training mixture of the general stage; null without one. `leftOut`: items that were test items of the tasks. */
  mixture: z
    .object({ name: boundedText, hash: boundedText, items: z.number(), leftOut: z.number() })
    .nullable()
    .default(null),
  settings: finetuneSettings,
  steps: z.number(),
  loss: z.object({ first: z.number(), last: z.number() }),
  /** Python, PyTorch and transformers, and the workbench. */
  versions: boundedRecord(boundedText, boundedText),
  device: boundedText,
  threads: z.number(),
});
export type FinetuneManifest = z.infer<typeof finetuneManifest>;
