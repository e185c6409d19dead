import { at, CancelledError, present, refuse } from '../../contract/errors.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { normalSource, type RandomSource, seededRandom } from '../../statistics/random.ts';
import type { MergeGroup, Plan } from '../../contract/plan.ts';

/** A plan that the search proposes: experts to keep, or matrices, for every MoE layer. */
export type SearchCandidate =
  | { readonly kind: 'kept'; readonly kept: readonly (readonly number[])[] }
  | { readonly kind: 'matrices'; readonly layers: readonly LayerMatrices[] };

/** Parameters of EEP's search. */
export interface SearchSettings {
  /** Candidates to measure in total. */
  readonly evaluations: number;
  /** Random patterns at the start. */
  readonly initial: number;
  /** Measured candidates after which real-valued matrices are tried; null: only which experts stay is searched. */
  readonly switchAfter: number | null;
  /** Probability that a kept expert is exchanged. */
  readonly exchange: number;
  /** Probability of a crossover instead of a mutation, and of taking a row from the first parent. */
  readonly crossover: number;
  readonly firstParent: number;
  /** Probability that an entry changes, and the standard deviation of the change. */
  readonly mutation: number;
  readonly scale: number;
  /** Probability that a layer changes at all. */
  readonly layerChange: number;
  /** Probability that the rows of changed merge matrices are normalised to sum to 1. */
  readonly normalise: number;
  /** Parents are within this distance of the best fitness, in hundredths. */
  readonly crossoverRange: number;
  readonly mutationRange: number;
}

interface SearchRequest {
  readonly layers: number;
  readonly experts: number;
  readonly keep: number;
  readonly seed: number;
  readonly settings: SearchSettings;
  /** Fitness of a candidate, higher is better: accuracy on labelled calibration items, from 0 to 1. */
  readonly fitness: (candidate: SearchCandidate) => Promise<number>;
  readonly signal: AbortSignal;
  readonly onProgress?: (measured: number, best: number) => void;
}

interface SearchResult {
  readonly best: SearchCandidate;
  readonly fitness: number;
  /** Best fitness after each measured candidate. */
  readonly history: readonly number[];
}

interface Individual {
  readonly candidate: SearchCandidate;
  readonly fitness: number;
}

/** New candidates that repeat an old one are redrawn this often before the old fitness is reused. */
const MAX_REDRAWS = 20;

/**
 * EEP's evolutionary search. First over which experts stay: random patterns, then single exchanges in good ones. After
 * `switchAfter` candidates also over real matrices: normal noise on entries of both, and crossovers row by row.
 * Repeated candidates are not measured again. The same seed and fitness give the same search. Source: Liu et al. 2024,
 * arXiv 2407.00945; imagination-research/EEP, configs/search/search.yml.
 *
 * @throws CancelledError where the signal aborts between two candidates.
 */
export const searchExperts = async (request: SearchRequest): Promise<SearchResult> => {
  const { settings, seed, fitness, signal, onProgress, layers, experts, keep } = request;
  if (settings.evaluations < 1)
    throw refuse('no-evaluations', 'The search has no evaluation to spend.', 'Allow at least one.');
  const random = seededRandom(seed);
  const normal = normalSource(random);
  const population: Individual[] = [];
  const known = new Map<string, number>();
  const history: number[] = [];
  let best: Individual | null = null;
  while (history.length < settings.evaluations) {
    if (signal.aborted) throw new CancelledError('The search');
    let candidate = propose();
    for (let draw = 0; draw < MAX_REDRAWS && known.has(keyOf(candidate)); draw++) candidate = propose();
    const key = keyOf(candidate);
    const value = known.get(key) ?? (await fitness(candidate));
    if (!known.has(key)) population.push({ candidate, fitness: value });
    known.set(key, value);
    if (best === null || value > best.fitness) best = { candidate, fitness: value };
    history.push(best.fitness);
    onProgress?.(history.length, best.fitness);
  }
  if (best === null) throw new Error('a search without candidates');
  return { best: best.candidate, fitness: best.fitness, history };

  function propose(): SearchCandidate {
    const measured = history.length;
    if (measured < settings.initial || population.length === 0) {
      return { kind: 'kept', kept: Array.from({ length: layers }, () => drawExperts(random, experts, keep)) };
    }
    const continuous = settings.switchAfter !== null && measured >= settings.switchAfter;
    if (!continuous) {
      const discrete = population.filter(({ candidate }) => candidate.kind === 'kept');
      return exchange(parent(discrete, settings.mutationRange), experts, settings, random);
    }
    if (random.float() < settings.crossover) {
      return cross(
        parent(population, settings.crossoverRange),
        parent(population, settings.crossoverRange),
        experts,
        settings,
        random,
      );
    }
    return mutate(parent(population, settings.mutationRange), experts, settings, random, normal);
  }

  function parent(among: readonly Individual[], range: number): SearchCandidate {
    const top = maxOf(among.map((individual) => individual.fitness));
    const good = among.filter((individual) => individual.fitness >= top - range / 100);
    const chosen = present(good[random.integer(good.length)], 'no parent');
    return chosen.candidate;
  }
};

