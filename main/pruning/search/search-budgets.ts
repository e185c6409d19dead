import { CancelledError } from '../../contract/errors.ts';
import { type RandomSource, seededRandom } from '../../statistics/random.ts';

/** Parameters of EvoESAP's search over kept experts per layer. */
export interface BudgetSearchSettings {
  /** Allocations to measure in total. */
  readonly evaluations: number;
  /** Allocations per generation, and how many of the best are the parents of the next. */
  readonly population: number;
  readonly parents: number;
  /** Most shifts from one layer to another per child, and most experts per shift. */
  readonly shifts: number;
  readonly shift: number;
  /** Calibration items that candidates are compared on, the first ones. */
  readonly items: number;
  /** Method whose scores rank the experts of a layer. */
  readonly order: string;
}

export interface BudgetSearchRequest {
  readonly layers: number;
  readonly experts: number;
  /** Kept experts per layer on average. */
  readonly keep: number;
  /** Fewest kept experts of a layer. */
  readonly least: number;
  readonly seed: number;
  readonly settings: Omit<BudgetSearchSettings, 'items' | 'order'>;
  /** Fitness of kept experts per layer, higher is better. */
  readonly fitness: (counts: readonly number[]) => Promise<number>;
  readonly signal: AbortSignal;
  readonly onProgress?: (measured: number, best: number) => void;
}

export interface BudgetSearchResult {
  readonly counts: readonly number[];
  readonly fitness: number;
  /** Number of different allocations that were measured. */
  readonly measured: number;
}

/** Attempts at the shifts of one child, and generations in a row without a new allocation that end a search. */
const MOST_ATTEMPTS = 32;
const MOST_STALE = 20;

/**
 * Dropped experts per layer that sum to `total`, in proportion to the weights, none above `most`: whole parts first,
 * the rest by the largest fractions, then layer by layer.
 */
export const shareOut = (weights: readonly number[], total: number, most: number): number[] => {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const wanted = weights.map((weight) => (total * weight) / sum);
  const dropped = wanted.map((value) => Math.min(Math.floor(value), most));
  const order = [...wanted.keys()].sort((a, b) => wanted[b]! - dropped[b]! - (wanted[a]! - dropped[a]!) || a - b);
  let left = total - dropped.reduce((all, value) => all + value, 0);
  while (left > 0) {
    const before = left;
    for (const layer of order)
      if (left > 0 && dropped[layer]! < most) {
        dropped[layer]! += 1;
        left -= 1;
      }
    if (left === before) throw new RangeError(`cannot drop ${total} experts, at most ${most} in each layer`);
  }
  return dropped;
};

/**
 * EvoESAP's evolution of kept experts per layer under a fixed total: the first generation is the uniform allocation and
 * random ones; then the best become parents, and every child shifts experts between layers a few times. No allocation
 * is measured twice. The best one measured; of equals the first, so the uniform one wins ties. The same seed and
 * fitness give the same search. Source: Liu et al. 2026, arXiv 2603.06003; ZongfangLiu/EvoESAP, search_utils.py (whose
 * first generation also has ten fixed shapes).
 *
 * @throws CancelledError where the signal aborts between two allocations.
 */
export const searchBudgets = async (request: BudgetSearchRequest): Promise<BudgetSearchResult> => {
  const { layers, experts, keep, least, seed, settings, fitness, signal, onProgress } = request;
  const random = seededRandom(seed);
  const [total, most] = [layers * (experts - keep), experts - least];
  const known = new Map<string, number>();
  let best: BudgetSearchResult | null = null;
  let population = Array.from({ length: Math.max(1, settings.population) }, (_, at) =>
    shareOut(
      Array.from({ length: layers }, () => (at === 0 ? 1 : random.float() + 1e-4)),
      total,
      most,
    ),
  );
  for (let stale = 0; known.size < settings.evaluations && stale < MOST_STALE;) {
    const before = known.size;
    const scored: { readonly dropped: number[]; readonly value: number }[] = [];
    for (const dropped of population) {
      const key = dropped.join(',');
      let value = known.get(key);
      if (value === undefined) {
        if (known.size >= settings.evaluations) continue;
        if (signal.aborted) throw new CancelledError('The search');
        const counts = dropped.map((number) => experts - number);
        value = await fitness(counts);
        known.set(key, value);
        if (best === null || value > best.fitness) best = { counts, fitness: value, measured: known.size };
        onProgress?.(known.size, best.fitness);
      }
      scored.push({ dropped, value });
    }
    stale = known.size === before ? stale + 1 : 0;
    // Sorting is stable: of equals the earlier one.
    const parents = scored.sort((a, b) => b.value - a.value).slice(0, Math.max(1, settings.parents));
    population = parents.map(({ dropped }) => dropped);
    while (population.length < settings.population)
      population.push(shifted(parents[random.integer(parents.length)]!.dropped, most, settings, random));
  }
  if (best === null) throw new RangeError('a search without evaluations');
  return { ...best, measured: known.size };
};

/** A copy with experts shifted between layers, 1 to `shifts` times (the smaller of two draws). */
const shifted = (
  from: readonly number[],
  most: number,
  { shifts, shift }: Pick<BudgetSearchSettings, 'shifts' | 'shift'>,
  random: RandomSource,
): number[] => {
  const child = [...from];
  const wanted = 1 + Math.min(random.integer(shifts), random.integer(shifts));
  for (let done = 0, tried = 0; done < wanted && tried < MOST_ATTEMPTS; tried++) {
    const givers = [...child.keys()].filter((layer) => child[layer]! > 0);
    const takers = [...child.keys()].filter((layer) => child[layer]! < most);
    if (givers.length === 0 || takers.length === 0) break;
    const [giver, taker] = [givers[random.integer(givers.length)]!, takers[random.integer(takers.length)]!];
    const number = 1 + random.integer(shift);
    if (giver === taker || child[giver]! < number || child[taker]! + number > most) continue;
    child[giver]! -= number;
    child[taker]! += number;
    done += 1;
  }
  return child;
};
