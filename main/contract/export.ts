import { z } from 'zod';
import { boundedList, boundedText, MOST_NOTES, sentence } from './bounds.ts';
import { transformersCheck } from './transformers-check.ts';

/** The plan of an export, beside its weights. */
export const PLAN_FILE = 'uncurl-plan.json';

/**
 * Form of an export: a Hugging Face folder; one ONNX graph with its weights in a file beside it; both in one folder,
 * the graph referring to the Hugging Face weights; or one GGUF file for llama.cpp.
 */
export const exportFormat = z.enum(['hf', 'onnx', 'hf,onnx', 'gguf']);
export type ExportFormat = z.infer<typeof exportFormat>;

/**
 * Weight types of a GGUF file, by falling size. Those in blocks equal ggml's own quantiser without an importance
 * matrix, byte for byte; llama.cpp's own tool makes others from these.
 */
export const ggufTypes = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q6_k',
  'q5_1',
  'q5_0',
  'q5_k',
  'q4_1',
  'q4_0',
  'q4_k',
  'nvfp4',
  'mxfp4',
] as const;
export const ggufType = z.enum(ggufTypes);
export type GgufType = z.infer<typeof ggufType>;

/**
 * Weight types of a Hugging Face folder quantised as the compressed-tensors package does it: float8 with a scale per
 * row or per block of 128 x 128, integers in groups of 32 columns, and 4-bit floats with a scale per 32 (mxfp4) or 16
 * (nvfp4) columns.
 */
export const compressedTypes = ['fp8', 'fp8_block', 'int8', 'int4', 'mxfp4', 'nvfp4'] as const;
export const compressedType = z.enum(compressedTypes);
export type CompressedType = z.infer<typeof compressedType>;

export const isFp8Type = (type: CompressedType): boolean => type === 'fp8' || type === 'fp8_block';

/** MXFP4 and NVFP4 choose other scales in a GGUF file than in a folder of compressed-tensors, so both have a name. */
const inFiles = { gguf_nvfp4: 'nvfp4', gguf_mxfp4: 'mxfp4' } as const;

const isInFiles = (type: string): type is keyof typeof inFiles => Object.hasOwn(inFiles, type);

/** Types as which weights are rounded: those of GGUF files, then those of compressed-tensors folders. */
export const roundedTypes = [
  ...ggufTypes.filter((type) => !compressedTypes.some((each) => each === type)),
  ...(Object.keys(inFiles) as (keyof typeof inFiles)[]),
  ...compressedTypes,
] as const;
export const roundedType = z.enum(roundedTypes);
export type RoundedType = z.infer<typeof roundedType>;

export const isCompressedType = (type: RoundedType): type is CompressedType =>
  compressedTypes.some((each) => each === type);

/** The type of a GGUF file's weights that a rounded type stands for. */
export const ggufTypeOf = (type: Exclude<RoundedType, CompressedType>): GgufType =>
  isInFiles(type) ? inFiles[type] : type;

/** Weights that a sweep measures: those of the checkpoint, or rounded as a file of a type stores them. */
export const weightType = z.enum(['stored', ...roundedTypes]);
export type WeightType = z.infer<typeof weightType>;

/** Treatment of extra prediction layers in an export: their experts are sliced, or the layers are left out. */
export const predictionChoices = ['drop', 'slice'] as const;
export const predictionChoice = z.enum(predictionChoices);
export type PredictionChoice = z.infer<typeof predictionChoice>;

/** Answers of PyTorch to items drawn at random that onnxruntime gave in float32 too. */
export const refereed = z.object({
  precision: boundedText,
  seed: z.number().int().nonnegative(),
  answers: z.number().int().nonnegative(),
  /** The exact one-sided 95 % upper limit of the share of all answers that differ; null without answers. */
  atMost: z.number().nullable(),
  /**
   * Answers that differ: where they were given, their item, and the margins of PyTorch and of onnxruntime (the largest
   * log-likelihood of a choice above the second largest, in nats; null of a written answer).
   */
  flips: boundedList(
    z.object({
      point: boundedText,
      item: boundedText,
      margins: z.tuple([z.number().nullable(), z.number().nullable()]),
    }),
  ),
});
export type Refereed = z.infer<typeof refereed>;

/**
 * Result of verifying an export: the masked (or overlaid) original and the reopened export on the same tokens. A GGUF
 * file is not run (0 sequences, 0 tokens): its bytes are compared.
 */
export const verification = z.object({
  ok: z.boolean(),
  sequences: z.number(),
  tokens: z.number(),
  /** Largest |difference| of float32 logits, and its tolerance. */
  maxLogitDifference: z.number(),
  tolerance: z.number(),
  /** The same for each form of the export: the reopened checkpoint, and the graph in onnxruntime. */
  forms: boundedList(
    z.object({ form: z.enum(['hf', 'onnx']), maxLogitDifference: z.number(), tolerance: z.number() }),
  ).default([]),
  /** Whether every token chose the same experts (renumbered) at every MoE layer; null: a graph outputs only logits. */
  sameExperts: z.boolean().nullable(),
  /**
   * Whether every tensor in the export is byte for byte the plan's slice of the source (merged experts: recomputed).
   */
  sameTensors: z.boolean(),
  /** How the source's extra prediction layers were treated; null: it has none. */
  mtp: predictionChoice.nullable().default(null),
  /** Problems, each with its location; empty when ok. */
  problems: boundedList(boundedText),
  /** Parts of the export that were not compared, with the reason. */
  notes: z.array(sentence).max(MOST_NOTES).optional(),
  /** The export's answers in PyTorch, compared with onnxruntime's; absent where no referee was asked. */
  referee: refereed.optional(),
  /** Whether the export's logits are those of transformers; absent where nobody asked. */
  transformers: transformersCheck.optional(),
});
export type Verification = z.infer<typeof verification>;

/** Whether bytes were compared and nothing was run. */
export const comparesBytesOnly = ({ tokens, tolerance }: Pick<Verification, 'tokens' | 'tolerance'>): boolean =>
  tokens === 0 && tolerance === 0;
