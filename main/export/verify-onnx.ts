import path from 'node:path';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { CancelledError, WorkbenchError } from '../contract/errors.ts';
import { memoryVerdict } from '../contract/model.ts';
import { readBytes } from '../files/regular-file.ts';
import { ATTENTION_MASK, INPUT_IDS, LOGITS } from '../graph/whole-model.ts';
import { groupTrees } from '../inference/batch.ts';
import type { ForwardResult } from '../inference/model-runner.ts';
import { floatsOf, integerTensor, Session } from '../inference/session.ts';
import { maxOf } from '../statistics/extremes.ts';
import { compareLogits, type LogitComparison, NOT_COMPARABLE } from './compare-forward.ts';
import { ONNX_FILE } from './onnx-files.ts';
import type { ExportMachine } from './export-progress.ts';

/** Logits of one run, slots x vocabulary: 128 MB of float32. */
const MAX_LOGITS = 2 ** 25;
/** Maximum number of padded slots in one run, so that a cancel takes effect soon. */
const MAX_SLOTS = 2048;
/** Sequences up to this length run a second time, with padding on the left. */
const SHORT_TOKENS = 40;

/** Padded slots of one run. The original runs in batches of this size, as attention over as many slots rounds alike. */
export const verificationSlots = (vocabulary: number): number =>
  Math.max(1, Math.min(MAX_SLOTS, Math.floor(MAX_LOGITS / vocabulary)));

/**
 * Bound where sums run in an order other than the original's: over other slots (padding on the left), or over weights
 * that are not repacked. A wrong graph differs far more.
 */
const OTHER_ORDER_TOLERANCE = 1e-4;

/**
 * Sequences that run together; each is shifted right by `before` slots of padding, and the rest after it is padding.
 */
interface PaddedBatch {
  readonly members: readonly { readonly sequence: number; readonly before: number }[];
  readonly slots: number;
  readonly padding: 'right' | 'left';
}

export interface GraphComparison extends LogitComparison {
  /** The bound for `maxLogitDifference`. */
  readonly tolerance: number;
}

/** Limit of protobuf messages. */
const MAX_GRAPH_BYTES = 2 ** 31 - 1;

/**
 * Opens the graph of an export in a separate session and compares its logits with those of the masked (or overlaid)
 * original, `original`, which ran in batches of `verificationSlots`: all sequences in the same batches, padded on the
 * right, and the short ones together once more, padded on the left.
 *
 * Where sums run in another order than the original's, a tie in a router may be decided differently and change the rest
 * of a sequence; then more than half of the sequences must agree, and `maxLogitDifference` covers only those. (The
 * weights themselves are compared byte by byte elsewhere.)
 */