const drawExperts = (random: RandomSource, experts: number, keep: number): number[] =>
  random
    .shuffle(Array.from({ length: experts }, (_, expert) => expert))
    .slice(0, keep)
    .sort((a, b) => a - b);

/** Kept experts exchanged for others, without repeats. */
const exchange = (
  from: SearchCandidate,
  experts: number,
  settings: SearchSettings,
  random: RandomSource,
): SearchCandidate => {
  if (from.kind !== 'kept') throw new Error('only kept experts are exchanged');
  return {
    kind: 'kept',
    kept: from.kept.map((layer) => {
      if (random.float() >= settings.layerChange) return layer;
      const changed = [...layer];
      changed.forEach((_, index) => {
        const others = Array.from({ length: experts }, (_expert, at) => at).filter(
          (expert) => !changed.includes(expert),
        );
        if (others.length > 0 && random.float() < settings.exchange)
          changed[index] = others[random.integer(others.length)]!;
      });
      return changed.sort((a, b) => a - b);
    }),
  };
};

const asMatrices = (candidate: SearchCandidate, experts: number): readonly LayerMatrices[] =>
  candidate.kind === 'matrices' ? candidate.layers : candidate.kept.map((kept) => oneHotMatrices(kept, experts));

const mutate = (
  from: SearchCandidate,
  experts: number,
  settings: SearchSettings,
  random: RandomSource,
  normal: () => number,
): SearchCandidate => {
  const noisy = (rows: readonly Float64Array[]): Float64Array[] =>
    rows.map((row) =>
      row.map((value) => (random.float() < settings.mutation ? value + normal() * settings.scale : value)),
    );
  return {
    kind: 'matrices',
    layers: asMatrices(from, experts).map((layer) => {
      if (random.float() >= settings.layerChange) return layer;
      const merge = noisy(layer.merge);
      return { merge: random.float() < settings.normalise ? merge.map(sumToOne) : merge, router: noisy(layer.router) };
    }),
  };
};

const sumToOne = (row: Float64Array): Float64Array => {
  const total = row.reduce((sum, value) => sum + value, 0);
  return Math.abs(total) > 1e-6 ? row.map((value) => value / total) : row;
};

const cross = (
  first: SearchCandidate,
  second: SearchCandidate,
  experts: number,
  settings: SearchSettings,
  random: RandomSource,
): SearchCandidate => {
  const others = asMatrices(second, experts);
  return {
    kind: 'matrices',
    layers: asMatrices(first, experts).map((layer, at) => {
      const other = others[at]!;
      const fromFirst = layer.merge.map(() => random.float() < settings.firstParent);
      const rows = (ours: readonly Float64Array[], theirs: readonly Float64Array[]): Float64Array[] =>
        ours.map((row, index) => (fromFirst[index] === true ? row : theirs[index]!));
      return { merge: rows(layer.merge, other.merge), router: rows(layer.router, other.router) };
    }),
  };
};

const keyOf = (candidate: SearchCandidate): string =>
  JSON.stringify(
    candidate.kind === 'kept'
      ? candidate.kept
      : candidate.layers.map(({ merge, router }) => [merge.map((row) => [...row]), router.map((row) => [...row])]),
  );

/** Matrices that make one MoE layer smaller, [E', E] each, by rows: rows are the new experts. */
interface LayerMatrices {
  /** W_EM: weights of the old experts in each new one; may be negative. */
  readonly merge: readonly Float64Array[];
  /** W_RM: how the old experts' probabilities are summed to those of the new ones. */
  readonly router: readonly Float64Array[];
}

/** Matrices that keep `kept` experts unchanged, in that order: both one-hot. */
export const oneHotMatrices = (kept: readonly number[], experts: number): LayerMatrices => {
  const row = (expert: number): Float64Array =>
    Float64Array.from({ length: experts }, (_, at) => (at === expert ? 1 : 0));
  return { merge: kept.map(row), router: kept.map(row) };
};

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
  const experts = at(router, 0).length;
  const strength = (row: number, expert: number): number => Math.abs(at(at(router, row), expert));
  const home = Array.from({ length: experts }, (_, expert) =>
    router.reduce((best, _row, row) => (strength(row, expert) > strength(best, expert) ? row : best), 0),
  );
  // Every new expert needs a member: its strongest among those whose group can spare one.
  router.forEach((_, row) => {
    if (home.includes(row)) return;
    const spare = [...home.keys()].filter((expert) => home.filter((other) => other === home[expert]).length > 1);
    const bestSpare = spare.reduce(
      (best, expert) => (strength(row, expert) > strength(row, best) ? expert : best),
      at(spare, 0),
    );
    home[bestSpare] = row;
  });
  return router.map((_, row) => {
    const members = [...home.keys()].filter((expert) => home[expert] === row);
    const weights = members.map((member) => Math.abs(at(at(merge, row), member)));
    return { members, reference: at(members, weights.indexOf(maxOf(weights))), weights };
  });
};
