/**
 * Sufficient statistics of a model's routing over a set of tokens: sums and counts only, divided once at the end
 * (METHODS.md section 22, common rules). All arrays are row-major float64; L counts MoE layers, E experts of the
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
  /** [L, E] sum of z over all tokens. */
  readonly logitSum: Float64Array;
  /** [L, E, E] sum of z z^T over all tokens: every logit affinity follows from it and `logitSum`. */
  readonly logitGram: Float64Array;
  /** [L, E, E] sum of p p^T over all tokens. */
  readonly probabilityGram: Float64Array;
  /** [L, E, E] tokens whose top-k holds both experts (diagonal: counts). */
  readonly coactivation: Float64Array;
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
}
