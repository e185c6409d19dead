/**
 * Conformal p of a value against controls: the share of controls, and of the value itself, that are at least as large.
 * Valid where the value and the controls are exchangeable if nothing sets it apart; ties make it larger. Source: Bates
 * et al. 2023 (arXiv 2104.08279), who show that these p-values may be given to `discoveries`.
 */
export const conformalP = (value: number, controls: readonly number[]): number =>
  (1 + controls.filter((control) => control >= value).length) / (1 + controls.length);

/**
 * Indices of the discoveries among p-values, such that in the mean at most the share `rate` of them is false: the most
 * k for which the k-th smallest p is at most rate k / m. Source: Benjamini and Hochberg 1995
 * (doi:10.1111/j.2517-6161.1995.tb02031.x).
 */
export const discoveries = (ps: readonly number[], rate: number): readonly number[] => {
  const order = ps.map((p, index) => ({ p, index })).sort((left, right) => left.p - right.p);
  const last = order.findLastIndex(({ p }, at) => p <= (rate * (at + 1)) / ps.length);
  return order.slice(0, last + 1).map(({ index }) => index);
};
