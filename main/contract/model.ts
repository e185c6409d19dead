import { z } from 'zod';
import { boundedList, boundedText, moment } from './bounds.ts';

/** A path that the page may use: issued by the engine, or by the shell after a native dialog. Opaque to the page. */
export const pathHandle = z.string().min(1).max(128).brand<'PathHandle'>();
export type PathHandle = z.infer<typeof pathHandle>;

/**
 * Experts form `count` contiguous groups of equal size; a token uses the best `kept` of them, ranked by their `least`
 * best experts.
 */
export const expertGroupRule = z.object({ count: z.number(), kept: z.number(), least: z.number() });
export type ExpertGroupRule = z.infer<typeof expertGroupRule>;

/** Bytes that a model adds to a process with every block resident, and with one block at a time. */
const memoryBytes = z.object({ resident: z.number(), streaming: z.number() });

const torchBytes = z.object({ float32: z.number(), half: z.number() });
/**
 * Bytes that a model takes in PyTorch beside the process itself, in float32 and in 16-bit precisions: as a whole, block
 * by block, and for each more pass that goes through the blocks beside the first.
 */
const torchMemory = torchBytes.extend({ streamed: torchBytes.optional(), pass: torchBytes.optional() });
export type TorchMemory = z.infer<typeof torchMemory>;
type TorchBytes = z.infer<typeof torchBytes>;

/** Facts about a checkpoint, read from its headers without loading weights. */
export const modelInfo = z.object({
  family: boundedText,
  layers: z.number(),
  moeLayers: z.number(),
  /** E, experts per MoE layer. */
  experts: z.number(),
  /** K, experts chosen per token. */
  topK: z.number(),
  hidden: z.number(),
  /** I, inner width of one expert. */
  expertWidth: z.number(),
  sharedExperts: z.number(),
  /** Absent: the router chooses among all experts. */
  expertGroups: expertGroupRule.optional(),
  /** Number of experts, over all layers, that output a constant vector instead of running (MoNE); absent: none. */
  constantExperts: z.number().optional(),
  /** A sentence on what dropping experts means in this model, where it is more than leaving them out. */
  pruningNote: boundedText.optional(),
  /**
   * Whether deleting experts makes the gates of the others grow, since the router is a softmax over all of them and is
   * not renormalised; absent: no.
   */
  gatesGrow: z.boolean().optional(),
  /**
   * Whether an export keeps rows of dropped experts as rows of experts that give back their input and are never chosen,
   * so that gates do not grow; absent: no.
   */
  identityRows: z.boolean().optional(),
  /** Whether the K chosen gate weights are renormalised to sum to 1. */
  normTopK: z.boolean(),
  vocabulary: z.number(),
  maxPositions: z.number(),
  /** Counts of weights: all, inside routed experts, and used per token (K experts, router and dense parts). */
  parameters: z.object({ total: z.number(), expert: z.number(), active: z.number() }),
  dtype: boundedText,
  sizeBytes: z.number(),
  /** Bytes of all tensors of each stored type, the most first; absent where the weights are not here. */
  weightTypes: boundedList(z.object({ type: boundedText, bytes: z.number() })).optional(),
  /** Whether it is a GGUF file, which is exported as stored. */
  isGguf: z.boolean().optional(),
  /** Bytes among them that are not used here: extra prediction layers, and towers for images and sound. */
  unusedBytes: z.object({ prediction: z.number(), carried: z.number() }).optional(),
  /** The same with matrices in float32, and in float16 on a device that computes in it; and in PyTorch. */
  memory: memoryBytes.extend({ float16: memoryBytes, torch: torchMemory }),
  supported: z.boolean(),
  /** Why it cannot run here, or what it lacks (for example: no tokenizer, so no tasks). */
  reasons: boundedList(boundedText),
  /** Name of the file with its chat template; absent where none was found. */
  chatTemplate: boundedText.optional(),
});
export type ModelInfo = z.infer<typeof modelInfo>;

/** The newest run with a model or task of this path that had another hash then. */
export const changedSince = z.object({
  run: boundedText,
  /** What it did to it, as a past participle: "swept". */
  measured: boundedText,
  title: boundedText,
  createdAt: moment,
  /** Its hash then. */
  hash: boundedText,
});
export type ChangedSince = z.infer<typeof changedSince>;

/** The first characters of a hash, enough to tell two apart. */
export const shortHash = (hash: string): string => hash.slice(0, 8);

/** A model folder that the workbench remembers. `error` is set where the folder cannot be opened. */
export const modelEntry = z.object({
  handle: pathHandle,
  name: boundedText,
  path: boundedText,
  bundled: z.boolean(),
  /**
   * Hash of configuration and weights: models with the same fingerprint have the same ones. Null where the folder
   * cannot be opened, and for a large model until the first run that stores a number of it has hashed it.
   */
  fingerprint: boundedText.nullable(),
  /** SHA-256 over all files that its numbers depend on (ModelHashes.identity); absent until it is hashed. */
  sha256: boundedText.optional(),
  info: modelInfo.nullable(),
  error: boundedText.nullable(),
  /** Present where the folder is gone (moved or deleted), with its last known fingerprint: it can be located. */
  missing: z.object({ fingerprint: boundedText.nullable() }).optional(),
  changed: changedSince.optional(),
});
export type ModelEntry = z.infer<typeof modelEntry>;

