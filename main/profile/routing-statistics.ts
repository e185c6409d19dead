import { extraStatistic } from '../contract/profile.ts';
import type { ChoiceSample } from './choice-sample.ts';

/**
 * Sufficient statistics of a model's routing over a set of tokens: only sums and counts, divided once at the end (every
 * token has the same weight, whatever its batch). All arrays are row-major float64; L counts MoE layers, E experts of
 * the unpruned model. g is the combine weight by the model's own rule, f_e(x) the ungated expert output, T_e the tokens
 * whose top-k contains e, z the raw router logits, p the softmax over all E.
 */
export interface RoutingStatistics {
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
  /** Items and real tokens seen (padding never counts). */
  items: number;
  tokens: number;
  /** [L, E] n_e. */
  readonly counts: Float64Array;
  /** [L, E] sum of g over T_e. */
  readonly gateMass: Float64Array;
  /** [L, E] sum of p over T_e. */
  readonly probabilitySelected: Float64Array;
  /** [L, E] sum of p over all tokens. */
  readonly probabilityMass: Float64Array;
  /** [L, E] sum of ||f_e(x)||_2 over T_e. */
  readonly eanSum: Float64Array;
  /** [L, E] sum of g ||f_e(x)||_2 over T_e (REAP's sum). */
  readonly reapSum: Float64Array;
  /** [L, E] sum of ||f_e(x)||_2^2 over T_e. */
  readonly eanSquareSum: Float64Array;
  /**
   * [L, 3, 2, 3, E] sums over T_e of gate^alpha ||f_e(x)||_2^beta, for the gates in the order of `gateKinds`, alpha 1
   * and 2, beta 0 to 2. Saliencies that published code computes with a gate other than the model's follow from them.
   */
  readonly gatedMoments: Float64Array;
  /** [L, E] sum of z over all tokens. */
  readonly logitSum: Float64Array;
  /** [L, E, E] sum of z z^T over all tokens: every logit affinity follows from it and `logitSum`. */
  readonly logitGram: Float64Array;
  /** [L, E, E] sum of p p^T over all tokens. */
  readonly probabilityGram: Float64Array;
  /** [L, E, E] tokens whose top-k contains both experts (diagonal: counts). */
  readonly coactivation: Float64Array;
  /** [L, E] largest magnitude of any component of f_e(x) over T_e; absent unless requested. */
  readonly peakOutputs?: Float64Array;
  /** Means and cosines of expert outputs; absent unless requested. */
  readonly outputs?: OutputStatistics;
  /** [L, E] sum over T_e of g ||f_e(x)||_2 max(0, 1 - cos(h, h + y)) (EASY-EP); absent unless requested. */
  readonly residualSum?: Float64Array;
  /** Effect of leaving experts out on each layer's output (NAEE); absent unless requested. */
  readonly elimination?: EliminationStatistics;
  /** Choices for some of the tokens; absent unless requested. */
  readonly sample?: ChoiceSample;
}

/** Gates of `gatedMoments`: the combine weight by the model's own rule, p, and p over its sum over the chosen. */
export const gateKinds = ['own', 'probability', 'renormalised'] as const;
export type GateKind = (typeof gateKinds)[number];

/** Outputs of experts as vectors of H numbers. */
export interface OutputStatistics {
  /** H. */
  readonly hidden: number;
  /** [L, E, H] sum of f_e(x) over T_e. */
  readonly routedSum: Float64Array;
  /** Statistics that need every expert on every token; absent where only routed outputs were measured. */
  readonly everywhere?: {
    /** [L, E, H] sum of f_e(x) over all tokens. */
    readonly sum: Float64Array;
    /** [L, E, E] sum over all tokens of the cosine of f_i(x) and f_j(x). */
    readonly cosineSum: Float64Array;
  };
}

