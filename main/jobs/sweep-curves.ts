import { refuse, WorkbenchError } from '../contract/errors.ts';
import { curveLabel } from '../contract/method.ts';
import type { MethodName, MethodOptions, RefitName } from '../contract/plan.ts';
import type { RoundedType } from '../contract/export.ts';
import { type SweepSettings, UNPRUNED } from '../contract/sweep.ts';
import type { TaskItem } from '../contract/task.ts';
import { bareFactor, counted } from '../words/numbers.ts';
import { keepFromFactor } from '../pruning/keep-from-factor.ts';
import { methodNamed } from '../pruning/methods.ts';
import type { ExtraStatistic } from '../profile/routing-statistics.ts';
import { combinedExtras, type PlanNeeds, planNeeds } from '../pruning/plan-needs.ts';
import { isFileMethod, ownCounts, planOfFile } from './file-methods.ts';
import type { RunModel } from './job-context.ts';
import type { PlanOrder } from './plan-step.ts';

/** The figures of a model that determine its reachable factors. */
export interface SweepTarget {
  readonly name: string;
  /** E and K. */
  readonly experts: number;
  readonly topK: number;
}

export interface SweepCounts {
  /** Per model, the kept counts to measure, descending; without E itself, which is the unpruned model. */
  readonly kept: ReadonlyMap<string, readonly number[]>;
  /** Factors that were left out, with the reason. */
  readonly notes: readonly string[];
}

const largestFactor = ({ experts, topK }: SweepTarget): number => experts / Math.max(1, topK);

const keepOrNull = ({ experts, topK }: SweepTarget, factor: number): number | null => {
  try {
    return keepFromFactor(experts, topK, factor);
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === 'factor-too-large') return null;
    throw error;
  }
};

/**
 * Kept experts for every model and factor. A factor that leaves fewer than top-k experts in every model is refused; one
 * that only some models can reach is left out for the others, with a note.
 */
export const sweepCounts = (
  models: readonly SweepTarget[],
  { factors }: Pick<SweepSettings, 'factors'>,
): SweepCounts => {
  const notes: string[] = [];
  for (const factor of factors) {
    const tooSmall = models.filter((model) => keepOrNull(model, factor) === null);
    if (tooSmall.length === 0) continue;
    const limits = tooSmall.map(
      (model) =>
        `${model.name} (top-${String(model.topK)} of ${String(model.experts)} experts): at most ` +
        bareFactor(largestFactor(model)),
    );
    if (tooSmall.length === models.length) {
      throw refuse(
        'factor-too-large',
        `The pruning factor ${bareFactor(factor)} leaves fewer experts than each token uses.`,
        `Largest possible factor: ${limits.join('; ')}.`,
      );
    }
    notes.push(
      `Factor ${bareFactor(factor)} was left out where it would leave fewer than top-k experts: ${limits.join('; ')}.`,
    );
  }
  const kept = new Map(
    models.map((model) => {
      const counts = factors
        .flatMap((factor) => keepOrNull(model, factor) ?? [])
        .filter((keep) => keep < model.experts);
      return [model.name, [...new Set(counts)].sort((a, b) => b - a)] as const;
    }),
  );
  return { kept, notes };
};

/** A curve of a sweep: one method (and seed) on one task, its plans without recovery (`refit` null) or with it. */
export interface Curve {
  readonly method: MethodName;
  readonly seed: number | null;
  readonly refit: RefitName | null;
  /** Type as which the weights are rounded; undefined: as stored. */
  readonly weights?: RoundedType | undefined;
}

export const isSameCurve = (one: Curve, other: Curve): boolean =>
  one.method === other.method && one.seed === other.seed && one.refit === other.refit && one.weights === other.weights;

/** Whether a curve is the one point of the unpruned model with rounded weights. */
export const isWholeCurve = ({ method }: Pick<Curve, 'method'>): boolean => method === UNPRUNED;

/** A curve with the kept experts per layer at which it is measured, descending. */
export interface CountedCurve extends Curve {
  readonly counts: readonly number[];
}

/** The curves of a model: a file of plans is measured at its own sizes, every other method at `counts`. */
export const countedCurves = (
  settings: SweepSettings,
  checkpoint: Pick<RunModel['checkpoint'], 'info'>,
  counts: readonly number[],
): readonly CountedCurve[] =>
  curvesOf(settings).map((curve) => ({
    ...curve,
    counts: isWholeCurve(curve) ? [checkpoint.info.experts] : (ownCounts(settings, curve.method, checkpoint) ?? counts),
  }));

/** Every count at which some curve is measured, descending. */
export const fallingCounts = (curves: readonly CountedCurve[]): readonly number[] =>
  [...new Set(curves.flatMap(({ counts }) => counts))].sort((left, right) => right - left);

/** Whether a method of a sweep is measured once per seed. */
export const drawsPlans = (settings: SweepSettings, method: MethodName): boolean =>
  !isFileMethod(settings, method) && methodNamed(method).prepare(optionsOf(settings, method)).draws;

