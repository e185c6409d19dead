import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ProviderName } from '../contract/device.ts';
import type { ScoredOutcome } from '../contract/outcome.ts';
import type { Plan, RefitName } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import type { DecodingCost } from '../generation/decoding-cost.ts';
import type { DecodedRow, RowToDecode } from '../generation/writing-row.ts';
import type { ExtraStatistic, RoutingStatistics } from '../profile/routing-statistics.ts';
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
   * The same candidates will be asked again: what `evaluate` opened for them stays open until others are asked, or
   * until `releaseCandidates`.
   */
  readonly goesOn?: boolean;
}

export interface ForwardResult {
  /** [T, V] float32. */
  readonly logits: Float32Array;
  /**
   * [L, T, R] raw router logits (before any mask), float32. R: rows of the router, the most of any layer, E unless a
   * merge leaves fewer; -Infinity in the rows that a layer lacks.
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

/** A checkpoint with its sessions open: answers tokens with numbers. Dispose it to give the memory back. */
export interface ModelRunner {
  readonly checkpoint: Checkpoint;
  readonly tokenizer: TextTokenizer | null;
  /**
   * Outcomes of every item for every candidate, in the order of `items`; items whose answer is written are refused.
   * Candidates share the layers below the first
   * one in which their plans differ. Deterministic: the same arguments give bit-equal numbers.
   */
  evaluate(
    items: readonly TaskItem[],
    candidates: readonly Candidate[],
    control: RunControl,
  ): Promise<ReadonlyMap<string, readonly ScoredOutcome[]>>;
  /** Routing statistics over each item's context + right answer (or text), and the extra ones that are asked for. */
  profile(
    items: readonly TaskItem[],
    control: RunControl,
    extras?: readonly ExtraStatistic[],
  ): Promise<RoutingStatistics>;
  /**
   * The plan with its experts' down projections, its router or both refitted on the items (those of `tasks`, by name),
   * so that every block gives again what the unpruned one gave. The weights become an overlay. `refit`:
   * the experts unless it says otherwise.
   */
  recover(
    plan: Plan,
    items: readonly TaskItem[],
    tasks: readonly string[],
    control: RunControl,
    refit?: RefitName,
  ): Promise<Plan>;
  /** Kept experts per MoE layer by NAEE's progressive search: each layer sees what the pruned layers before it give. */
  pruneProgressively(
    items: readonly TaskItem[],
    keptPerLayer: readonly number[],
    control: RunControl,
  ): Promise<number[][]>;
  forward(sequences: readonly (readonly number[])[], plan: Plan | null, control: RunControl): Promise<ForwardResult[]>;
  score(requests: readonly ScoreRequest[], plan: Plan | null, control: RunControl): Promise<ScoreResult[]>;
  /** Rolling log-likelihood of texts already encoded with special tokens. */
  scoreRolling(
    texts: readonly { readonly id: string; readonly tokens: readonly number[] }[],
    plan: Plan | null,
    control: RunControl,
  ): Promise<ScoreResult[]>;
  /**
   * Greedy continuations of rows, each as soon as it ends; a row names the candidate that writes it. Candidates write
   * side by side. Nothing else may run on the runner until the answer was read to its end or left (`return`).
   */
  decode(
    rows: readonly RowToDecode[],
    candidates: readonly Candidate[],
    control: RunControl,
  ): AsyncGenerator<DecodedRow>;
  /** What `decode` will take; refuses what does not fit into the memory budget. */
  decodingCost(rows: readonly RowToDecode[], candidates: readonly Candidate[]): Promise<DecodingCost>;
  /** Closes what stayed open for candidates that were to be asked again. */
  releaseCandidates(): Promise<void>;
  dispose(): Promise<void>;
}

export interface ModelRunnerSettings {
  /** Intra-op threads: physical cores by default. */
  readonly threads: number;
  /**
   * What runs the blocks and the head, the processor by default. Token embeddings are looked up in the file by the
   * processor.
   */
  readonly provider?: ProviderName | undefined;
  /** Bytes that resident weights may take. */
  readonly memoryBudgetBytes: number;
  /** Folder for what lives no longer than the work: hidden states that memory cannot hold, routers that are refitted. */
  readonly scratchFolder: string;
}

/** How a model is run where its numbers do not depend on it. */
export interface RunnerTuning {
  /** What runs it, if not what the settings name. */
  readonly provider?: ProviderName;
  /** Padded tokens per batch; numbers change with it by rounding only. */
  readonly batchSlots?: number;
  /** One block at a time even where all would fit: for work that runs each block once. */
  readonly streamed?: boolean;
  /**
   * Unknowns per output up to which refits are solved for all experts at once; numbers change with it by rounding only.
   */
  readonly mostJointUnknowns?: number;
}

/** A checkpoint that is open for running, whoever's overlays its plans use. */
export interface OpenModel {
  readonly checkpoint: Checkpoint;
  /** Its runner with these overlays; disposing of the one disposes of the other. */
  runner(overlays: Overlays): ModelRunner;
  /** Parts of the weights (`block 3`, `the head`) whose bytes on disk are no longer those that were mapped. */
  changedWeights(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}
