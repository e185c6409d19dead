/** Matrices that make one MoE layer smaller, [E', E] each, by rows: rows are the new experts. */
export interface LayerMatrices {
  /** W_EM: weights of the old experts in each new one; may be negative. */
  readonly merge: readonly Float64Array[];
  /** W_RM: how the old experts' probabilities are summed to those of the new ones. */
  readonly router: readonly Float64Array[];
}

/** Matrices that keep `kept` experts unchanged, in that order: both one-hot. */
export const oneHotMatrices = (kept: readonly number[], experts: number): LayerMatrices => {
  const row = (expert: number): Float64Array =>
    Float64Array.from({ length: experts }, (_, at) => (at === expert ? 1 : 0));
  return { merge: kept.map(row), router: kept.map(row) };
};
