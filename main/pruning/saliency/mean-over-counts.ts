/** sum / count for each expert; 0 where no token was counted, so that an expert without evidence ranks last. [E] */
export const meanOverCounts = (sums: Float64Array, counts: Float64Array): Float64Array =>
  sums.map((sum, expert) => (counts[expert]! > 0 ? sum / counts[expert]! : 0));
