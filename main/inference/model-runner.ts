import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ProviderName } from '../contract/device.ts';
import type { ItemFidelity, ScoredOutcome } from '../contract/outcome.ts';
import type { MergePlan, Plan, RefitName } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import type { ExtraStatistic, RoutingStatistics } from '../profile/routing-statistics.ts';
import type { OutputMergeSettings } from '../pruning/method.ts';
import type { Overlays } from './overlays.ts';

/** A plan being evaluated; `plan: null` is the unpruned model. Keys are unique within a call. */
export interface Candidate {
  readonly key: string;
  readonly plan: Plan | null;
}

export interface RunControl {
  /** Checked between block runs: an abort rejects with CancelledError within a second. */
  readonly signal: AbortSignal;
  /** Work done so far and in all, in tokens x candidates. */
  readonly onProgress?: (done: number, total: number) => void;
  /**
   * The same candidates will be evaluated again: their sessions stay open until other candidates are evaluated, or
   * until `releaseCandidates`.
   */
  readonly goesOn?: boolean;
  /**
   * Also compare distributions with the unpruned model's. Its last hidden states are kept under this name until an
   * evaluation gives another one.
   */
  readonly fidelity?: string;
}

export interface ForwardResult {
  /** [T, V] float32. */
  readonly logits: Float32Array;
  /**
   * [L, T, R] raw router logits (before any mask), float32. R: rows of the router, the maximum over layers, E unless a
   * merge leaves fewer; -Infinity in missing rows.
   */
  readonly routerLogits: Float32Array;
  /**
   * [L, T, K] chosen experts in the numbering of the model that ran (original numbering under a mask); -1 where a layer
   * has fewer.
   */
  readonly experts: Int32Array;
}

export interface ScoreRequest {
  readonly id: string;
  readonly contextTokens: readonly number[];
  readonly continuationTokens: readonly number[];
}

export interface ScoreResult {
  readonly id: string;
  readonly logprob: number;
  readonly greedy: boolean;
  readonly tokens: number;
  readonly truncatedTokens: number;
}

/** One prompt for one candidate to continue. */
export interface RowToDecode {
  /** The prompt, one token or more. */
  readonly tokens: readonly number[];
  readonly candidate: string;
  readonly mostNewTokens: number;
  /** Chooses each token from the logits [V] and the tokens written so far. Absent: the one with the largest logit. */
  readonly choose?: ((logits: Float32Array, written: readonly number[]) => number) | undefined;
  /** Called after every token with all tokens so far; true ends the row. Absent: it is written to `mostNewTokens`. */
  readonly isDone?: (written: readonly number[]) => boolean;
}

export interface DecodedRow {
  /** Index of the row in the caller's list. */
  readonly row: number;
  /** Every chosen token, including the one that ended it. */
  readonly tokens: readonly number[];
  /** Whether `isDone` ended it, or its `mostNewTokens`. */
  readonly ended: 'done' | 'length';
}

/** Cost of decoding, known before it starts. */
export interface DecodingCost {
  /** Whether every step opens all blocks again, one at a time. */
  readonly streamed: boolean;
  /** Steps if every row reaches its maximum length: each takes all running rows through all blocks. */
  readonly mostSteps: number;
  /** Maximum number of rows written together. */
  readonly rowsAtOnce: number;
  readonly rows: number;
}

