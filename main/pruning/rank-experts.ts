/** Experts of one layer by falling score; ties go to the lower index. */
export const rankExperts = (scores: Float64Array): number[] =>
  Array.from(scores.keys()).sort((a, b) => (scores[a] === scores[b] ? a - b : scores[b]! - scores[a]!));
