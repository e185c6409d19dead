import type { FileContent } from './file-content.ts';
import type { BlockType } from './gguf/gguf-types.ts';

/**
 * Description of a checkpoint: a family's config keys and tensor names resolved to numbers and positions in files.
 * Everything downstream (graphs, pruning, export) reads this and never a family's own names.
 */

/** Dtypes of safetensors files. */
export type PlainDtype = 'F32' | 'F16' | 'BF16' | 'F64' | 'I64' | 'I32' | 'U8' | 'I8' | 'BOOL' | 'F8_E4M3' | 'F8_E8M0';

/** GGUF files have blocks of quantised values too, whose readers get float32. */
export type TensorDtype = PlainDtype | BlockType;

/** A tensor on disk, or a contiguous part of one; `byteOffset` counts from the start of the file. */
export interface TensorView {
  /** Name of the tensor on disk that contains this view. */
  readonly tensor: string;
  readonly file: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Multiplies the values, which are rounded to `dtype` then (of blocks: their scales are); absent: 1. */
  readonly factor?: number;
  /** What its file contained when it was hashed; absent for files of no model, such as overlays. */
  readonly content?: FileContent | undefined;
}

/**
 * How stored bytes become a float32 matrix [out, in] (or a vector). `stored` may be wider than the weight: `select`
 * takes every second row or column of it (gpt-oss interleaves gate and up) or one half, `transposed` means that it is
 * stored as [in, out].
 */
export interface Weight {
  readonly stored: StoredMatrix;
  readonly select?: { readonly axis: number; readonly start: 0 | 1; readonly half?: true };
  readonly transposed?: boolean;
  /** [out, in] or [length] of the weight itself. */
  readonly shape: readonly number[];
}

export type StoredMatrix =
  | { readonly kind: 'plain'; readonly view: TensorView }
  /** float8 e4m3, value = weight * scale of its 128 x 128 block; the last blocks may be partial. */
  | {
      readonly kind: 'fp8';
      readonly view: TensorView;
      readonly scales: TensorView;
      readonly block: readonly [number, number];
    }
  /** Codes [out, in] of compressed-tensors, or packed ones: value = (code - zero point) * scale. */
  | {
      readonly kind: 'scaled';
      readonly view: TensorView;
      readonly scales: TensorView;
      /** Divides all scales of the matrix (NVFP4). */
      readonly globalScale: TensorView | null;
      readonly zeroPoints: TensorView | null;
      /** The group of each column; null: groups are runs of columns. */
      readonly order: TensorView | null;
      readonly bits: number;
      /** A byte each, as many as fit into words of 32 bits, or two 4-bit floats in a byte. */
      readonly packing: 'bytes' | 'words' | 'pairs';
      /** Rows and columns of one scale; null: all. */
      readonly span: readonly [rows: number | null, columns: number | null];
    }
  /** Words of integers [in, out] of GPTQ and AWQ: value = (code - zero point) * scale of a group of inputs. */
  | {
      readonly kind: 'packed-columns';
      readonly layout: 'gptq' | 'gptq_v2' | 'awq';
      readonly view: TensorView;
      readonly scales: TensorView;
      readonly zeroPoints: TensorView;
      /** The group of each input; null: groups are runs of them. */
      readonly order: TensorView | null;
      readonly bits: number;
      /** Inputs of one scale; null: all. */
      readonly group: number | null;
    }
  /** Rows [N (K + V), D] of N heads, as GGUF files have them: for keys [N, D, K], for values [N, V, D]. */
  | { readonly kind: 'split-heads'; readonly keys: TensorView; readonly values: TensorView }
  /** Two e2m1 values per byte, low nibble first; one power-of-two scale (exponent + 127) per 32 values of a row. */
  | { readonly kind: 'mxfp4'; readonly blocks: TensorView; readonly scales: TensorView };

