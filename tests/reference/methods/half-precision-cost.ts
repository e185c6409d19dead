import { halfToNumber, numberToHalf } from '../../../main/checkpoint/half-precision.ts';
import { alignmentCost } from '../../../main/pruning/merging/align-experts.ts';
import type { ExpertShape, ExpertWeights } from '../../../main/pruning/merging/expert-weights.ts';
import { solveAssignment } from '../../../main/pruning/merging/hungarian.ts';

/**
 * Whether casting the alignment cost to float16, as the REAP repository does, changes the best permutation. If so, the
 * recorded permutation is an artefact of the cast rather than the minimum distance, and is not checked.
 */
export const castChangesAlignment = (member: ExpertWeights, reference: ExpertWeights, shape: ExpertShape): boolean => {
  const cost = alignmentCost(member, reference, shape);
  const cast = cost.map((value) => halfToNumber(numberToHalf(value)));
  const exact = solveAssignment(cost, shape.width, shape.width);
  const rounded = solveAssignment(cast, shape.width, shape.width);
  return exact.some((column, row) => column !== rounded[row]);
};
