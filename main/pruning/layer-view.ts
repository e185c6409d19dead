/** Row of one MoE layer in an [L, E] statistic; a view, not a copy. */
export const layerRow = (matrix: Float64Array, layer: number, experts: number): Float64Array =>
  matrix.subarray(layer * experts, (layer + 1) * experts);

/** One MoE layer's [E, E] matrix in an [L, E, E] statistic; a view, not a copy. */
export const layerSquare = (matrix: Float64Array, layer: number, experts: number): Float64Array =>
  matrix.subarray(layer * experts * experts, (layer + 1) * experts * experts);