/** Matrices of an expert; where experts have a latent space of size D, H stands for D. */
export interface ExpertTensors {
  /** [I, H]; null: there is none. */
  readonly gate: Weight | null;
  /** [I, H]. */
  readonly up: Weight;
  /** [H, I]. */
  readonly down: Weight;
  /** [I], [I] and [H], where the family has them. */
  readonly gateBias?: Weight;
  readonly upBias?: Weight;
  readonly downBias?: Weight;
  /** [H]: if present, the expert returns this vector for every input, and its matrices are not used. */
  readonly constant?: TensorView;
}

/**
 * `silu`: silu(gate) * up. `clamped`: gpt-oss, gate at most `limit`, up within +-`limit`, (up + 1) gate sigmoid(alpha
 * gate). `limited`: silu(gate) at most `limit`, times up within +-`limit`; `bounded`: silu(gate at
 * most `limit`). `gelu`: gelu(gate) * up, by tanh. `relu2`: relu(up)^2, without a gate.
 */
export type ExpertActivation =
  | { readonly kind: 'silu' }
  | { readonly kind: 'gelu' | 'relu2' }
  | { readonly kind: 'clamped'; readonly limit: number; readonly alpha: number }
  | { readonly kind: 'limited' | 'bounded'; readonly limit: number };

/** Score of an expert from its logit z; sqrt-softplus: sqrt(ln(1 + e^z)). */
type Score = 'softmax' | 'sigmoid' | 'logit' | 'sqrt-softplus';

/**
 * Experts are chosen from `kept` of `count` contiguous groups of equal size, ranked by the sum of their `least` best.
 */
export interface ExpertGroups {
  readonly count: number;
  readonly kept: number;
  readonly least: 1 | 2;
}

/**
 * The router of nearly every family: scores s of the logits; the K experts with the largest s + correction, within the
 * best groups; weights w = after(s of the chosen), divided by their sum, times `scale`. All in float32, whatever the
 * dtype of the router's weights.
 */
export interface ScoreRule {
  readonly kind: 'scores';
  readonly score: Score;
  /** E + Z values, added to the scores for the choice only. */
  readonly correction: TensorView | null;
  readonly groups: ExpertGroups | null;
  /** A softmax over the chosen scores, or the sigmoid of each. */
  readonly after: 'none' | 'softmax' | 'sigmoid';
  /** The divisor: sum of the chosen weights + epsilon, or that sum, but at least epsilon; null: not divided. */
  readonly renormalise: { readonly epsilon: number; readonly as: 'addend' | 'floor' } | null;
  readonly scale: number;
  /** [V, K] int64: the experts of each token are those in its row; null: chosen by their scores. */
  readonly table: TensorView | null;
  /** [E]: multiplies each expert's weight at the end. */
  readonly expertScale: TensorView | null;
  /** Whether a weight multiplies its expert's output, or the expert's input. */
  readonly gate: 'output' | 'input';
}

/** A family's routing in float32: the K experts of a token and their combine weights. */
export type RoutingRule =
  | ScoreRule
  /** Two experts, one after the other, each weighted by a softmax over the logits within 2 * jitter of the largest. */
  | { readonly kind: 'sparsemixer'; readonly jitter: number };

/** Dense SwiGLU: down(silu(gate x) * up x), or another activation. */
export interface DenseTensors extends Pick<ExpertTensors, 'gateBias' | 'upBias' | 'downBias'> {
  readonly gate: Weight | null;
  readonly up: Weight;
  readonly down: Weight;
  readonly activation: Exclude<ExpertActivation, { kind: 'clamped' }>;
}

export interface MoeDescriptor {
  /** E. */
  readonly experts: number;
  /** K. */
  readonly topK: number;
  /** I. */
  readonly width: number;
  /** Z experts without weights that give back their input; their rows of the router follow those of the E others. */
  readonly identities: number;
  readonly routing: RoutingRule;
  /** Router weight [E + Z, H], and its bias [E + Z] if there is one. */
  readonly router: TensorView;
  readonly routerBias: TensorView | null;
  readonly activation: ExpertActivation;
  readonly expertTensors: readonly ExpertTensors[];
  /**
   * Projections of the routed experts' inputs [D, H], and of the weighted sum of their outputs [H, D], into a latent
   * space and back; null: none.
   */
  readonly latent: Readonly<Record<'into' | 'back', Projection>> | null;
  /** Runs on every token beside the routed experts; never scored or pruned. `gate` [1, H]: times sigmoid(gate x). */
  readonly shared: (DenseTensors & { readonly scale: TensorView | null; readonly experts: number }) | null;
  /** Where an export finds the parts of single experts. */
  readonly storage: ExpertStorage;
}