export const curvesOf = (settings: SweepSettings): readonly Curve[] => {
  const { methods: names, seeds, recovery, refits } = settings;
  const recovered = [...new Set(refits)];
  const variants: readonly (RefitName | null)[] = { none: [null], both: [null, ...recovered], only: recovered }[
    recovery
  ];
  const plain = [...new Set(names)].flatMap((method) =>
    (drawsPlans(settings, method) ? [...new Set(seeds)] : [null]).flatMap((seed) =>
      variants.map((refit): Curve => ({ method, seed, refit })),
    ),
  );
  return [...new Set(settings.weights ?? (['stored'] as const))].flatMap((weights): readonly Curve[] =>
    weights === 'stored'
      ? plain
      : [{ method: UNPRUNED, seed: null, refit: null, weights }, ...plain.map((curve) => ({ ...curve, weights }))],
  );
};

/** Candidates that several draws of a method add to a single draw. */
export interface DrawCost {
  readonly method: MethodName;
  readonly draws: number;
  readonly morePoints: number;
}

/** Costs by method, for those that are drawn more than once. Computes nothing. */
export const drawCosts = (
  settings: SweepSettings,
  models: readonly (SweepTarget & Pick<RunModel['checkpoint'], 'info'>)[],
  tasks: number,
): readonly DrawCost[] => {
  const { kept } = sweepCounts(models, settings);
  const curves = models.flatMap((model) => countedCurves(settings, model, kept.get(model.name) ?? []));
  const draws = new Set(settings.seeds).size;
  return [...new Set(settings.methods)]
    .filter((method) => draws > 1 && drawsPlans(settings, method))
    .map((method) => {
      const points = curves.filter((curve) => curve.method === method).flatMap(({ counts }) => counts).length * tasks;
      return { method, draws, morePoints: points - points / draws };
    });
};

/** "uncurl: 3 draws, 28 points more than with one". */
export const drawCostText = (
  { method, draws, morePoints }: DrawCost,
  { adaptive, stop }: Pick<SweepSettings, 'adaptive' | 'stop'>,
): string => {
  const bound = adaptive ? 'at least ' : stop === undefined ? '' : 'at most ';
  return `${method}: ${String(draws)} draws, ${bound}${counted(morePoints, 'point')} more than with one`;
};

/** Names of a sweep's curves in the order of its methods. */
export const curveNames = (settings: SweepSettings): readonly string[] => [
  ...new Set(curvesOf(settings).map(({ method, refit, weights }) => curveLabel(method, refit, weights))),
];

/** Options of one method of a sweep. */
export const optionsOf = ({ options }: Pick<SweepSettings, 'options'>, method: MethodName): MethodOptions =>
  options[method] ?? {};

/** How the plans of a curve are made; whatever the type of its weights, from the stored ones. */
export const orderOf = (settings: SweepSettings, { method, seed, refit }: Curve): PlanOrder => ({
  method,
  options: optionsOf(settings, method),
  budget: settings.budget,
  protect: settings.protect,
  seed,
  refit,
  fromFile: isFileMethod(settings, method)
    ? (checkpoint, task, keep) => planOfFile(settings, method, checkpoint, task, keep)
    : undefined,
});

/** Whether the plans of a method replace experts by constants. */
export const leavesConstants = (settings: SweepSettings, method: MethodName): boolean =>
  planNeeds({ method, options: optionsOf(settings, method), budget: settings.budget }).constants;

/** Requirements for making the plans of a sweep. */
export interface SweepNeeds {
  readonly profile: boolean;
  /** Statistics of the profile beyond routing. */
  readonly extras: readonly ExtraStatistic[];
  /** Whether some method searches for its plans. */
  readonly search: boolean;
  /** Whether calibration items are used: by profiles, searches or refits. */
  readonly calibration: boolean;
}

/** Prerequisites of the plans of one method that is no file. */
export const needsOfMethod = (
  settings: Pick<SweepSettings, 'options' | 'budget' | 'protect'>,
  method: MethodName,
): PlanNeeds => {
  const { budget, protect } = settings;
  return planNeeds({ method, options: optionsOf(settings, method), budget, protect });
};

export const needsOf = (settings: SweepSettings): SweepNeeds => {
  const { methods, recovery } = settings;
  const needs = methods
    .filter((method) => !isFileMethod(settings, method))
    .map((method) => needsOfMethod(settings, method));
  const profile = needs.some((plan) => plan.profile);
  const search = needs.some((plan) => plan.search !== null);
  return { profile, extras: combinedExtras(needs), search, calibration: recovery !== 'none' || profile || search };
};

/** Test items of a task that a sweep uses. */
export const usedItems = (items: readonly TaskItem[], limit: number | null): readonly TaskItem[] =>
  limit === null ? items : items.slice(0, limit);
