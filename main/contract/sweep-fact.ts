import { z } from 'zod';
import { itemCount, MOST_CURVES, MOST_MODELS, MOST_POINTS, sentence, shortName } from './bounds.ts';
import { refereed } from './export.ts';
import { refitName } from './plan.ts';
import { metricName } from './task.ts';

const count = z.number().int().nonnegative();
const methods = z.array(shortName).max(MOST_CURVES);
/** A model on a task. */
const stage = { model: shortName, task: shortName };

/** A plan with recovery beside the same plan without it. */
export const recoveredPoint = z.object({
  method: shortName,
  seed: z.number().nullable(),
  keep: z.number(),
  factor: z.number(),
  /** Weights that are refitted; null: no recovery. */
  refit: refitName.nullable(),
  difference: z.number(),
  verdict: z.enum(['better', 'same', 'worse']),
});
export type RecoveredPoint = z.infer<typeof recoveredPoint>;

/**
 * What a sweep has to say beside its numbers: codes and values. A file stores no sentence, since it could state any
 * result: words/sweep-facts.ts makes the sentences when a document is read.
 */
export const sweepFact = z.discriminatedUnion('code', [
  /** A factor that leaves some models fewer than top-k experts; `largest`: the largest factor that they can have. */
  z.object({
    code: z.literal('factor-left-out'),
    factor: z.number(),
    models: z.array(z.object({ name: shortName, topK: count, experts: count, largest: z.number() })).max(MOST_MODELS),
  }),
  /** The most bytes of hidden states that are kept at once, and the task that needs them. */
  z.object({ code: z.literal('hidden-states'), ...stage, bytes: count }),
  /** A method that is a file; `holdsPlans`: it fits the sizes of its plans only. */
  z.object({ code: z.literal('file-method'), method: shortName, file: shortName, holdsPlans: z.boolean() }),
  z.object({ code: z.literal('file-unprotected'), method: shortName }),
  /** A GGUF file whose values are rounded once more. */
  z.object({ code: z.literal('rounded-again'), model: shortName }),
  /** Rounded weights that no file can have; `reason`: the exporter's refusal. */
  z.object({ code: z.literal('rounded-not-exported'), model: shortName, reason: sentence }),
  z.object({ code: z.literal('no-calibration-items'), methods }),
  z.object({ code: z.literal('first-seed-only') }),
  z.object({ code: z.literal('not-for-all-tasks'), methods }),
  z.object({ code: z.literal('adaptive') }),
  z.object({ code: z.literal('curtailed') }),
  z.object({ code: z.literal('texts-in-full'), ...stage }),
  z.object({ code: z.literal('too-few-items'), ...stage, items: itemCount }),
  z.object({ code: z.literal('nothing-bisected'), task: shortName }),
  z.object({
    code: z.literal('recovery'),
    ...stage,
    metric: metricName,
    compared: z.array(recoveredPoint).max(MOST_POINTS),
  }),
  z.object({ code: z.literal('recovery-cut') }),
  /** What a setting of gates other than a plain deletion means for the plans of a model. */
  z.object({
    code: z.literal('gates'),
    model: shortName,
    are: z.enum(['unchanged', 'trained', 'trained-onnx-only', 'folded']),
  }),
  /** Texts of the unpruned model where none is right; `unreachable`: why no text can equal some answers of the task. */
  z.object({
    code: z.literal('texts-beside-answers'),
    ...stage,
    unreachable: sentence.nullable(),
    examples: z.array(z.object({ text: sentence, right: sentence })).max(MOST_MODELS),
  }),
  z.object({ code: z.literal('referee'), found: refereed }),
  z.object({ code: z.literal('steps'), computed: count, reused: count }),
]);
export type SweepFact = z.infer<typeof sweepFact>;