export interface ExpertStorage {
  /** Names of tensors whose first axis counts experts (router rows, biases, stacked experts): an export slices rows. */
  readonly stacked: readonly string[];
  /** Tensors of which every expert has an equal run of rows: an export keeps the runs. */
  readonly joined: readonly string[];
  /** Tensors of expert e are named `${prefix}${e}.…`: an export renumbers them. Null where experts are stacked. */
  readonly prefix: string | null;
}

/** A linear map of tokens, [out, in], with bias [out] where the family has one. */
export interface Projection {
  readonly weight: Weight;
  readonly bias: TensorView | null;
}

export interface Norm {
  readonly kind: 'rms' | 'layer';
  /** Multiplies the normed value, plus one where the family stores it so. */
  readonly scale: TensorView;
  readonly plusOne: boolean;
  /** Bias of a layer norm; null: none. */
  readonly bias: TensorView | null;
  readonly epsilon: number;
}

export type AttentionDescriptor =
  | {
      readonly kind: 'grouped';
      /** Query heads, a multiple of the heads of keys and values. */
      readonly heads: number;
      readonly keyValueHeads: number;
      /** Widths of the heads of queries and keys, and of values. */
      readonly headDimension: number;
      readonly valueDimension: number;
      readonly query: Projection;
      /** Null: keys and values are those of another block. */
      readonly key: Projection | null;
      /** Null: the keys before norm and rotation. */
      readonly value: Projection | null;
      readonly output: Projection;
      /** RMS norm of queries and keys: over each head (before or after rotation), or over the whole projection. */
      readonly queryKeyNorm: {
        readonly over: 'head' | 'whole';
        readonly afterRotation: boolean;
        readonly query: Norm;
        /** Null where the keys are those of another block. */
        readonly key: Norm | null;
      } | null;
      /** Parts of the stream with keys and values that this block gives to later ones, or takes from an earlier one. */
      readonly shared: { readonly gives: boolean; readonly keys: string; readonly values: string } | null;
      /** Epsilon of an RMS norm without weight over each head of queries and keys, after rotation; null: none. */
      readonly plainNorm: number | null;
      /** Queries are multiplied by a function of their position; blocks with the same one have the same object. */
      readonly temperature: Temperature | null;
      /** Epsilon of an RMS norm without weight over each head of the values; null: none. */
      readonly valueNorm: number | null;
      /** Multiplies the values. */
      readonly valueScale: number;
      /**
       * The output is multiplied by the sigmoid of this projection of the tokens, a number per value or per head;
       * `in-query`: each head of the query's projection has the values of its gate after its own.
       */
      readonly gate: Projection | 'in-query' | null;
      /** Queries, keys and values are clamped to +-clip. */
      readonly clip: number | null;
      /** An additional logit per head that takes part in the softmax and is then dropped, [heads]. */
      readonly sinks: TensorView | null;
    }
  | {
      /** Multi-head latent attention (DeepSeek): keys and values are expanded from a small latent vector. */
      readonly kind: 'latent';
      readonly heads: number;
      readonly query:
        { readonly down: Projection; readonly norm: Norm; readonly up: Projection } | { readonly whole: Projection };
      /** To [latent + rotated part of the key]. */
      readonly keyValueDown: Projection;
      readonly keyValueNorm: Norm;
      /** Multiplies the normed latent. */
      readonly latentScale: number;
      readonly keyValueUp: Projection;
      readonly output: Projection;
      /** Chooses the keys of each query; null: it sees all. */
      readonly indexer: IndexerDescriptor | null;
      /** Multiplies each head's output by the sigmoid of this projection, [heads, H]; null: none. */
      readonly gate: Projection | null;
      /** As in the other kind. */
      readonly temperature: Temperature | null;
      readonly latent: number;
      readonly plainDimension: number;
      readonly rotatedDimension: number;
      readonly valueDimension: number;
    };