/** The best experts to keep for every number of kept experts, and the loss from one missing expert. */
export interface EliminationStatistics {
  /** [L, E, E] row n - 1 is 1 for each of the n experts to keep, 0 for the others. */
  readonly kept: Float64Array;
  /** [L, E] loss where row n - 1 is kept. */
  readonly loss: Float64Array;
  /** [L, E] loss where only expert e is left out. */
  readonly single: Float64Array;
  /** [L, E] 1 where row n - 1 was found by trying every subset, 0 where by leaving out one expert after the other. */
  readonly exhaustive: Float64Array;
}

export const emptyRoutingStatistics = (layers: number, experts: number, topK: number): RoutingStatistics => {
  const vector = (): Float64Array => new Float64Array(layers * experts);
  const square = (): Float64Array => new Float64Array(layers * experts * experts);
  return {
    layers,
    experts,
    topK,
    items: 0,
    tokens: 0,
    counts: vector(),
    gateMass: vector(),
    probabilitySelected: vector(),
    probabilityMass: vector(),
    eanSum: vector(),
    reapSum: vector(),
    eanSquareSum: vector(),
    gatedMoments: new Float64Array(layers * gateKinds.length * 2 * 3 * experts),
    logitSum: vector(),
    logitGram: square(),
    probabilityGram: square(),
    coactivation: square(),
  };
};

/** Routing of N tokens in one MoE layer; float32 as computed by the graph. */
export interface RoutingTaps {
  /** [N, E] raw router logits (without mask). */
  readonly logits: Float32Array;
  /** [N, K] chosen experts (original numbering), by decreasing weight. */
  readonly experts: Int32Array;
  /** [N, K] combine weights. */
  readonly weights: Float32Array;
  /** [N, K] ||f_e(x)||_2 of the chosen experts. */
  readonly norms: Float32Array;
  /** [N, K] largest magnitude among the components of f_e(x) of the chosen experts, where the graph outputs it. */
  readonly peaks?: Float32Array;
}

/** What a profile can hold beyond routing. */
export const extraStatistics = extraStatistic.options;
export type ExtraStatistic = (typeof extraStatistics)[number];

/** Whether a profile contains all of them. */
export const holdsExtras = (statistics: RoutingStatistics, extras: readonly ExtraStatistic[]): boolean => {
  const held: Readonly<Record<ExtraStatistic, boolean>> = {
    peaks: statistics.peakOutputs !== undefined,
    'routed-outputs': statistics.outputs !== undefined,
    residual: statistics.residualSum !== undefined,
    'every-output': statistics.outputs?.everywhere !== undefined,
    elimination: statistics.elimination !== undefined,
    choices: statistics.sample !== undefined,
  };
  return extras.every((extra) => held[extra]);
};

/** Whether these statistics need every expert on every token. */
export const runsEveryExpert = (extras: readonly ExtraStatistic[]): boolean =>
  extras.includes('routed-outputs') || extras.includes('every-output') || extras.includes('elimination');

/** Statistics of no tokens yet, with room for the extras. H: `hidden`. */
export const emptyStatistics = (
  layers: number,
  experts: number,
  topK: number,
  hidden: number,
  extras: readonly ExtraStatistic[],
): RoutingStatistics => {
  const matrix = (): Float64Array => new Float64Array(layers * experts);
  const square = (): Float64Array => new Float64Array(layers * experts * experts);
  const outputs = (): Float64Array => new Float64Array(layers * experts * hidden);
  const everywhere = extras.includes('every-output');
  return {
    ...emptyRoutingStatistics(layers, experts, topK),
    ...(extras.includes('peaks') ? { peakOutputs: matrix() } : {}),
    ...(extras.includes('residual') ? { residualSum: matrix() } : {}),
    ...(everywhere || extras.includes('routed-outputs')
      ? {
          outputs: {
            hidden,
            routedSum: outputs(),
            ...(everywhere ? { everywhere: { sum: outputs(), cosineSum: square() } } : {}),
          },
        }
      : {}),
    ...(extras.includes('elimination')
      ? { elimination: { kept: square(), loss: matrix(), single: matrix(), exhaustive: matrix() } }
      : {}),
  };
};
