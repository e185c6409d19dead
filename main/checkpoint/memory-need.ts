import { valuesIn } from '../arithmetic/vectors.ts';
import type { TorchMemory } from '../contract/model.ts';
import { MAPPED_ALONE, MOST_MAPPED } from '../contract/allocation.ts';
import { maxOf } from '../statistics/extremes.ts';
import type { BlockDescriptor, ModelDescriptor, TensorDtype, Weight } from './descriptor.ts';
import { isBlockType } from './gguf/gguf-types.ts';
import { hasScales } from './weight-reader.ts';

/** Padded tokens per batch: large enough for full speed, small enough that a run takes far less than a second. */
export const BATCH_SLOTS = 2048;

/** Length of the sequences for which attention scores are counted; longer ones take more. */
const USUAL_LENGTH = 256;

/**
 * Bytes beside the weights, measured with `tests/bench/many-experts.ts` on models of 8 to 512 experts (onnxruntime
 * 1.30, Node 24): the engine with onnxruntime and a tokenizer; name, shape and place of a tensor, twice with what
 * reading them leaves; nodes of an expert in a session, and its messages while the session opens.
 */
const ENGINE_BYTES = 80e6;
const TENSOR_BYTES = 5e3;
const SESSION_BYTES_OF_EXPERT = 50e3;
const OPENING_BYTES_OF_EXPERT = 60e3;
const MATRICES_OF_EXPERT = 3;

/** Numbers of weights: of the routed experts of a block, of its other parts, and of what mixes its tokens alone. */
export interface BlockCounts {
  readonly block: BlockDescriptor;
  readonly experts: number;
  readonly rest: number;
  readonly mixing: number;
}

/**
 * Bytes that a model adds to a process, with every block in memory or one at a time, in batches of `BATCH_SLOTS`:
 *
 * weights in float32, in which graphs compute, or matrices in float16 on a device that computes in it (`bytes`: of a
 *   number of them, 4 or 2);
 * what glibc keeps of opening a block: a session reads or computes each matrix and repacks it, and the first is freed.
 *   It is returned where matrices are mapped alone (`allocationEnvironment`); else it counts again;
 * values of one quantised block, computed from the file before its session opens, beside the session's own copy. The
 *   stored bytes stay in the file, whose pages the system keeps as far as memory allows and gives back without writing;
 * sessions, descriptions of tensors, and the engine, by the constants above;
 * values of one run: rows of experts in and out (3 H + 2 I for each of K choices), or queries, keys, values and scores
 *   of sequences of 256 tokens, or what Mamba selects, whichever are more.
 *
 * Caches of answers that are being written and hidden states between blocks come out of what a budget leaves.
 */
export const memoryNeed = (
  model: ModelDescriptor,
  outer: number,
  blocks: readonly BlockCounts[],
  environment: Readonly<Partial<Record<string, string>>>,
  bytes: 4 | 2,
): { readonly resident: number; readonly streaming: number } => {
  const isMapping = process.platform === 'linux' && environment['MALLOC_MMAP_THRESHOLD_'] !== undefined;
  const matrices = blocks.reduce((sum, { block }) => sum + MATRICES_OF_EXPERT * (block.moe?.experts ?? 0), 0);
  const bytesOf = ({ experts, rest }: BlockCounts): number => bytes * (experts + rest);
  /** Bytes kept of a block's opening, where a model has `all` such matrices open. */
  const keptOf = (each: BlockCounts, all: number): number => {
    if (isStoredIn(bytes === 4 ? 'F32' : 'F16', each.block)) return 0;
    return bytesOf(each) * (isMapping && isMappedAlone(each.block) ? Math.max(0, 1 - MOST_MAPPED / all) : 1);
  };
  const largest = (of: (each: BlockCounts) => number): number => maxOf([0, ...blocks.map(of)]);
  const expertsOf = ({ block }: BlockCounts): number => block.moe?.experts ?? 0;
  // If a block computes in float16, the session's copy stays float32 until the graph has cast it.
  const computed = hasBlocks(model) ? (bytes === 4 ? 1 : 4) * largest(bytesOf) : 0;
  const always =
    bytes * outer +
    computed +
    ENGINE_BYTES +
    TENSOR_BYTES * matrices +
    OPENING_BYTES_OF_EXPERT * largest(expertsOf) +
    largest((each) => runBytes(model, each));
  return {
    resident:
      always +
      blocks.reduce(
        (sum, each) => sum + bytesOf(each) + keptOf(each, matrices) + SESSION_BYTES_OF_EXPERT * expertsOf(each),
        0,
      ),
    streaming:
      always +
      largest((each) => bytesOf(each) + keptOf(each, expertsOf(each)) + SESSION_BYTES_OF_EXPERT * expertsOf(each)),
  };
};