/** n heads of width d that choose the `most` keys of each query, for all heads of attention alike. */
export interface IndexerDescriptor {
  readonly most: number;
  readonly heads: number;
  readonly dimension: number;
  /** How the first rotated dimensions are paired, with the angles of the block. */
  readonly interleaved: boolean;
  /** Null: the choice of an earlier block. Queries are made of the low-rank queries of attention. */
  readonly own: {
    readonly query: Projection;
    readonly key: Projection;
    readonly keyNorm: Norm;
    readonly weights: Projection;
  } | null;
  /** Part of the stream by which the values are given to later blocks, or taken from an earlier one; null: neither. */
  readonly part: string | null;
}

/**
 * A causal convolution of every channel with a kernel of its own: y_t = sum over i of weight_i x_(t - C + 1 + i) +
 * bias. Tokens before the first one count as zero.
 */
export interface ChannelConvolution {
  /** [channels, 1, C] in all, one after the other. */
  readonly weights: readonly TensorView[];
  readonly channels: number;
  /** C. */
  readonly kernel: number;
  readonly bias: TensorView | null;
}

/** How A of a decay is stored: its logarithm, -A, or A itself. */
export type DecayForm = 'logarithm' | 'negated' | 'plain';

/**
 * An operator in place of attention that carries a state of fixed size from token to token: the last C - 1 inputs of
 * its convolution and, in all but `convolution`, a matrix S of every head.
 */
