import type { MappedWeights } from '../checkpoint/mapped-weights.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ProviderName } from '../contract/device.ts';
import type { GraphTarget, SerialisedGraph } from '../graph/onnx-graph.ts';
import { externalDataRoot } from '../graph/weights.ts';
import { providers } from './providers/provider.ts';
import { Session, type SessionSettings } from './session.ts';
import type { TensorView, Weight } from '../checkpoint/descriptor.ts';
import { bfloatsToFloat32 } from '../checkpoint/half-precision.ts';
import { readTensor, readTensorBytes, storedName } from '../checkpoint/read-tensor.ts';
import { readWithScales } from '../checkpoint/weight-reader.ts';
import { refuse } from '../contract/errors.ts';

/** The largest finite number in half precision (IEEE 754 binary16). */
const LARGEST_HALF = 65_504;

/** From here on, rounding to nearest gives infinity. */
const FIRST_INFINITE = 65_520;

/** Upper half of the float32 bits of the first bfloat16 number that is infinite in half precision: 65,536. */
const FIRST_INFINITE_BFLOAT = 0x4780;

/**
 * Weights of one model against the range of half precision, read once each, before a session rounds them: an infinite
 * weight would make every number of a model meaningless.
 */
export class HalfRange {
  readonly #model: string;
  readonly #known = new Set<string>();

  constructor(model: string) {
    this.#model = model;
  }

  /** @throws WorkbenchError refused: `beyond-half`, with the name of the tensor and its value. */
  async require({ halved }: Pick<SerialisedGraph, 'halved'>): Promise<void> {
    for (const weights of halved) {
      const { file, byteOffset } = 'stored' in weights ? codesOf(weights) : weights;
      const key = `${file}:${byteOffset}`;
      if (this.#known.has(key)) continue;
      const name = 'stored' in weights ? storedName(weights) : weights.tensor;
      const value = await ('stored' in weights ? beyondByScales(weights) : beyondHalf(weights));
      if (value !== null)
        throw refuse(
          'beyond-half',
          `Tensor ${name} of ${this.#model} has a value of ${value}, and half precision ends at ` +
            `${LARGEST_HALF}: the model cannot run in float16.`,
          'Use --precision float32.',
        );
      this.#known.add(key);
    }
  }
}

const codesOf = ({ stored }: Weight): TensorView => {
  if (stored.kind === 'mxfp4') return stored.blocks;
  return stored.kind === 'split-heads' ? stored.keys : stored.view;
};

/** The first value of a tensor that rounds to infinity in half precision, or is not a number; null: none. */
const beyondHalf = async (view: TensorView): Promise<number | null> => {
  if (view.dtype !== 'BF16') return firstBeyond(await readTensor(view));
  const { buffer, byteOffset, byteLength } = await readTensorBytes(view);
  const bits = new Uint16Array(buffer, byteOffset, byteLength / 2);
  for (let index = 0; index < bits.length; index += 1)
    if (((bits[index] ?? 0) & 0x7fff) >= FIRST_INFINITE_BFLOAT)
      return bfloatsToFloat32(bits.subarray(index, index + 1))[0] ?? null;
  return null;
};

const firstBeyond = (values: Float32Array): number | null => {
  for (const value of values) if (!(Math.abs(value) < FIRST_INFINITE)) return value;
  return null;
};

/** Largest codes of float8 e4m3 and of float4 e2m1 (OCP Microscaling Formats specification 1.0, section 5.3). */
const LARGEST_E4M3 = 448;
const LARGEST_E2M1 = 6;
const SCALE_BIAS = 127;

/** The same for quantised weights; for float8 and MXFP4 the largest code times the first scale that takes it beyond. */
const beyondByScales = async (given: Weight): Promise<number | null> => {
  const { stored } = given;
  switch (stored.kind) {
    case 'plain':
      return beyondHalf(stored.view);
    case 'fp8':
      return firstBeyond((await readTensor(stored.scales)).map((scale) => LARGEST_E4M3 * scale));
    case 'mxfp4': {
      const exponents = await readTensorBytes(stored.scales);
      return firstBeyond(Float32Array.from(exponents, (exponent) => LARGEST_E2M1 * 2 ** (exponent - SCALE_BIAS)));
    }
    case 'split-heads':
      return (await beyondHalf(stored.keys)) ?? (await beyondHalf(stored.values));
    case 'scaled':
    case 'packed-columns':
      return firstBeyond(await readWithScales(given));
  }
};

/** Opens sessions over parts of a checkpoint. */
export class ModelSessions {
  readonly checkpoint: Checkpoint;
  /** Device of the graphs. */
  readonly target: GraphTarget;
  readonly #common: Pick<SessionSettings, 'threads' | 'provider' | 'externalRoot' | 'weights'>;
  readonly #mapped: MappedWeights;
  readonly #range: HalfRange;

  constructor(checkpoint: Checkpoint, threads: number, provider: ProviderName, mapped: MappedWeights) {
    this.checkpoint = checkpoint;
    this.target = providers[provider];
    this.#common = { threads, provider, externalRoot: externalDataRoot(checkpoint.folder), weights: 'resident' };
    this.#mapped = mapped;
    this.#range = new HalfRange(checkpoint.name);
  }

  /**
   * `title`: of the session, for messages; `part` of the model `reads` these weights: later changes of their files are
   * found by that name.
   *
   * @throws WorkbenchError `beyond-half`, or as `Session.open`.
   */
  async open(
    title: string,
    { part, reads }: { readonly part: string; readonly reads: unknown },
    graph: SerialisedGraph,
    changes: Partial<Pick<SessionSettings, 'provider' | 'weights' | 'isLong'>> = {},
  ): Promise<Session> {
    await this.#mapped.note(part, reads);
    await this.#range.require(graph);
    return Session.open(`${title} of ${this.checkpoint.name}`, graph, { ...this.#common, ...changes });
  }
}
