import type { MergeGroup, Plan } from '../../contract/plan.ts';
import { maxOf } from '../../statistics/extremes.ts';
import type { LayerMatrices } from './matrices.ts';
import type { SearchCandidate } from './search-experts.ts';

/** The router treatment of plans with matrices. */
export const BLEND_ROUTER = 'summed-probabilities';

/**
 * Converts a candidate of a search to a plan, without provenance: kept experts, or matrices, whose groups approximate
 * them (each old expert in the group of the new one to which its probability contributes most).
 */
export const candidatePlan = (candidate: SearchCandidate): Plan => {
  if (candidate.kind === 'kept') return { kept: candidate.kept.map((layer) => [...layer].sort((a, b) => a - b)) };
  return {
    groups: candidate.layers.map(groupsOf),
    router: BLEND_ROUTER,
    align: false,
    blend: candidate.layers.map(({ merge, router }) => ({
      merge: merge.map((row) => [...row]),
      router: router.map((row) => [...row]),
    })),
  };
};

const groupsOf = ({ merge, router }: LayerMatrices): MergeGroup[] => {
  const experts = router[0]?.length ?? 0;
  const strength = (row: number, expert: number): number => Math.abs(router[row]?.[expert] ?? 0);
  const home = Array.from({ length: experts }, (_, expert) =>
    router.reduce((best, _row, row) => (strength(row, expert) > strength(best, expert) ? row : best), 0),
  );
  // Every new expert needs a member: its strongest among those whose group can spare one.
  router.forEach((_, row) => {
    if (home.includes(row)) return;
    const spare = [...home.keys()].filter((expert) => home.filter((other) => other === home[expert]).length > 1);
    const own = spare.reduce(
      (best, expert) => (strength(row, expert) > strength(row, best) ? expert : best),
      spare[0] ?? 0,
    );
    home[own] = row;
  });
  return router.map((_, row) => {
    const members = [...home.keys()].filter((expert) => home[expert] === row);
    const weights = members.map((member) => Math.abs(merge[row]?.[member] ?? 0));
    return { members, reference: members[weights.indexOf(maxOf(weights))] ?? 0, weights };
  });
};