export type StateDescriptor =
  | {
      /** Short convolution (LFM2): [b; c; x] of the input; output(c * convolution(b * x)). */
      readonly kind: 'convolution';
      /** [3 channels, H]. */
      readonly input: Projection;
      readonly convolution: ChannelConvolution;
      readonly output: Projection;
    }
  | {
      /** Gated delta net (arXiv 2412.06464): heads of values share the queries and keys of a head of keys in turn. */
      readonly kind: 'delta';
      readonly keyHeads: number;
      readonly valueHeads: number;
      readonly keyDimension: number;
      readonly valueDimension: number;
      /**
       * Queries, keys, values, gates z, update rates b and decays a: rows by head of keys, or one kind after another,
       * or the former for rates and decays alone.
       */
      readonly input:
        | { readonly rows: 'by-head'; readonly queryKeyValueGate: Projection; readonly rateDecay: Projection }
        | {
            readonly rows: 'by-kind';
            readonly queryKeyValue: Projection;
            readonly gate: Projection;
            readonly rate: Projection;
            readonly decay: Projection;
          }
        | {
            readonly rows: 'rates-by-head';
            readonly queryKeyValue: Projection;
            readonly gate: Projection;
            readonly rateDecay: Projection;
          };
      /** Heads of values that share a head of keys follow one another, or lie as far apart as there are heads of keys. */
      readonly sharing: 'in-turn' | 'apart';
      readonly convolution: ChannelConvolution;
      /** [value heads] A and its addend: decay -e^A softplus(a + addend). */
      readonly decayLog: TensorView;
      readonly decayForm: DecayForm;
      readonly decayBias: TensorView;
      /** Norm of each head's output, before it is multiplied by silu(z). */
      readonly norm: Norm;
      readonly output: Projection;
    }
  | {
      /** Kimi delta attention (arXiv 2510.26692): the gated delta rule with a decay for every channel of the keys. */
      readonly kind: 'channel-delta';
      readonly heads: number;
      /** Width of a head of queries, keys and values. */
      readonly dimension: number;
      readonly query: Projection;
      readonly key: Projection;
      readonly value: Projection;
      readonly convolution: ChannelConvolution;
      /** [heads] update rates, and [heads * dimension] decays a, with an addend. */
      readonly rate: Projection;
      readonly decay: Projection;
      /** To vectors as wide as a head, of which decay and gate are made; null: both are made of the tokens. */
      readonly low: Readonly<Record<'decay' | 'gate', Projection>> | null;
      readonly decayBias: TensorView;
      /** [heads] A: decay bound * sigmoid(e^A a), or -e^A softplus(a) where there is no bound. */
      readonly decayLog: TensorView;
      readonly decayForm: DecayForm;
      readonly decayBound: number | null;
      /** Norm of each head's output, before it is multiplied by the sigmoid of the gate. */
      readonly norm: Norm;
      readonly gate: Projection;
      readonly output: Projection;
    }
  | {
      /** Mamba-2 (arXiv 2405.21060): heads share the B and C of a group in turn. */
      readonly kind: 'mamba';
      readonly heads: number;
      readonly headDimension: number;
      readonly stateDimension: number;
      readonly groups: number;
      /** Rows: the gate, then what the convolution takes (x, B, C), then the steps. */
      readonly input: Projection;
      readonly convolution: ChannelConvolution;
      /** [heads] addend of the steps, logarithm of A, and the factor of x that is added to the output. */
      readonly stepBias: TensorView;
      readonly decayLog: TensorView;
      readonly decayForm: DecayForm;
      readonly skip: TensorView;
      /** Steps are clamped to these. */
      readonly stepLimits: readonly [number, number];
      /** RMS norm over each group of the gated output. */
      readonly norm: Norm;
      readonly output: Projection;
    }
  | {
      /**
       * Lightning attention (arXiv 2501.08313): S <- e^-slope S + k v^T; o = S^T q, where queries, keys and values are
       * SiLUs of projections.
       */
      readonly kind: 'lightning';
      readonly heads: number;
      readonly dimension: number;
      /** Rows by head: its query, key and value. */
      readonly queryKeyValue: Projection;
      readonly convolution: null;
      /** How fast each head forgets. */
      readonly slopes: readonly number[];
      /** Over all heads, before the output is multiplied by the sigmoid of the gate. */
      readonly norm: Norm;
      readonly gate: Projection;
      readonly output: Projection;
    }
  | {
      /** Mamba (arXiv 2312.00752) with norms of steps, B and C (Jamba, arXiv 2403.19887): each channel is a head. */
      readonly kind: 'mamba-1';
      readonly channels: number;
      readonly stateDimension: number;
      /** Rows: what the convolution takes, then the gate. */
      readonly input: Projection;
      readonly convolution: ChannelConvolution;
      /** What the convolved channels select: steps of low rank, B and C, one after the other. */
      readonly selection: Projection;
      readonly stepNorm: Norm;
      readonly inputNorm: Norm;
      readonly outputNorm: Norm;
      /** [channels, rank], with the addend of the steps. */
      readonly step: Projection;
      /** [channels, state dimension] logarithm of -A. */
      readonly decayLog: TensorView;
      readonly decayForm: DecayForm;
      /** [channels] factor of the convolved channels that is added to the output. */
      readonly skip: TensorView;
      readonly output: Projection;
    };

