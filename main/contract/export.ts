import { z } from 'zod';

/**
 * Form of an export: a Hugging Face folder; one ONNX graph with its weights beside it; both in one folder, the graph
 * pointing into the Hugging Face weights; or one GGUF file for llama.cpp.
 */
export const exportFormat = z.enum(['hf', 'onnx', 'hf,onnx', 'gguf']);
export type ExportFormat = z.infer<typeof exportFormat>;

/** Types that the weights of a GGUF file can have; llama.cpp's own tool makes the smaller ones from these. */
export const ggufTypes = ['f32', 'f16', 'bf16', 'q8_0'] as const;
export const ggufType = z.enum(ggufTypes);
export type GgufType = z.infer<typeof ggufType>;

/**
 * Outcome of proving an export: the masked (or overlaid) original and the reopened export on the same tokens. A GGUF
 * file is not run (0 sequences, 0 tokens): its bytes are compared.
 */
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

/** Whether bytes were compared and nothing was run. */
export const comparesBytesOnly = ({ tokens, tolerance }: Pick<Verification, 'tokens' | 'tolerance'>): boolean =>
  tokens === 0 && tolerance === 0;