export const compareOnnx = async (
  folder: string,
  source: Checkpoint,
  sequences: readonly (readonly number[])[],
  original: readonly ForwardResult[],
  tolerance: number,
  settings: ExportMachine,
  control: { readonly signal: AbortSignal; readonly onProgress: (share: number) => void },
): Promise<GraphComparison> => {
  const weights = memoryVerdict(source.info, settings.memoryBudgetBytes).kind === 'resident' ? 'resident' : 'mapped';
  let session: Session;
  try {
    session = await Session.open(
      `${path.basename(folder)}/${ONNX_FILE}`,
      await readBytes(path.join(folder, ONNX_FILE), { mostBytes: MAX_GRAPH_BYTES }),
      { threads: settings.threads, externalRoot: folder, weights },
    );
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === 'session-failed') {
      return {
        maxLogitDifference: NOT_COMPARABLE,
        tolerance,
        problems: [`${ONNX_FILE} does not open: ${error.message}`],
      };
    }
    throw error;
  }
  try {
    const { vocabulary } = source.descriptor;
    const batches = paddedBatches(sequences, verificationSlots(vocabulary));
    const found: (LogitComparison & { readonly padding: 'right' | 'left' })[] = [];
    const bound = (padding: 'right' | 'left'): number =>
      padding === 'right' && weights === 'resident' ? tolerance : OTHER_ORDER_TOLERANCE;
    for (const [index, batch] of batches.entries()) {
      await letMessagesIn();
      if (control.signal.aborted) throw new CancelledError('The verification');
      const logits = await runBatch(session, batch, sequences);
      const { padding, slots } = batch;
      batch.members.forEach(({ sequence, before }, row) => {
        const length = sequences[sequence]?.length ?? 0;
        const start = (row * slots + before) * vocabulary;
        const ofSequence = logits.subarray(start, start + length * vocabulary);
        const where = `${ONNX_FILE}, sequence ${String(sequence)} padded on the ${padding}`;
        found.push({
          ...compareLogits(original[sequence]?.logits ?? new Float32Array(), ofSequence, length, bound(padding), where),
          padding,
        });
      });
      control.onProgress((index + 1) / batches.length);
    }
    const onSide = (side: 'right' | 'left'): LogitComparison => {
      const comparisons = found.filter(({ padding }) => padding === side);
      return bound(side) === tolerance ? together(comparisons) : mostOf(comparisons);
    };
    const [right, left] = [onSide('right'), onSide('left')];
    return {
      maxLogitDifference: right.maxLogitDifference,
      tolerance: bound('right'),
      problems: [...right.problems, ...left.problems],
    };
  } finally {
    await session.dispose();
  }
};

const together = (comparisons: readonly LogitComparison[]): LogitComparison => ({
  maxLogitDifference: maxOf([0, ...comparisons.map(({ maxLogitDifference }) => maxLogitDifference)]),
  problems: comparisons.flatMap(({ problems }) => problems),
});

/** Those that agree if they are more than half, else all. */
const mostOf = (comparisons: readonly LogitComparison[]): LogitComparison => {
  const agreeing = comparisons.filter(({ problems }) => problems.length === 0);
  return together(2 * agreeing.length > comparisons.length ? agreeing : comparisons);
};

const paddedBatches = (sequences: readonly (readonly number[])[], slots: number): readonly PaddedBatch[] => {
  const lengthOf = (sequence: number): number => sequences[sequence]?.length ?? 0;
  const right = groupTrees(
    sequences.map((trunk) => ({ trunk, branches: [] })),
    slots,
  ).map((group): PaddedBatch => ({
    members: group.map((sequence) => ({ sequence, before: 0 })),
    slots: maxOf(group.map(lengthOf)),
    padding: 'right',
  }));
  const short = [...sequences.keys()].filter(
    (sequence, _, all) => lengthOf(sequence) <= SHORT_TOKENS && all.length * (SHORT_TOKENS + 1) <= slots,
  );
  if (short.length === 0) return right;
  // One slot more than the longest needs, so that every sequence is padded.
  const wide = maxOf(short.map(lengthOf)) + 1;
  const left = short.map((sequence) => ({ sequence, before: wide - lengthOf(sequence) }));
  return [...right, { members: left, slots: wide, padding: 'left' }];
};

/** [B, slots, V] logits. */
const runBatch = async (
  session: Session,
  { members, slots }: PaddedBatch,
  sequences: readonly (readonly number[])[],
): Promise<Float32Array> => {
  const shape = [members.length, slots];
  const ids = new Int32Array(members.length * slots);
  const mask = new Int32Array(members.length * slots);
  members.forEach(({ sequence, before }, row) => {
    const tokens = sequences[sequence] ?? [];
    const start = row * slots + before;
    ids.set(tokens, start);
    mask.fill(1, start, start + tokens.length);
  });
  const { [LOGITS]: logits } = await session.run(
    { [INPUT_IDS]: integerTensor(ids, shape), [ATTENTION_MASK]: integerTensor(mask, shape) },
    [LOGITS],
  );
  if (logits === undefined) throw new Error(`a graph without ${LOGITS}`);
  return floatsOf(logits);
};

/** A run blocks the event loop, so cancels are received between runs. */
const letMessagesIn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
