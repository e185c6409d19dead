/**
 * What the engine knows of a checkpoint: a family's config keys and tensor names resolved to numbers and to places in
 * files. Everything downstream (graphs, pruning, export) reads this and never a family's own names.
 */

export type TensorDtype = 'F32' | 'F16' | 'BF16' | 'F64' | 'I64' | 'I32' | 'U8' | 'I8' | 'BOOL' | 'F8_E4M3';

/** A tensor, or a contiguous part of one, where it lies: `byteOffset` counts from the start of the file. */
export interface TensorView {
  /** Name of the tensor on disk that holds this view. */
  readonly tensor: string;
  readonly file: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** SwiGLU expert: down(silu(gate x) * up x); gate and up [I, H], down [H, I]. */
export interface ExpertTensors {
  readonly gate: TensorView;
  readonly up: TensorView;
  readonly down: TensorView;
}

export interface RoutingRule {
  /** `softmax-all`: softmax over all E in float32, then top-k (METHODS.md section 20, rule A). */
  readonly kind: 'softmax-all';
  /** Divide the K chosen weights by their sum. */
  readonly normalise: boolean;
}

export interface MoeDescriptor {
  /** E. */
  readonly experts: number;
  /** K. */
  readonly topK: number;
  /** I. */
  readonly width: number;
  readonly routing: RoutingRule;
  /** Router weight [E, H]. */
  readonly router: TensorView;
  readonly expertTensors: readonly ExpertTensors[];
  /** How an export finds what belongs to single experts. */
  readonly storage: ExpertStorage;
}

export interface ExpertStorage {
  /** Names of tensors whose first axis counts experts (router rows, stacked experts): an export slices rows. */
  readonly stacked: readonly string[];
  /** Tensors of expert e are named `${prefix}${e}.…`: an export renumbers them. Null where experts are stacked. */
  readonly prefix: string | null;
}

export interface AttentionDescriptor {
  readonly query: TensorView;
  readonly key: TensorView;
  readonly value: TensorView;
  readonly output: TensorView;
}

export interface BlockDescriptor {
  readonly attentionNorm: TensorView;
  readonly attention: AttentionDescriptor;
  readonly moeNorm: TensorView;
  readonly moe: MoeDescriptor;
}

export interface ModelDescriptor {
  readonly family: string;
  readonly hidden: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDimension: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  /** Query i sees keys j > i - window; null: all. */
  readonly slidingWindow: number | null;
  readonly vocabulary: number;
  readonly maxPositions: number;
  readonly tiedHead: boolean;
  readonly embedding: TensorView;
  readonly finalNorm: TensorView;
  readonly head: TensorView;
  readonly blocks: readonly BlockDescriptor[];
  /** Keys of config.json that hold E and K, as this folder writes them: an export edits these. */
  readonly configKeys: { readonly experts: readonly string[]; readonly topK: string };
}
