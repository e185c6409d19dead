import { z } from 'zod';

/**
 * Form of an export: a Hugging Face folder; one ONNX graph with its weights beside it; or both in one folder, the graph
 * pointing into the Hugging Face weights.
 */
export const exportFormat = z.enum(['hf', 'onnx', 'hf,onnx']);
export type ExportFormat = z.infer<typeof exportFormat>;

/** Outcome of proving an export: the masked (or overlaid) original and the reopened export on the same tokens. */
export const verification = z.object({
  ok: z.boolean(),
  sequences: z.number(),
  tokens: z.number(),
  /** Largest |difference| of float32 logits, and the tolerance it is held to. */
  maxLogitDifference: z.number(),
  tolerance: z.number(),
  /** The same for each form that the export has: the reopened checkpoint, and the graph in onnxruntime. */
  forms: z
    .array(z.object({ form: z.enum(['hf', 'onnx']), maxLogitDifference: z.number(), tolerance: z.number() }))
    .default([]),
  /**
   * Whether every token chose the same experts (after renumbering) at every MoE layer; null: a graph tells only logits.
   */
  sameExperts: z.boolean().nullable(),
  /**
   * Whether every tensor in the export is byte for byte the plan's slice of the source (merged experts: recomputed).
   */
  sameTensors: z.boolean(),
  /** What is wrong, each with its place; empty when ok. */
  problems: z.array(z.string()),
});
export type Verification = z.infer<typeof verification>;
