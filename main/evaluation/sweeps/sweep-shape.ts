import { refuse } from '../../contract/errors.ts';
import type { RoundedType } from '../../contract/export.ts';
import { fewestKept, isTooLarge, keepFromFactor } from '../../contract/keep-from-factor.ts';
import type { ModelInfo } from '../../contract/model.ts';
import type { MethodName, RefitName } from '../../contract/plan.ts';
import type { SweepFact } from '../../contract/sweep-fact.ts';
import { type SweepSettings, UNPRUNED } from '../../contract/sweep.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { bareFactor } from '../../words/numbers.ts';
import { reachableWords } from '../../words/sweep-facts.ts';

/**
 * What a sweep measures, as follows from its settings alone: its curves, their sizes, and how much work they are. The
 * job measures these curves, and the window and the command line say what they cost.
 */

interface ShapeSettings extends Pick<SweepSettings, 'recovery'> {
  readonly methods: readonly MethodName[];
  readonly factors: readonly number[];
  readonly seeds: readonly number[];
  readonly refits: readonly RefitName[];
  readonly weights?: Readonly<SweepSettings['weights']>;
}

/** A model with E and K, which determine its reachable factors. */
export interface SweepTarget {
  readonly name: string;
  readonly checkpoint: { readonly info: ModelInfo };
}

/** What a sweep must know of a method with its options. */
export interface MethodTraits {
  /** Whether plans depend on the seed: it is measured once per seed. */
  readonly draws: boolean;
  /** Sizes at which a file of plans is measured in a model, descending; null: those of the factors. */
  readonly ownCounts?: ((model: SweepTarget) => readonly number[] | null) | undefined;
}

export type TraitsOf = (method: MethodName) => MethodTraits;

export interface SweepCounts {
  /** Per model, the kept counts to measure, descending; without E itself, which is the unpruned model. */
  readonly kept: ReadonlyMap<string, readonly number[]>;
  /** Factors that were left out, with the reason. */
  readonly facts: readonly SweepFact[];
}

const keepOrNull = ({ checkpoint: { info } }: SweepTarget, factor: number): number | null =>
  isTooLarge(info, factor) ? null : keepFromFactor(info.experts, info.topK, factor);

/**
 * Kept experts for every model and factor. A factor that leaves fewer than top-k experts in every model is refused; one
 * that only some models can reach is left out for the others, with a fact that says so.
 */
export const sweepCounts = (
  models: readonly SweepTarget[],
  { factors }: Pick<ShapeSettings, 'factors'>,
): SweepCounts => {
  const facts: SweepFact[] = [];
  for (const factor of factors) {
    const tooSmall = models.filter((model) => keepOrNull(model, factor) === null);
    if (tooSmall.length === 0) continue;
    const limits = tooSmall.map(({ name, checkpoint }) => {
      const { experts, topK } = checkpoint.info;
      return { name, topK, experts, largest: experts / fewestKept(checkpoint.info) };
    });
    if (tooSmall.length === models.length) {
      throw refuse(
        'factor-too-large',
        `The pruning factor ${bareFactor(factor)} leaves fewer experts than each token uses.`,
        `Largest possible factor: ${limits.map(reachableWords).join('; ')}.`,
      );
    }
    facts.push({ code: 'factor-left-out', factor, models: limits });
  }
  const kept = new Map(
    models.map((model) => {
      const counts = factors
        .flatMap((factor) => keepOrNull(model, factor) ?? [])
        .filter((keep) => keep < model.checkpoint.info.experts);
      return [model.name, [...new Set(counts)].sort((a, b) => b - a)] as const;
    }),
  );
  return { kept, facts };
};

/** A curve of a sweep: one method (and seed), its plans without recovery (`refit` null) or with it. */
export interface CurveShape {
  readonly method: MethodName;
  /** Null for a method whose plans do not depend on it. */
  readonly seed: number | null;
  readonly refit: RefitName | null;
  /** Type as which the weights are rounded when plans are measured; undefined: as stored. */
  readonly weights?: RoundedType | undefined;
}

/** Whether a curve is the one point of the unpruned model with rounded weights. */
export const isWholeCurve = ({ method }: Pick<CurveShape, 'method'>): boolean => method === UNPRUNED;

/** The curves of every model, in the order of measurement at one size. */
export const curveShapes = (
  { methods, seeds, recovery, refits, weights }: Omit<ShapeSettings, 'factors'>,
  traitsOf: TraitsOf,
): readonly CurveShape[] => {
  const recovered = [...new Set(refits)];
  const variants: readonly (RefitName | null)[] = { none: [null], both: [null, ...recovered], only: recovered }[
    recovery
  ];
  const plain = [...new Set(methods)].flatMap((method) =>
    (traitsOf(method).draws ? [...new Set(seeds)] : [null]).flatMap((seed) =>
      variants.map((refit): CurveShape => ({ method, seed, refit })),
    ),
  );
  const whole: CurveShape = { method: UNPRUNED, seed: null, refit: null };
  return [...new Set(weights ?? (['stored'] as const))].flatMap((type): readonly CurveShape[] =>
    type === 'stored' ? plain : [whole, ...plain].map((curve) => ({ ...curve, weights: type })),
  );
};

/** Kept experts per layer at which a curve of a model is measured, descending; `counts`: those of the factors. */
export const countsOfCurve = (
  curve: CurveShape,
  model: SweepTarget,
  counts: readonly number[],
  traitsOf: TraitsOf,
): readonly number[] =>
  isWholeCurve(curve) ? [model.checkpoint.info.experts] : (traitsOf(curve.method).ownCounts?.(model) ?? counts);

export interface ShapedCurve extends CurveShape {
  readonly counts: readonly number[];
}

