import type { MergeInput } from './weighted-average.ts';
import { agreesWithSum, largestElements, taskVectors } from './task-vectors.ts';

/**
 * TIES around the reference: the `density` largest entries of each member's difference from it are kept and weighted by
 * the shares; where their signs disagree, those against the sum are dropped; the rest is added to the reference.
 * Source: Yadav et al. 2023, arXiv 2306.01708. The REAP repository takes base - member and adds it, which moves the
 * result away from the members; here it moves towards them.
 */
export const tiesMerge = (input: MergeInput, density: number): Float64Array => {
  const { vectors, shares } = taskVectors(input);
  const trimmed = vectors.map((vector, member) => {
    const kept = density < 1 ? largestElements(vector, Math.floor(vector.length * density)) : null;
    return vector.map((value, k) => (kept === null || kept[k] === 1 ? value * shares[member]! : 0));
  });
  return Float64Array.from(input.base, (value, k) => {
    const agreeing = agreesWithSum(trimmed, k);
    return trimmed.reduce((sum, vector, member) => (agreeing[member] === true ? sum + vector[k]! : sum), value);
  });
};
