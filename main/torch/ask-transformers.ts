import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import {
  CHECK_TOLERANCE,
  CHECKED_TOKENS,
  MOST_DIFFERING,
  type TransformersCheck,
} from '../contract/transformers-check.ts';
import type { ModelRunner } from '../inference/model-runner.ts';
import { seededRandom } from '../statistics/random.ts';
import type { KeptChecks } from './kept-checks.ts';
import { workerOrder } from './torch-choice.ts';
import { TorchModel, TorchWorkers } from './torch-model.ts';

/** Fixed: the same model is always asked about the same text. */
const SEED = 64;
/** Errors that say why transformers has no logits of a model, each a reason for "not compared". */
const NO_LOGITS: ReadonlySet<string> = new Set([
  'torch-architecture',
  'torch-weights',
  'torch-failed',
  'torch-memory',
  'too-large',
  'no-such-device',
  'wrong-python',
  'python-lacks',
  'no-python',
]);

/** Random tokens of a vocabulary, cut to the model's length. */
const checkedTokens = ({ descriptor: { vocabulary, maxPositions } }: Checkpoint): readonly number[] => {
  const random = seededRandom(SEED);
  return Array.from({ length: Math.min(CHECKED_TOKENS, maxPositions) }, () => random.integer(vocabulary));
};

/** By position: the largest difference of its logits [T, V], relative to the largest logit of all. */
const differences = (ours: Float32Array, theirs: Float32Array, tokens: number): readonly number[] => {
  const vocabulary = theirs.length / tokens;
  let most = 0;
  for (const value of theirs) most = Math.max(most, Math.abs(value));
  return Array.from({ length: tokens }, (_, position) => {
    let largest = 0;
    for (let at = position * vocabulary; at < (position + 1) * vocabulary; at += 1) {
      const apart = Math.abs((ours[at] ?? NaN) - (theirs[at] ?? NaN));
      // NaN is a difference, too.
      if (!(apart <= largest)) largest = Number.isNaN(apart) ? Infinity : apart;
    }
    return largest / most;
  });
};

/**
 * Compares 64 tokens of logits of a model with those of transformers, both in float32 on the processor, one after the
 * other: both models at once might not fit. `openRunner`: opens it in onnxruntime.
 *
 * @throws WorkbenchError refused: `differs-from-transformers`.
 */
export const askTransformers = async (
  checkpoint: Checkpoint,
  openRunner: () => Promise<Pick<ModelRunner, 'forward'>>,
  workers: TorchWorkers,
  { memoryBudgetBytes, signal }: { readonly memoryBudgetBytes: number; readonly signal: AbortSignal },
): Promise<TransformersCheck> => {
  const tokens = checkedTokens(checkpoint);
  let theirs: Float32Array;
  let version: string;
  try {
    const model = await TorchModel.start(checkpoint, workers, 'float32', memoryBudgetBytes);
    try {
      theirs = await model.logits(tokens, signal);
      version = model.computedBy.versions['transformers'] ?? '';
    } finally {
      await model.dispose();
    }
  } catch (error) {
    if (!(error instanceof WorkbenchError && NO_LOGITS.has(error.code))) throw error;
    return { word: 'not compared', why: error.message };
  }
  const runner = await openRunner();
  const [result] = await runner.forward([tokens], null, { signal });
  const apart = differences(result?.logits ?? new Float32Array(), theirs, tokens.length);
  const within = apart.filter((each) => each <= CHECK_TOLERANCE);
  const differing = apart.length - within.length;
  if (differing > MOST_DIFFERING)
    throw refuse(
      'differs-from-transformers',
      `${checkpoint.name} computes otherwise here than in transformers ${version}: of ${tokens.length} ` +
        `positions ${differing} have logits that differ by more than ${CHECK_TOLERANCE} of the ` +
        `largest one, the first by ${(apart.find((each) => each > CHECK_TOLERANCE) ?? NaN).toPrecision(2)}.`,
      'Numbers of this model would be wrong: report it with its config.json, or compute with --engine torch.',
    );
  return {
    word: 'equal',
    transformers: version,
    tokens: tokens.length,
    differing,
    difference: within.reduce((most, each) => Math.max(most, each), 0),
    tolerance: CHECK_TOLERANCE,
  };
};

/** What a machine compares models with. */
export interface TransformersHere {
  readonly resources: string;
  readonly threads: number;
  readonly memoryBudgetBytes: number;
  readonly checks: KeptChecks;
  /** Path of a Python; null: none is configured. */
  readonly python: () => Promise<string | null>;
}

/** The verdict on a model, which is asked for unless it is known by its content; the caller identified it before. */
export const checkedWithTransformers = async (
  checkpoint: Checkpoint,
  openRunner: () => Promise<Pick<ModelRunner, 'forward'>>,
  { resources, threads, memoryBudgetBytes, checks, python }: TransformersHere,
  signal: AbortSignal,
): Promise<TransformersCheck> => {
  const known = await checks.find(checkpoint.identity);
  if (known !== null) return known;
  const path = await python();
  if (path === null)
    return {
      word: 'not compared',
      why: 'no Python with PyTorch is configured ("uncurl doctor --python" makes one, --python names one).',
    };
  const workers = new TorchWorkers(workerOrder({ python: path, device: 'cpu' }, { resources, threads }), {
    keepsOne: false,
  });
  try {
    const check = await askTransformers(checkpoint, openRunner, workers, { memoryBudgetBytes, signal });
    await checks.keep(checkpoint.identity, check);
    return check;
  } finally {
    await workers.dispose();
  }
};
