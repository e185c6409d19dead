/** Up to this many subsets of one layer are all tried; beyond, experts are left out one after the other. */
export const MOST_SUBSETS = 1_000;

/** Loss of a layer that keeps only these experts (ascending). Lower is better; may check for a cancel. */
export type SubsetLoss = (kept: readonly number[]) => number | Promise<number>;

export interface Elimination {
  readonly kept: readonly number[];
  readonly loss: number;
  /** Every subset of this size was tried. */
  readonly exhaustive: boolean;
}

export interface EliminationResult {
  /** Index n - `least`: the best n experts found, for n from `least` to all. */
  readonly bySize: readonly Elimination[];
  /** Loss without expert e alone. */
  readonly single: readonly number[];
}

/**
 * The best experts to keep for every number from `least` to all. Sizes with at most `mostSubsets` subsets are searched
 * exhaustively, in the lexicographic order of the dropped experts (the first of equal losses wins); the others by
 * greedy backward elimination: from all experts down, always leaving out the one with the least loss at that point
 * (ties: the higher index goes). Source of the exhaustive search: Lu et al. 2024, arXiv 2402.14800.
 */
export const eliminateExperts = async (
  experts: number,
  least: number,
  loss: SubsetLoss,
  mostSubsets = MOST_SUBSETS,
): Promise<EliminationResult> => {
  const all = Array.from({ length: experts }, (_, expert) => expert);
  const single: number[] = [];
  for (const expert of all) single.push(await loss(all.filter((other) => other !== expert)));

  const bySize: Elimination[] = [{ kept: all, loss: await loss(all), exhaustive: true }];
  const greedyNeeded = (size: number): boolean => subsets(experts, size) > mostSubsets;
  let chain: readonly number[] = all;
  for (let size = experts - 1; size >= least; size--) {
    const anyGreedy = Array.from({ length: size - least + 1 }, (_, at) => least + at).some(greedyNeeded);
    if (anyGreedy) {
      const step = await leaveOneOut(chain, loss);
      chain = step.kept;
      if (greedyNeeded(size)) {
        bySize.push({ ...step, exhaustive: false });
        continue;
      }
    }
    bySize.push({ ...(await bestSubset(all, size, loss)).best, exhaustive: true });
  }
  return { bySize: bySize.reverse(), single };
};

/** The subset of `size` experts with the least loss, and the loss of every set of dropped experts in order. */
export const bestSubset = async (
  experts: readonly number[],
  size: number,
  loss: SubsetLoss,
): Promise<{ readonly best: Omit<Elimination, 'exhaustive'>; readonly tried: ReadonlyMap<string, number> }> => {
  const tried = new Map<string, number>();
  let best: Omit<Elimination, 'exhaustive'> = { kept: experts, loss: Infinity };
  for (const dropped of combinations(experts, experts.length - size)) {
    const kept = experts.filter((expert) => !dropped.includes(expert));
    const value = await loss(kept);
    tried.set(dropped.join(','), value);
    if (value < best.loss) best = { kept, loss: value };
  }
  return { best, tried };
};

const leaveOneOut = async (kept: readonly number[], loss: SubsetLoss): Promise<Omit<Elimination, 'exhaustive'>> => {
  let best: Omit<Elimination, 'exhaustive'> = { kept, loss: Infinity };
  for (const expert of [...kept].reverse()) {
    const rest = kept.filter((other) => other !== expert);
    const value = await loss(rest);
    if (value < best.loss) best = { kept: rest, loss: value };
  }
  return best;
};

/** Number of subsets of `size` of `n`, as a float (it may be astronomically large). */
export const subsets = (n: number, size: number): number => {
  let count = 1;
  for (let k = 1; k <= Math.min(size, n - size); k++) count = (count * (n - k + 1)) / k;
  return Math.round(count);
};

/** Combinations of `size` items in lexicographic order of their indices. */
export function* combinations(items: readonly number[], size: number): Generator<readonly number[]> {
  const indices = Array.from({ length: size }, (_, at) => at);
  if (size > items.length) return;
  for (;;) {
    yield indices.map((index) => items[index]!);
    let at = size - 1;
    while (at >= 0 && indices[at] === items.length - size + at) at--;
    if (at < 0) return;
    indices[at]! += 1;
    for (let next = at + 1; next < size; next++) indices[next] = indices[next - 1]! + 1;
  }
}
