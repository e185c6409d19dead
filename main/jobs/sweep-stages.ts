import type { SweepFact } from '../contract/sweep-fact.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { UnneededPoint } from '../contract/curtailed-point.ts';
import { CancelledError } from '../contract/errors.ts';
import type { RoundedType } from '../contract/export.ts';
import { curveLabel } from '../contract/method.ts';
import { isMergePlan, type MethodName, type MethodOptions, type Plan } from '../contract/plan.ts';
import { readSampler } from '../contract/sampling.ts';
import type { SweepSettings } from '../contract/sweep.ts';
import type { TaskItem } from '../contract/task.ts';
import { droppedShare } from '../evaluation/dropped-share.ts';
import {
  countsOfCurve,
  type CurveShape,
  curveShapes,
  type DrawCost,
  drawCosts as drawCostsOf,
  isWholeCurve,
  sweepCounts,
  sweepShape,
  type SweepTarget,
  type TraitsOf,
} from '../evaluation/sweeps/sweep-shape.ts';
import { roundedWeightsFact, wholePlan } from '../export/rounded-folder.ts';
import { streamWidth } from '../graph/stream.ts';
import type { ExtraStatistic, RoutingStatistics } from '../profile/routing-statistics.ts';
import { methodNamed } from '../pruning/methods.ts';
import { foldsByProfile } from '../pruning/gates.ts';
import { combinedExtras, type PlanNeeds, planNeeds } from '../pruning/plan-needs.ts';
import { layerRow } from '../pruning/weighed-profiles.ts';
import type { SweepRecord } from '../runs/sweep-record.ts';
import { repeatedItems } from '../tasks/task.ts';
import { counted } from '../words/numbers.ts';
import { fileMethodFacts, isFileMethod, ownCounts, planOfFile } from './file-methods.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { type EvaluationStep, evaluationStep, type Measurement, measurementsOn } from './measurement.ts';
import { makePlan, type PlanOrder, planSteps, profileStep } from './plan-step.ts';
import { type Speed, SpeedMeter } from './point-cost.ts';
import { writtenCalibration } from './profile-job.ts';
import { ticks } from './progress-meter.ts';
import { RoundedModels } from './rounded-models.ts';
import type { PlanSubject } from './search-step.ts';
import { type PlannedStep, runStep, type SingleStep } from './step.ts';
import { askedTasks, type CalibrationTokens, openTokenCounter } from './task-work.ts';

/** A curve of a sweep on one task, whose plans are made from the stored weights. */
export interface Curve extends PlanOrder, CurveShape {}

export const isSameCurve = (left: Curve, right: Curve): boolean =>
  left.method === right.method &&
  left.seed === right.seed &&
  left.refit === right.refit &&
  left.weights === right.weights;

/** A curve with the kept experts per layer at which it is measured, descending. */
export interface CountedCurve extends Curve {
  readonly counts: readonly number[];
}

/** The traits of a sweep's methods; a file of plans has sizes of its own. */
const traitsOf =
  (settings: SweepSettings): TraitsOf =>
  (method) => ({
    draws: drawsPlans(settings, method),
    ownCounts: isFileMethod(settings, method) ? ({ checkpoint }) => ownCounts(settings, method, checkpoint) : undefined,
  });

/** Every count at which some curve is measured, descending. */
export const fallingCounts = (curves: readonly CountedCurve[]): readonly number[] =>
  [...new Set(curves.flatMap(({ counts }) => counts))].sort((left, right) => right - left);

/** Whether a method of a sweep is measured once per seed. */
export const drawsPlans = (settings: SweepSettings, method: MethodName): boolean =>
  !isFileMethod(settings, method) && methodNamed(method).prepare(optionsOf(settings, method)).draws;

export const curvesOf = (settings: SweepSettings): readonly Curve[] =>
  curveShapes(settings, traitsOf(settings)).map((curve) => ({
    ...curve,
    options: optionsOf(settings, curve.method),
    budget: settings.budget,
    protect: settings.protect,
    gates: settings.gates,
    fromFile: isFileMethod(settings, curve.method)
      ? (checkpoint, task, keep) => ({
          plan: planOfFile(settings, curve.method, checkpoint, task, keep),
          isRanking: ownCounts(settings, curve.method, checkpoint) === null,
        })
      : undefined,
  }));