/** Positions of a model that are used here, and those that its config states where these are more. */
export interface Positions {
  readonly maxPositions: number;
  readonly statedPositions?: number | undefined;
}

/**
 * Beyond its original context longrope takes other factors. transformers 5.24 takes them for the magnitude alone
 * (modeling_phimoe.py computes the angles without the length), and PhiMoE's own code for the angles too.
 */
export const positionsText = ({ maxPositions, statedPositions }: Positions): string =>
  statedPositions === undefined
    ? `${maxPositions} positions`
    : `${maxPositions} positions here (its config says ${statedPositions}; beyond ` +
      `${maxPositions} longrope takes its long factors, which transformers 5.24 and the model's own code ` +
      'apply differently)';

/** Whether a model can run within a budget: with every block in memory, one block at a time, or not at all. */
export interface MemoryVerdict {
  readonly kind: 'resident' | 'streamed' | 'too-large';
  /** Bytes of memory: weights, sessions, and values of a run. */
  readonly needBytes: number;
  readonly budgetBytes: number;
}

/** Bytes of memory that a model takes where its matrices are held in a precision. */
export const memoryIn = (
  { memory }: Pick<ModelInfo, 'memory'>,
  precision: string,
): { readonly resident: number; readonly streaming: number } => (precision === 'float16' ? memory.float16 : memory);

/**
 * Bytes of Python with PyTorch 2.13 and transformers, and of the engine: of a whole model also what the allocator
 * keeps, which it gives back at once where blocks take turns (`give_back` of resources/torch/uncurl_streaming.py).
 */
const TORCH_PROCESS_BYTES = { whole: 0.8e9, streamed: 0.6e9 };

/** Passes that go through the blocks of a model side by side at most, so that its weights are read once for all. */
const MOST_PASSES = 32;

/**
 * How a model runs in PyTorch in a precision within a budget: as a whole, or block by block with as many passes side by
 * side as fit. On the processor bytes are those with the process itself, whose share of a card is taken before the card
 * says what it has free. The pages of the file, which are in memory while weights are read, do not count: the system
 * takes them back when it needs them. `spread`: over several cards at once, where blocks are not streamed.
 */
export const torchVerdict = (
  { memory: { torch } }: { readonly memory: Pick<ModelInfo['memory'], 'torch'> },
  { precision, isOnProcessor, spread = false }: TorchPlace,
  budgetBytes: number,
): MemoryVerdict & { readonly passes: number } => {
  const of = ({ float32, half }: TorchBytes): number => (precision === 'float32' ? float32 : half);
  const process = isOnProcessor ? TORCH_PROCESS_BYTES : { whole: 0, streamed: 0 };
  const whole = of(torch) + process.whole;
  if (whole <= budgetBytes) return { kind: 'resident', needBytes: whole, budgetBytes, passes: 1 };
  const { streamed, pass } = torch;
  const isStreamed = streamed !== undefined && pass !== undefined && !spread;
  const needBytes = isStreamed ? of(streamed) + process.streamed : whole;
  if (!isStreamed || needBytes > budgetBytes) return { kind: 'too-large', needBytes, budgetBytes, passes: 1 };
  const more = Math.floor((budgetBytes - needBytes) / of(pass));
  return { kind: 'streamed', needBytes, budgetBytes, passes: Math.min(MOST_PASSES, 1 + more) };
};

/** The precision, whether it is the processor, and whether one model lies on several cards. */
export interface TorchPlace {
  readonly precision: string;
  readonly isOnProcessor: boolean;
  readonly spread?: boolean;
}

/** Decides from headers alone, before anything runs. `precision`: of the device. */
export const memoryVerdict = (
  info: Pick<ModelInfo, 'memory'>,
  budgetBytes: number,
  precision = 'float32',
): MemoryVerdict => {
  const memory = memoryIn(info, precision);
  if (memory.resident <= budgetBytes) return { kind: 'resident', needBytes: memory.resident, budgetBytes };
  if (memory.streaming <= budgetBytes) return { kind: 'streamed', needBytes: memory.streaming, budgetBytes };
  return { kind: 'too-large', needBytes: memory.streaming, budgetBytes };
};

/** Per MoE layer, for each expert of the pruned model, the corresponding expert of the source. */
const standsFor = boundedList(boundedList(z.number().int().nonnegative()));

/**
 * Models on the shelf related by pruning, found by the plan stored in an export: those made from the requested model,
 * and the one that it was made from. Expert numbers are those of the source.
 */
export const prunedCopies = z.object({
  copies: boundedList(z.object({ model: pathHandle, standsFor })),
  source: z.object({ model: pathHandle, standsFor }).nullable(),
});
export type PrunedCopies = z.infer<typeof prunedCopies>;