export interface SweepShape {
  readonly models: readonly { readonly name: string; readonly curves: readonly ShapedCurve[] }[];
  readonly facts: readonly SweepFact[];
}

/** Everything that a sweep measures of its models on each task, beside the unpruned ones. */
export const sweepShape = (settings: ShapeSettings, models: readonly SweepTarget[], traitsOf: TraitsOf): SweepShape => {
  const { kept, facts } = sweepCounts(models, settings);
  const curves = curveShapes(settings, traitsOf);
  return {
    models: models.map((model) => {
      const counts = kept.get(model.name) ?? [];
      const counted = (curve: CurveShape): ShapedCurve => ({
        ...curve,
        counts: countsOfCurve(curve, model, counts, traitsOf),
      });
      return { name: model.name, curves: curves.map(counted) };
    }),
    facts,
  };
};

export const pointsOf = (curves: readonly ShapedCurve[]): number =>
  curves.reduce((sum, { counts }) => sum + counts.length, 0);

/** Evaluations that several draws of a method add to a single draw. */
export interface DrawCost {
  readonly method: MethodName;
  readonly draws: number;
  readonly more: number;
}

/** Costs by method, for those that are drawn more than once. */
export const drawCosts = (
  { models }: SweepShape,
  { methods, seeds }: Pick<ShapeSettings, 'methods' | 'seeds'>,
  tasks: number,
  traitsOf: TraitsOf,
): readonly DrawCost[] => {
  const curves = models.flatMap((model) => model.curves);
  const draws = new Set(seeds).size;
  return [...new Set(methods)]
    .filter((method) => draws > 1 && traitsOf(method).draws)
    .map((method) => {
      const points = pointsOf(curves.filter((curve) => curve.method === method)) * tasks;
      return { method, draws, more: points - points / draws };
    });
};

interface WorkSettings
  extends ShapeSettings, Pick<SweepSettings, 'elsewhere' | 'calibrationDraws' | 'calibrationSizes'> {}

/** What a sweep must know of a method to count its work. */
export interface CostlyTraits extends MethodTraits {
  /** Whether its plans are made from a profile of the calibration items. */
  readonly readsProfile: boolean;
  /** Candidates that a search measures for each of its plans. */
  readonly searched: number;
}

/** Work of a sweep in counts, without factors that an adaptive search adds; at most, where candidates stop early. */
export interface SweepWork {
  /** Candidates on each task, of the model that has most. */
  readonly candidatesPerTask: number;
  /** Models to measure in total: all candidates for each model and task, and the unpruned models. */
  readonly evaluations: number;
  /** Test items to score in total. */
  readonly itemEvaluations: number;
  /** Plans to refit on calibration items. */
  readonly refits: number;
  /** Candidates that searches measure on calibration items. */
  readonly searched: number;
  /** Evaluations that calibration draws add, and those of plans on tasks that they were not made for. */
  readonly drawnAgain: number;
  readonly elsewhere: number;
  /** Methods with several draws, and the evaluations that these add to a single draw. */
  readonly drawn: readonly DrawCost[];
}

/**
 * Counts the work of a sweep. `items`: test items of each task; `candidates`: checkpoint folders that are measured once
 * on each task beside the plans of a model, with their weights as stored.
 */
export const sweepWork = (
  settings: WorkSettings,
  shape: SweepShape,
  {
    items,
    candidates,
    traitsOf,
  }: {
    readonly items: readonly number[];
    readonly candidates: number;
    readonly traitsOf: (method: MethodName) => CostlyTraits;
  },
): SweepWork => {
  const tasks = items.length;
  const itemsOfAll = items.reduce((sum, count) => sum + count, 0);
  const { calibrationDraws = 0, calibrationSizes, seeds } = settings;
  const draws = calibrationDraws * new Set(calibrationSizes?.split(',') ?? ['as many as there are']).size;
  const ofModels = shape.models.map(({ curves }) => {
    const plans = curves.filter((curve) => !isWholeCurve(curve));
    // A plan is searched for and refitted once, whatever weights it is measured with.
    const [type] = plans.map(({ weights }) => weights);
    const once = plans.filter(({ weights }) => weights === type);
    const unrefitted = new Map(once.map((curve) => [JSON.stringify([curve.method, curve.seed]), curve]));
    const drawnAgain = curves.filter(
      ({ method, seed, weights }) =>
        weights === undefined && traitsOf(method).readsProfile && (seed === null || seed === (seeds[0] ?? 0)),
    );
    return {
      candidates: pointsOf(curves) + candidates,
      refits: pointsOf(once.filter(({ refit }) => refit !== null)),
      searched: [...unrefitted.values()].reduce(
        (sum, curve) => sum + curve.counts.length * traitsOf(curve.method).searched,
        0,
      ),
      drawnAgain: pointsOf(drawnAgain) * draws,
      elsewhere: settings.elsewhere === true ? pointsOf(curves) * tasks : 0,
    };
  });
  const total = (of: (model: (typeof ofModels)[number]) => number): number =>
    ofModels.reduce((sum, model) => sum + of(model), 0);
  return {
    candidatesPerTask: maxOf([0, ...ofModels.map((model) => model.candidates)]),
    evaluations: tasks * total((model) => model.candidates + 1),
    itemEvaluations: itemsOfAll * total((model) => model.candidates + 1 + model.drawnAgain + model.elsewhere),
    refits: tasks * total(({ refits }) => refits),
    searched: tasks * total(({ searched }) => searched),
    drawnAgain: tasks * total((model) => model.drawnAgain),
    elsewhere: tasks * total(({ elsewhere }) => elsewhere),
    drawn: drawCosts(shape, settings, tasks, traitsOf),
  };
};