/** Costs by method, for those that are drawn more than once. Computes nothing. */
export const drawCosts = (
  settings: SweepSettings,
  models: readonly SweepTarget[],
  tasks: number,
): readonly DrawCost[] =>
  drawCostsOf(sweepShape(settings, models, traitsOf(settings)), settings, tasks, traitsOf(settings));

/** "uncurl: 3 draws, 28 points more than with one". */
export const drawCostText = (
  { method, draws, more }: DrawCost,
  { adaptive, stop }: Pick<SweepSettings, 'adaptive' | 'stop'>,
): string => {
  const bound = adaptive ? 'at least ' : stop === undefined ? '' : 'at most ';
  return `${method}: ${String(draws)} draws, ${bound}${counted(more, 'point')} more than with one`;
};

/** Names of a sweep's curves in the order of its methods. */
export const curveNames = (settings: SweepSettings): readonly string[] => [
  ...new Set(curvesOf(settings).map(({ method, refit, weights }) => curveLabel(method, refit, weights))),
];

export const optionsOf = ({ options }: Pick<SweepSettings, 'options'>, method: MethodName): MethodOptions =>
  options[method] ?? {};

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

/**
 * Whether plans of a model need a profile for their gates alone: some method makes plans, and the gates are folded
 * where deleting experts makes them grow.
 */
const gatesNeedProfile = (settings: SweepSettings, { checkpoint }: SweepTarget): boolean =>
  foldsByProfile(checkpoint.info, settings.gates) &&
  settings.methods.some((method) => ownCounts(settings, method, checkpoint) === null);

/** What a setting of gates other than a plain deletion means for the plans of each model. */
const gatesFacts = ({ gates }: SweepSettings, models: readonly SweepTarget[]): readonly SweepFact[] =>
  models.flatMap(({ name: model, checkpoint: { info } }): readonly SweepFact[] => {
    if (gates === 'renormalised') return [];
    if (info.gatesGrow !== true) return gates === 'folded' ? [] : [{ code: 'gates', model, are: 'unchanged' }];
    if (info.identityRows === true) return [{ code: 'gates', model, are: 'trained' }];
    return [{ code: 'gates', model, are: gates === 'folded' ? 'folded' : 'trained-onnx-only' }];
  });

/** `models`: those whose plans are made. */
export const needsOf = (settings: SweepSettings, models: readonly SweepTarget[]): SweepNeeds => {
  const { methods, recovery } = settings;
  const needs = methods
    .filter((method) => !isFileMethod(settings, method))
    .map((method) => needsOfMethod(settings, method));
  const profile = needs.some((plan) => plan.profile) || models.some((model) => gatesNeedProfile(settings, model));
  const search = needs.some((plan) => plan.search !== null);
  const layers = settings.budget === 'measured' && needs.length > 0;
  const calibration = recovery !== 'none' || profile || search || layers;
  return { profile, extras: combinedExtras(needs), search, calibration };
};

export const usedItems = (items: readonly TaskItem[], limit: number | null): readonly TaskItem[] =>
  limit === null ? items : items.slice(0, limit);

export interface SweepInput {
  readonly models: readonly RunModel[];
  readonly tasks: readonly RunTask[];
  readonly settings: SweepSettings;
  /** Checkpoints measured next to the plans of the only model. */
  readonly candidates?: readonly RunModel[];
}

export const sweepSources = ({ models, candidates = [] }: SweepInput): readonly Checkpoint[] =>
  [...models, ...candidates].map(({ checkpoint }) => checkpoint);

/** Receives a sweep's points when they are measured: its record, or nothing where another process keeps the record. */
export type SweepSink = Pick<SweepRecord, 'add' | 'note'>;

/** A model on a task, before anything is computed. */
interface SweepSubject {
  readonly settings: SweepSettings;
  readonly measurement: Measurement;
  readonly calibration: CalibrationTokens;
  readonly curves: readonly CountedCurve[];
}

/** A model on a task with its profile: everything needed to measure candidates. */
export interface Stage extends SweepSubject {
  readonly context: JobContext;
  readonly record: SweepSink;
  /** Input of plan making. */
  readonly source: PlanSubject;
  /** Null where speeds are not requested. */
  readonly speeds: SpeedMeter | null;
  /** Every candidate made so far, in order. */
  readonly candidates: SweepCandidate[];
  readonly roundings: RoundedModels;
}

export interface CurvePlan extends Curve {
  readonly plan: Plan;
}