/** A checkpoint with open sessions. Dispose it to free the memory. */
export interface ModelRunner {
  readonly checkpoint: Checkpoint;
  readonly tokenizer: TextTokenizer | null;
  /**
   * Outcomes of every item for every candidate, in the order of `items`; items with written answers are refused.
   * Candidates share the layers below the first one in which their plans differ. Deterministic: the same arguments give
   * bitwise equal numbers.
   */
  evaluate(
    items: readonly TaskItem[],
    candidates: readonly Candidate[],
    control: RunControl,
  ): Promise<ReadonlyMap<string, readonly ScoredOutcome[]>>;
  /** Routing statistics over each item's context + right answer (or text), and the requested extra ones. */
  profile(
    items: readonly TaskItem[],
    control: RunControl,
    extras?: readonly ExtraStatistic[],
  ): Promise<RoutingStatistics>;
  /**
   * Routing statistics of draws of the items, from one pass over them. `times`: for each draw, how often each item
   * counts. `extras`: of those that are sums or maxima over items (`drawnExtras`).
   */
  profileDraws(
    items: readonly TaskItem[],
    times: readonly (readonly number[])[],
    control: RunControl,
    extras?: readonly ExtraStatistic[],
  ): Promise<readonly RoutingStatistics[]>;
  /**
   * The plan with its experts' down projections, its router or both refitted on the items (those of `tasks`, by name),
   * so that every block reproduces the unpruned one's output. The weights become an overlay. `refit` defaults to the
   * experts.
   */
  recover(
    plan: Plan,
    items: readonly TaskItem[],
    tasks: readonly string[],
    control: RunControl,
    refit?: RefitName,
  ): Promise<Plan>;
  /** Kept experts per MoE layer by NAEE's progressive search: each layer's input comes from pruned ones. */
  pruneProgressively(
    items: readonly TaskItem[],
    keptPerLayer: readonly number[],
    control: RunControl,
  ): Promise<number[][]>;
  /** The plan of MergeMoE with `keep` experts per MoE layer; its fitted down projections become an overlay. */
  mergeByOutputs(
    items: readonly TaskItem[],
    keep: number,
    settings: OutputMergeSettings,
    tasks: readonly string[],
    control: RunControl,
  ): Promise<MergePlan>;
  /** `last`: results of the last token of each sequence only (T is 1). */
  forward(
    sequences: readonly (readonly number[])[],
    plan: Plan | null,
    control: RunControl,
    want?: 'every' | 'last',
  ): Promise<ForwardResult[]>;
  score(requests: readonly ScoreRequest[], plan: Plan | null, control: RunControl): Promise<ScoreResult[]>;
  /** Rolling log-likelihood of texts already encoded with special tokens. */
  scoreRolling(
    texts: readonly { readonly id: string; readonly tokens: readonly number[] }[],
    plan: Plan | null,
    control: RunControl,
  ): Promise<ScoreResult[]>;
  /**
   * Fidelity of candidates at the given continuations, per candidate in the order of the requests, each at every token
   * of its continuation. The unpruned model's states are kept as in `evaluate`.
   */
  compareTokens(
    requests: readonly ScoreRequest[],
    candidates: readonly Candidate[],
    control: RunControl & { readonly fidelity: string },
  ): Promise<ReadonlyMap<string, readonly ItemFidelity[]>>;
  /**
   * Continuations of rows (greedy, or as they choose), each as soon as it ends; a row names its candidate. Candidates
   * decode side by side. Nothing else may run on the runner until the generator was read to its end or left (`return`).
   */
  decode(
    rows: readonly RowToDecode[],
    candidates: readonly Candidate[],
    control: RunControl,
  ): AsyncGenerator<DecodedRow>;
  /** Cost of `decode`; refuses a request that does not fit into the memory budget. */
  decodingCost(rows: readonly RowToDecode[], candidates: readonly Candidate[]): Promise<DecodingCost>;
  /** Closes sessions kept open for candidates (`goesOn`). */
  releaseCandidates(): Promise<void>;
  dispose(): Promise<void>;
}

export interface ModelRunnerSettings {
  /** Intra-op threads: physical cores by default. */
  readonly threads: number;
  /**
   * Provider of the blocks and the head, the processor by default. Token embeddings are looked up in the file by the
   * processor.
   */
  readonly provider?: ProviderName | undefined;
  /** Bytes that resident weights may take. */
  readonly memoryBudgetBytes: number;
  /** Folder for temporary files of the work: hidden states beyond the memory budget, routers during a refit. */
  readonly scratchFolder: string;
}

/** Tuning of a runner that does not change its numbers. */
export interface RunnerTuning {
  /** Provider instead of the one in the settings. */
  readonly provider?: ProviderName;
  /** Padded tokens per batch; numbers change with it by rounding only. */
  readonly batchSlots?: number;
  /** One block at a time even where all would fit: for work that runs each block once. */
  readonly streamed?: boolean;
  /**
   * Unknowns per output up to which refits are solved for all experts at once; numbers change with it by rounding only.
   */
  readonly mostJointUnknowns?: number;
  /** False: nothing that it computes is stored, so that the files need not be hashed. Default: true. */
  readonly isStored?: boolean;
}

/** An open checkpoint, independent of the overlays of plans. */
export interface OpenModel {
  readonly checkpoint: Checkpoint;
  /**
   * Its runner with these overlays; disposing of one disposes of the other. `say`: called with a sentence for the log
   * where work goes on in another way than planned.
   */
  runner(overlays: Overlays, say?: (text: string) => void): ModelRunner;
  /** Parts of the weights (`block 3`, `the head`) whose bytes on disk have changed since they were mapped. */
  changedWeights(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}