export interface BlockDescriptor {
  /** Norm before attention or the operator in place of it; null: none, or the block has neither. */
  readonly attentionNorm: Norm | null;
  /** Null in a layer with a state or with compressed attention. */
  readonly attention: AttentionDescriptor | null;
  /** Attention over a window and compressed entries; null: none. */
  readonly compressed: CompressedAttention | null;
  /** Both halves of the block read and write several streams; null: one hidden state. */
  readonly hyper: Readonly<Record<'attention' | 'feedForward', HyperConnection>> | null;
  /** The operator in place of attention; null: none. */
  readonly state: StateDescriptor | null;
  /** Query i sees keys j > i - window; null: all. */
  readonly window: number | null;
  /** Query i sees keys j of its own chunk, which has this number of positions; null: all keys. */
  readonly chunk: number | null;
  /** Rotation of queries and keys; null: none. Blocks that rotate alike have the same object. */
  readonly rotary: Rotary | null;
  /** Whether experts or the dense network see what attention sees, normed by `attentionNorm`. */
  readonly isParallel: boolean;
  /** Attention and experts are added to their normed inputs times these; null: to their inputs. */
  readonly keepsNormed: Readonly<Record<'attention' | 'feedForward', number>> | null;
  /** Norm before experts or the dense network; null: none, or the block has neither. */
  readonly feedForwardNorm: Norm | null;
  /** Norms of the two branches before they are added. */
  readonly branchNorms: { readonly attention: Norm; readonly feedForward: Norm } | null;
  /** Null in a layer without experts. */
  readonly moe: MoeDescriptor | null;
  /** Null in a layer that has none, or none beside its experts. */
  readonly dense: DenseTensors | null;
  /** Where a dense network runs beside the experts: its norm, theirs before and after, and the router's factors [H]. */
  readonly beside:
    (Readonly<Record<'dense' | 'expertsIn' | 'expertsOut', Norm>> & { readonly router: TensorView }) | null;
  /** The sum of the experts is added by the next block: this block passes its own on, or adds that of the last one. */
  readonly late: 'gives' | 'takes' | null;
  /** Adds something of the token itself to the block's output; null: nothing. */
  readonly tokenInput: TokenInput | null;
  /** [1]: multiplies the block's output; null: none. */
  readonly outputScale: TensorView | null;
}

/** output + norm(projection(gelu(gate output) * p)), where p [D] are the token's own numbers for this block. */
export interface TokenInput {
  /** First of the D numbers in the part `TOKEN_INPUTS` of the stream. */
  readonly first: number;
  readonly gate: Weight;
  readonly projection: Weight;
  readonly norm: Norm;
}

/** Mixes n streams [n H] by what a matrix reads of their RMS norm. */
export interface HyperHead {
  /** n. */
  readonly count: number;
  /** [n, n H], or [(2 + n) n, n H] of a half block: for its input, its output, and the mixing of the streams. */
  readonly rows: TensorView;
  readonly base: TensorView;
  /** [1] or [3]. */
  readonly scale: TensorView;
  /** Added to sigmoids, and to divisors. */
  readonly added: number;
  /** Epsilon of the RMS norm. */
  readonly epsilon: number;
}

export interface HyperConnection extends HyperHead {
  /** Number of normalisations of columns, with one of rows between two. */
  readonly iterations: number;
}

/** N heads with one key per token, which is its value too, over a window, and over entries made of several tokens. */
export interface CompressedAttention {
  readonly heads: number;
  readonly headDimension: number;
  /** `epsilon`: of an RMS norm without weight over each head. */
  readonly query: {
    readonly down: Projection;
    readonly norm: Norm;
    readonly up: Projection;
    readonly epsilon: number;
  };
  readonly keyValue: Projection;
  readonly keyValueNorm: Norm;
  readonly sinks: TensorView;
  /** A projection for each group of heads, [groups * rank, heads * D / groups], then one of all. */
  readonly output: { readonly groups: number; readonly down: TensorView; readonly up: Projection };
  /** Null: no entries. */
  readonly compressor: Compressor | null;
}

/** Makes an entry of every window of `every` tokens, and of the window before it where they overlap. */
export interface Compressor {
  readonly every: number;
  readonly overlapping: boolean;
  /** To D, or 2D numbers where windows overlap. */
  readonly values: Projection;
  readonly gates: Projection;
  /** [every, D or 2D], added to the gates by a token's place in its window. */
  readonly places: TensorView;
  readonly norm: Norm;
  /** Chooses the `most` entries of each query; null: it sees all. */
  readonly indexer: {
    readonly heads: number;
    readonly dimension: number;
    readonly most: number;
    /** Projection of the low-rank queries of attention. */
    readonly query: Projection;
    readonly weights: Projection;
    readonly compressor: Omit<Compressor, 'indexer'>;
  } | null;
}

/** Names of parts of the stream: every block's `TokenInput`, and the sum of experts that is added late. */
export const TOKEN_INPUTS = 'token inputs';
export const LATE_EXPERTS = 'late experts';
/** All streams but the first, and the numbers of the tokens. */
export const OTHER_STREAMS = 'other streams';
export const TOKEN_IDS = 'token ids';