/** A candidate of a curve: its number of kept experts, and the step that measures its plan. */
export interface SweepCandidate extends CurvePlan {
  readonly keep: number;
  readonly step: EvaluationStep;
}

/** The candidates of curves at some of their counts, count by count: plans are read, made, searched for or refitted. */
export const candidatesOf = async (
  stage: Stage,
  curves: readonly CountedCurve[],
  counts: readonly number[] = fallingCounts(curves),
): Promise<readonly SweepCandidate[]> => {
  const { context, measurement, source } = stage;
  const made: SweepCandidate[] = [];
  for (const keep of counts)
    for (const curve of curves.filter((entry) => entry.counts.includes(keep))) {
      if (context.signal.aborted) throw new CancelledError('The sweep');
      const plan = isWholeCurve(curve)
        ? wholePlan(measurement.model.checkpoint)
        : await makePlan(context, source, curve, keep);
      const candidate = { ...curve, keep, plan, step: evaluationStep(measurement, plan) };
      made.push(candidate);
      stage.candidates.push(candidate);
    }
  return made;
};

/**
 * Speeds of a point's model, where requested and measurable; measured before anything else runs. Rounded weights run in
 * float32 here, which says nothing about the speed of their file.
 */
export const speedOf = async ({ speeds, measurement }: Stage, plan: Plan | null): Promise<Partial<Speed>> =>
  measurement.rounded === undefined ? ((await speeds?.of(measurement.model.checkpoint, plan)) ?? {}) : {};

/** Number of experts that a plan keeps in all MoE layers together. */
const keptInAll = (plan: Plan): number =>
  (isMergePlan(plan) ? plan.groups : plan.kept).map(({ length }) => length).reduce((sum, kept) => sum + kept, 0);

/** The share of routed choices that a plan drops, if the stage has a profile to compute it from. */
export const droppedBy = (
  { source: { statistics } }: Stage,
  plan: Plan | null,
): Pick<UnneededPoint, 'droppedShare'> => {
  if (statistics === null) return {};
  const { layers, experts, counts } = statistics;
  const rows = Array.from({ length: layers }, (_, layer) => layerRow(counts, layer, experts));
  const share = droppedShare(rows, plan);
  return share === null ? {} : { droppedShare: share };
};

/** The name of a candidate's point, and its figures that need no measurement. */
export const namedPoint = (stage: Stage, { method, refit, weights, seed, plan }: CurvePlan): UnneededPoint => {
  const { model, task } = stage.measurement;
  const { experts, moeLayers } = model.checkpoint.info;
  const total = keptInAll(plan);
  return {
    model: model.name,
    task: task.name,
    method: curveLabel(method, refit, weights),
    seed,
    factor: (experts * moeLayers) / total,
    kept: total / moeLayers,
    ...droppedBy(stage, plan),
  };
};

/** A stage whose candidates run with weights rounded as `type`. */
export const roundedStage = (stage: Stage, type: RoundedType): Stage => ({
  ...stage,
  measurement: {
    ...stage.measurement,
    // Another checkpoint runs, which has no states of the unpruned model.
    fidelity: undefined,
    rounded: stage.roundings.of(stage.measurement.model.checkpoint, type),
  },
});

/** A model on a task: the curves that a sweep measures there, and its first steps. */
export interface PlannedStage extends SweepSubject {
  /** Steps that belong to no curve: the profile, the unpruned model, and checkpoints beside it. */
  readonly otherSteps: readonly PlannedStep[];
  /** Profiles the task where a method needs it. */
  open(record: SweepSink): Promise<Stage>;
}

/** All steps of curves of a model on a task that are known before plans are made. */
export const curveSteps = (
  { measurement, calibration }: SweepSubject,
  curves: readonly CountedCurve[],
): readonly PlannedStep[] =>
  curves.flatMap((curve) =>
    curve.counts.flatMap(() => [...(isWholeCurve(curve) ? [] : planSteps(curve, calibration)), measurement]),
  );

export const stageSteps = (planned: PlannedStage): readonly PlannedStep[] => [
  ...planned.otherSteps,
  ...curveSteps(planned, planned.curves),
];

export interface PlannedSweep {
  /** In the order of measurement: requested first models and tasks come first. */
  readonly stages: readonly PlannedStage[];
  /** Factors that were left out, with the reason, and methods that are files. */
  readonly facts: readonly SweepFact[];
}

