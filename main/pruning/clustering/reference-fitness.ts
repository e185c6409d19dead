/** The members' own counts: the most active one is the reference. */
export const mostActive =
  (counts: Float64Array) =>
  (members: readonly number[]): number[] =>
    members.map((member) => counts[member]!);

/** Sum of each member's affinities to the others: the medoid has the largest. */
export const mostCentral =
  (affinity: Float64Array, experts: number) =>
  (members: readonly number[]): number[] =>
    members.map((member) =>
      members.reduce((sum, other) => (other === member ? sum : sum + affinity[member * experts + other]!), 0),
    );

/** Significant digits of a squared distance: two members of a pair are equally far from their mean up to rounding. */
const DIGITS = 12;

/**
 * Fitness of a group's members: their closeness to the group's mean, by Euclidean distance of their rows in an [E,
 * width] matrix; the nearest is HC-SMoE's dominant expert.
 */
export const nearestToMean =
  (features: Float64Array, width: number) =>
  (members: readonly number[]): number[] => {
    const mean = new Float64Array(width);
    for (const member of members)
      for (let h = 0; h < width; h++) mean[h]! += features[member * width + h]! / members.length;
    return members.map((member) => {
      let squares = 0;
      for (let h = 0; h < width; h++) squares += (features[member * width + h]! - mean[h]!) ** 2;
      return -Number(squares.toPrecision(DIGITS));
    });
  };
