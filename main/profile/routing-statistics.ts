import type { ChoiceSample } from './choice-sample.ts';

/**
 * Sufficient statistics of a model's routing over a set of tokens: sums and counts only, divided once at the end
 * (common rules of the field: every token weighs the same, whatever batch it came in). All arrays are row-major
 * float64; L counts MoE layers, E experts of the
 * unpruned model. g is the combine weight by the model's own rule, f_e(x) the ungated expert output, T_e the tokens
 * whose top-k holds e, z the raw router logits, p the softmax over all E.
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
   * and 2, beta 0 to 2. Saliencies that published code computes with another gate than the model's follow from them.
   */
  readonly gatedMoments: Float64Array;
  /** [L, E] sum of z over all tokens. */
  readonly logitSum: Float64Array;
  /** [L, E, E] sum of z z^T over all tokens: every logit affinity follows from it and `logitSum`. */
  readonly logitGram: Float64Array;
  /** [L, E, E] sum of p p^T over all tokens. */
  readonly probabilityGram: Float64Array;
  /** [L, E, E] tokens whose top-k holds both experts (diagonal: counts). */
  readonly coactivation: Float64Array;
  /** [L, E] largest magnitude of any component of f_e(x) over T_e; absent in profiles that did not look. */
  readonly peakOutputs?: Float64Array;
  /** Means and likeness of expert outputs; present where the profile was asked for them. */
  readonly outputs?: OutputStatistics;
  /** [L, E] sum over T_e of g ||f_e(x)||_2 max(0, 1 - cos(h, h + y)) (EASY-EP); present where it was asked for. */
  readonly residualSum?: Float64Array;
  /** What leaving experts out does to each layer's output (NAEE); present where it was asked for. */
  readonly elimination?: EliminationStatistics;
  /** What was chosen for some of the tokens; present where it was asked for. */
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
  /** What needs every expert on every token; absent where only routed outputs were looked at. */
  readonly everywhere?: {
    /** [L, E, H] sum of f_e(x) over all tokens. */
    readonly sum: Float64Array;
    /** [L, E, E] sum over all tokens of the cosine of f_i(x) and f_j(x). */
    readonly cosineSum: Float64Array;
  };
}

/** The best experts to keep for every number of kept experts, and what one missing expert costs. */
export interface EliminationStatistics {
  /** [L, E, E] row n - 1 holds 1 for each of the n experts to keep, 0 for the others. */
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

/** What one MoE layer says about N tokens; float32 as computed by the graph. */
export interface RoutingTaps {
  /** [N, E] raw router logits (without mask). */
  readonly logits: Float32Array;
  /** [N, K] chosen experts (original numbering), by falling weight. */
  readonly experts: Int32Array;
  /** [N, K] combine weights. */
  readonly weights: Float32Array;
  /** [N, K] ||f_e(x)||_2 of the chosen experts. */
  readonly norms: Float32Array;
  /** [N, K] largest magnitude among the components of f_e(x) of the chosen experts, where the graph gives it. */
  readonly peaks?: Float32Array;
}

/**
 * Statistics beyond routing that a profile is asked for: `peaks` and `routed-outputs` look at the outputs of chosen
 * experts, `residual` at what each layer does to its tokens, `every-output` runs every expert on every token,
 * `elimination` runs every expert too and then tries what the layer gives with experts left out, and `choices` keeps
 * what was chosen for a bounded sample of tokens.
 */
export const extraStatistics = [
  'peaks',
  'routed-outputs',
  'residual',
  'every-output',
  'elimination',
  'choices',
] as const;
export type ExtraStatistic = (typeof extraStatistics)[number];

/** Whether a profile holds all of them. */
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

/** Whether every expert must run on every token for these. */
export const runsEveryExpert = (extras: readonly ExtraStatistic[]): boolean =>
  extras.includes('routed-outputs') || extras.includes('every-output') || extras.includes('elimination');

/** Statistics of no token yet, with room for the extras. H: `hidden`. */
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