const firstOnes = <T extends { readonly name: string }>(all: readonly T[], name: string | undefined): readonly T[] => [
  ...all.filter((entry) => entry.name === name),
  ...all.filter((entry) => entry.name !== name),
];

/** The tasks with the sampler of the sweep, where answers are written. */
const sampledTasks = (tasks: readonly RunTask[], { sample }: SweepSettings): readonly RunTask[] =>
  sample === undefined
    ? tasks
    : tasks.map(({ task, ...run }) => ({
        ...run,
        task: task.judging === undefined ? task : { ...task, sampler: readSampler(sample) },
      }));

/**
 * Everything that a sweep measures, before anything is computed; refuses items that the model's tokenizer cannot score.
 * The input has passed `checkSweep`.
 */
export const planStages = async (context: JobContext, input: SweepInput): Promise<PlannedSweep> => {
  const { models, tasks, settings, candidates = [] } = input;
  const { kept, facts } = sweepCounts(models, settings);
  const speeds = settings.speed === true ? new SpeedMeter(context, ticks) : null;
  const roundings = new RoundedModels(context);
  const writes = settings.calibration === 'answers' ? undefined : settings.calibration;
  const isWritten = writes !== undefined;
  const stages: PlannedStage[] = [];
  const states: SweepFact[] = [];
  for (const model of firstOnes(models, settings.first?.model)) {
    const needs = needsOf(settings, [model]);
    const counts = kept.get(model.name) ?? [];
    // A file of plans is measured at its own sizes, every other method at those of the sweep.
    const curves = curvesOf(settings).map((curve): CountedCurve => {
      return { ...curve, counts: countsOfCurve(curve, model, counts, traitsOf(settings)) };
    });
    const inOrder = firstOnes(tasks, settings.first?.task);
    const asked = sampledTasks(await askedTasks(model, inOrder, settings.chat, context.madeAt, settings), settings);
    const count = await openTokenCounter(model.checkpoint, context.signal);
    const measure = measurementsOn(context, model, settings.fidelity);
    let most = { bytes: 0, task: '' };
    for (const task of asked) {
      const calibration = {
        profiling: needs.calibration ? await count.profiling(task.task.calibration) : 0,
        scoring: isWritten || needs.search ? await count.scoring(task.task.calibration) : 0,
      };
      const items = repeatedItems(usedItems(task.task.test, settings.limit), settings.repeats ?? 1);
      const measurement = await measure(task, items, await count.scoring(items));
      const compared = settings.fidelity === true ? await count.compared(items) : 0;
      const bytes = compared * streamWidth(model.checkpoint.descriptor) * Float32Array.BYTES_PER_ELEMENT;
      if (bytes > most.bytes) most = { bytes, task: task.name };
      const written =
        isWritten && needs.calibration
          ? { ...(await measure(task, task.task.calibration, calibration.scoring)), fidelity: undefined }
          : null;
      const profileOf = (calibrated: RunTask): readonly SingleStep<RoutingStatistics>[] =>
        needs.profile ? [profileStep(context, model, calibrated, calibration.profiling, needs.extras)] : [];
      const open = async (record: SweepSink): Promise<Stage> => {
        if (context.signal.aborted) throw new CancelledError('The sweep');
        const calibrated =
          written === null || writes === undefined ? task : await writtenCalibration(context, written, writes);
        const [profile] = profileOf(calibrated);
        const statistics = profile === undefined ? null : await runStep(context, profile);
        const source = { model, task: calibrated, statistics, calibration };
        return {
          context,
          record,
          settings,
          measurement,
          calibration,
          curves,
          source,
          speeds,
          roundings,
          candidates: [],
        };
      };
      const otherSteps = [
        ...(written === null ? [] : [written]),
        ...profileOf(task),
        measurement,
        ...candidates.map(() => measurement),
      ];
      stages.push({ settings, measurement, calibration, curves, otherSteps, open });
    }
    if (most.bytes > 0) states.push({ code: 'hidden-states', model: model.name, task: most.task, bytes: most.bytes });
  }
  const files = fileMethodFacts(
    settings,
    models.map(({ checkpoint }) => checkpoint),
  );
  const types = (settings.weights ?? []).filter((type) => type !== 'stored');
  const rounded = models.flatMap(({ checkpoint }) => roundedWeightsFact(checkpoint, types) ?? []);
  return { stages, facts: [...facts, ...gatesFacts(settings, models), ...states, ...files, ...rounded] };
};