/** In PyTorch: padded tokens that are counted for a pass, those whose keys and values it holds, and its most logits. */
export const TORCH_LIMITS = { pass: 4096, keys: 8192, logits: 2 ** 26 };

/** Blocks that take memory where a model is streamed: one that computes, the next, and one that is being converted. */
const STREAMED_BLOCKS = 3;
/** Masks of a pass of one long row. */
const MASK_NUMBERS = 2 ** 22;

/**
 * Bytes that a model takes in PyTorch beside the process itself, with weights and values of `bytes` each: all weights,
 * keys and values, the rows of experts of one pass (four of hidden states for each choice, three of an expert's width;
 * of a pass over prompts, which has twice the tokens, two and less), and its logits in float32, three times: of a
 * model, of the one that it is compared with, and their logarithms.
 */
const torchBytes = (model: ModelDescriptor, parameters: number, bytes: 4 | 2): number => {
  const { hidden, vocabulary, blocks } = model;
  const rows = blocks.map(({ moe }) => 4 * (moe?.topK ?? 0) * hidden + 3 * (moe?.width ?? 0));
  return (
    bytes *
      (parameters + TORCH_LIMITS.keys * keyNumbers(model) + TORCH_LIMITS.pass * (maxOf([0, ...rows]) + 8 * hidden)) +
    12 * Math.min(TORCH_LIMITS.logits, TORCH_LIMITS.pass * vocabulary)
  );
};

/** `outer`: parameters outside of blocks; `largest`: of the largest block. */
export const torchMemory = (
  model: ModelDescriptor,
  { parameters, outer, largest }: { readonly parameters: number; readonly outer: number; readonly largest: number },
): TorchMemory => {
  // What a pass keeps while another one computes: keys and values, a few hidden states, and a mask.
  const pass = TORCH_LIMITS.keys * keyNumbers(model) + TORCH_LIMITS.pass * 4 * model.hidden + MASK_NUMBERS;
  const both = (of: (bytes: 4 | 2) => number): { readonly float32: number; readonly half: number } => ({
    float32: of(4),
    half: of(2),
  });
  return {
    ...both((bytes) => torchBytes(model, parameters, bytes)),
    streamed: both((bytes) => torchBytes(model, outer + STREAMED_BLOCKS * largest, bytes)),
    pass: both((bytes) => bytes * pass),
  };
};

/** Numbers of the keys and values of a token in all blocks, as transformers keeps them. */
const keyNumbers = ({ blocks }: ModelDescriptor): number =>
  blocks.reduce((sum, { attention }) => sum + keyNumbersOf(attention), 0);

const keyNumbersOf = (attention: BlockDescriptor['attention']): number => {
  if (attention === null) return 0;
  if (attention.kind === 'grouped')
    return attention.key === null ? 0 : attention.keyValueHeads * (attention.headDimension + attention.valueDimension);
  return attention.heads * (attention.plainDimension + attention.rotatedDimension + attention.valueDimension);
};

/** Values of one run of a block at once. */
const runBytes = ({ hidden }: ModelDescriptor, { block, mixing }: BlockCounts): number => {
  const { moe, attention, state } = block;
  const rows = BATCH_SLOTS * (moe?.topK ?? 0);
  const experts = 4 * rows * (3 * hidden + 2 * (moe?.width ?? 0));
  const scores = 8 * (attention?.heads ?? 0) * BATCH_SLOTS * USUAL_LENGTH;
  // Projections have a row for each of the numbers that they make of a token's hidden states.
  const projected = 8 * BATCH_SLOTS * (mixing / hidden);
  // Every channel of Mamba has its own rate and input for each number of its state, which are made one after the other.
  const selected = state?.kind === 'mamba-1' ? 16 * BATCH_SLOTS * state.channels * state.stateDimension : 0;
  return Math.max(experts, projected + scores + selected);
};

const isMappedAlone = (block: BlockDescriptor): boolean => {
  const matrix = firstUp(block)?.shape;
  return matrix === undefined || 4 * valuesIn(matrix) >= MAPPED_ALONE;
};

const firstUp = ({ moe }: BlockDescriptor): Weight | undefined =>
  moe?.expertTensors.find(({ constant }) => constant === undefined)?.up;

/** Stored in the format of the graph: a session maps the file, and only repacked matrices take memory. */
const isStoredIn = (dtype: TensorDtype, block: BlockDescriptor): boolean => {
  const stored = firstUp(block)?.stored;
  return stored?.kind === 'plain' && stored.view.dtype === dtype;
};

/** Whether experts are stored in blocks of quantised values, as in GGUF files, or with scales beside them. */
const hasBlocks = ({ moeLayers }: ModelDescriptor): boolean =>
  moeLayers.some(({ moe }) =>
    moe.expertTensors.some(
      ({ up }) => hasScales(up) || (up.stored.kind === 'plain' && isBlockType(up.stored.view.dtype)),
    ),
  );
