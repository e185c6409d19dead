/** Experts of every MoE layer, the best first; each names every expert once. */
export type Ranking = readonly (readonly number[])[];

/** Scores that rank as the lists do, [L][E]. */
export const rankingScores = (ranking: Ranking): Float64Array[] =>
  ranking.map((list) => {
    const scores = new Float64Array(list.length);
    list.forEach((expert, index) => (scores[expert] = list.length - index));
    return scores;
  });