/** (table[token] * D^0.5 + norm(projection(embedding) * H^-0.5)) * 2^-0.5: D numbers for each block, normed by D. */
export interface TokenInputs {
  readonly dimension: number;
  /** [V, blocks * D]. */
  readonly table: TensorView;
  /** [blocks * D, H]. */
  readonly projection: Weight;
  readonly norm: Norm;
}

/** 1 + scale * ln(1 + floor((position + first) / every)), positions from 0. */
export interface Temperature {
  readonly first: 0 | 1;
  readonly scale: number;
  readonly every: number;
}

export interface Rotary {
  /** Rotated dimensions of each head (the first ones); the others are unchanged. */
  readonly dimensions: number;
  /** Pairs (2i, 2i + 1) instead of (i, i + dimensions / 2). */
  readonly interleaved: boolean;
  /** Angle per position of each pair, [dimensions / 2]. */
  readonly frequencies: readonly number[];
  /** Multiplies cosine and sine. */
  readonly magnitude: number;
}

/** Layers that predict further tokens (MTP): inference does not use them, and an export drops or slices them. */
export interface PredictionLayers {
  /** Names of all their tensors; none where a file has no such layers. */
  readonly tensors: readonly string[];
  /** Those of experts, as in `ExpertStorage`. */
  readonly stacked: readonly string[];
  readonly prefixes: readonly string[];
  /** Why their experts cannot be cut like the model's; null: they can, or there are none. */
  readonly obstacle: string | null;
}

export interface ModelDescriptor {
  readonly family: string;
  readonly hidden: number;
  /** Multiplies query-key products. */
  readonly attentionScale: number;
  readonly vocabulary: number;
  readonly maxPositions: number;
  /** Those that the config states, where fewer are used. */
  readonly statedPositions?: number | undefined;
  readonly embedding: TensorView;
  readonly finalNorm: Norm;
  readonly head: TensorView;
  readonly headBias: TensorView | null;
  /** Embeddings and residual branches are multiplied, logits divided by these (1: no effect). */
  readonly embeddingMultiplier: number;
  readonly residualMultiplier: number;
  readonly logitsDivisor: number;
  /** Logits are cap * tanh(logits / cap); null: as they are. */
  readonly logitsCap: number | null;
  readonly blocks: readonly BlockDescriptor[];
  /** Where blocks have several streams: how one hidden state is made of them at the end; null: there is one. */
  readonly hyperHead: HyperHead | null;
  /** Makes the inputs of the blocks' `tokenInput` beside the embedding; null: none. */
  readonly tokenInputs: TokenInputs | null;
  /** Parts of what passes from block to block for each token, after its hidden state [H]; empty in most families. */
  readonly stream: readonly { readonly name: string; readonly width: number }[];
  /** The MoE layers in order: row l of every [L, E] statistic and of every plan is `moeLayers[l]`. */
  readonly moeLayers: readonly { readonly block: number; readonly moe: MoeDescriptor }[];
  /**
   * Keys of config.json for E and K, as this folder writes them (within the object of this key): an export edits these.
   */
  readonly configKeys: {
    readonly experts: readonly string[];
    /** Key of the number of experts that give back their input; null: the family has none. */
    readonly identities: string | null;
    readonly topK: string;
    readonly within: string | null;
    /** Key of the object with the number of experts; null: it is the text model's own. */
    readonly expertsWithin: string | null;
    /** Lists that an export without extra prediction layers ends with the last layer. */
    readonly padded: readonly string[];
  };
  /** Keys of the config that nothing has read; absent where there is no config. */
  readonly unreadKeys?: readonly string[];
  /** Buffers on disk that nothing uses: an export leaves them out. */
  readonly unusedTensors: readonly string[];
  readonly prediction: PredictionLayers;
  /** Tensors on disk that inference does not use and an export copies (vision towers). */
  readonly carriedTensors: readonly string[];
}
