import { CancelledError } from '../contract/errors.ts';
import { curveLabel } from '../contract/method.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { type SweepResult, type SweepSettings, UNPRUNED } from '../contract/sweep.ts';
import type { CurtailedPoint, UnneededPoint } from '../contract/curtailed-point.ts';
import {
  type CountsSoFar,
  independentAtLeast,
  lowAtMost,
  type PairedDesign,
  pairedDesign,
} from '../evaluation/curtailment.ts';
import { droppedShare } from '../evaluation/dropped-share.ts';
import { summarise } from '../evaluation/summarise.ts';
import { layerRow } from '../pruning/layer-view.ts';
import type { SweepPoint } from '../runs/sweep-record.ts';
import type { JobContext } from './job-context.ts';
import { type EvaluationStep, evaluationStep, type Measurement } from './measurement.ts';
import { type CalibrationTokens, makePlan, planSteps, type PlanSubject } from './plan-step.ts';
import { folderCost, planPointCost, type Speed, type SpeedMeter } from './point-cost.ts';
import type { Step } from './step.ts';
import { type CountedCurve, type Curve, orderOf } from './sweep-curves.ts';

/** Where a sweep's points go as they come: its record, or nowhere where another process keeps that. */
export interface SweepSink {
  add(point: SweepPoint): Promise<void>;
  addCurtailed(point: CurtailedPoint): Promise<void>;
  addUnneeded(points: readonly UnneededPoint[]): void;
  note(text: string): void;
}

/** A model on a task, before anything is computed. */
export interface SweepSubject {
  readonly settings: SweepSettings;
  readonly measurement: Measurement;
  readonly calibration: CalibrationTokens;
  readonly curves: readonly CountedCurve[];
}

/** A model on a task once its profile is there: everything that measuring candidates needs. */
export interface Stage extends SweepSubject {
  readonly context: JobContext;
  readonly record: SweepSink;
  /** Plans are made from it. */
  readonly source: PlanSubject;
  /** Null where speeds are not asked for. */
  readonly speeds: SpeedMeter | null;
}

/** A candidate of a curve: the experts that it keeps, and the step that measures its plan. */
export interface SweepCandidate extends Curve {
  readonly keep: number;
  readonly plan: Plan;
  readonly step: EvaluationStep;
}

/** The steps of a candidate of a curve, as far as they are known before its plan is made. */
export const candidateSteps = (
  { settings, measurement, calibration }: SweepSubject,
  curve: Curve,
): readonly Pick<Step<unknown>, 'work'>[] => [...planSteps(orderOf(settings, curve), calibration), measurement];

/** The candidate of a curve that keeps so many experts: its plan is read, made, searched for or refitted. */
export const candidateOf = async (stage: Stage, curve: Curve, keep: number): Promise<SweepCandidate> => {
  const { context, measurement, settings, source } = stage;
  if (context.signal.aborted) throw new CancelledError('The sweep');
  const plan = await makePlan(context, source, orderOf(settings, curve), keep);
  const { method, seed, refit } = curve;
  return { method, seed, refit, keep, plan, step: evaluationStep(measurement, plan) };
};

export const isSameCurve = (one: Curve, other: Curve): boolean =>
  one.method === other.method && one.seed === other.seed && one.refit === other.refit;

/** Experts that a plan leaves, in all MoE layers together. */
const keptInAll = (plan: Plan): number =>
  (isMergePlan(plan) ? plan.groups : plan.kept).map(({ length }) => length).reduce((sum, kept) => sum + kept, 0);

/** The share of routed choices that a plan drops, where the stage has a profile that says so. */
const droppedBy = ({ source: { statistics } }: Stage, plan: Plan | null): Pick<UnneededPoint, 'droppedShare'> => {
  if (statistics === null) return {};
  const { layers, experts, counts } = statistics;
  const rows = Array.from({ length: layers }, (_, layer) => layerRow(counts, layer, experts));
  const share = droppedShare(rows, plan);
  return share === null ? {} : { droppedShare: share };
};

/** The name of a candidate's point, and the figures that are known without measuring it. */
const namedPoint = (stage: Stage, { method, refit, seed, plan }: SweepCandidate): UnneededPoint => {
  const { model, task } = stage.measurement;
  const { experts, moeLayers } = model.checkpoint.info;
  const total = keptInAll(plan);
  return {
    model: model.name,
    task: task.name,
    method: curveLabel(method, refit),
    seed,
    factor: (experts * moeLayers) / total,
    kept: total / moeLayers,
    ...droppedBy(stage, plan),
  };
};

/** Speeds of a point's model, where they are asked for and can be measured: before anything else runs. */
export const speedOf = async ({ speeds, measurement }: Stage, plan: Plan | null): Promise<Partial<Speed>> =>
  (await speeds?.of(measurement.model.checkpoint, plan)) ?? {};

/** Puts a measured point into the record. */
export const announce = async (
  { context, record }: Stage,
  result: SweepResult,
  { key }: EvaluationStep,
): Promise<SweepResult> => {
  await record.add({ result, step: key });
  context.emit({ type: 'sweep.point', run: context.run, result });
  return result;
};

const announceCurtailed = async ({ context, record }: Stage, point: CurtailedPoint): Promise<void> => {
  await record.addCurtailed(point);
  context.emit({ type: 'sweep.curtailed', run: context.run, point });
};

/** Announces the unpruned model. */
export const announceUnpruned = async (
  stage: Stage,
  step: EvaluationStep,
  outcomes: readonly ItemOutcome[],
): Promise<SweepResult> => {
  const { model, task } = stage.measurement;
  const result: SweepResult = {
    model: model.name,
    task: task.name,
    method: UNPRUNED,
    seed: null,
    factor: 1,
    kept: model.checkpoint.info.experts,
    ...droppedBy(stage, null),
    ...summarise(task.task.metric, outcomes, null),
    evaluated: outcomes.length,
    cost: { ...folderCost(model.checkpoint), ...(await speedOf(stage, null)) },
  };
  return announce(stage, result, step);
};

/** Announces a candidate that answered every item. */
export const announceCandidate = async (
  stage: Stage,
  candidate: SweepCandidate,
  baseline: readonly ItemOutcome[],
  outcomes: readonly ItemOutcome[],
): Promise<SweepResult> => {
  const { measurement, settings } = stage;
  const result: SweepResult = {
    ...namedPoint(stage, candidate),
    ...summarise(measurement.task.task.metric, baseline, outcomes, { delta: settings.delta }),
    evaluated: outcomes.length,
    cost: {
      ...planPointCost(measurement.model.checkpoint, candidate.plan),
      ...(await speedOf(stage, candidate.plan)),
    },
  };
  return announce(stage, result, candidate.step);
};

/** Announces a candidate that stopped early, because its answers can only be called unsafe. */
export const announceUnsafe = async (
  stage: Stage,
  candidate: SweepCandidate,
  design: PairedDesign,
  counts: CountsSoFar,
): Promise<void> => {
  const { n, evaluated, lost, gained, wrongLeft } = counts;
  const low = lowAtMost(counts);
  await announceCurtailed(stage, {
    ...namedPoint(stage, candidate),
    n,
    evaluated,
    metric: stage.measurement.task.task.metric,
    lost,
    gainedAtMost: gained + wrongLeft,
    independentAtLeast: independentAtLeast(design),
    ...(low === null ? {} : { lowAtMost: low }),
    verdict: 'unsafe',
  });
};

/** The name of a point of a curve that has no plan. */
const unplannedPoint = (
  { measurement: { model, task } }: Stage,
  { method, refit, seed }: Curve,
  keep: number,
): UnneededPoint => ({
  model: model.name,
  task: task.name,
  method: curveLabel(method, refit),
  seed,
  factor: model.checkpoint.info.experts / keep,
  kept: keep,
});

/** Records points of a curve that are not measured because a smaller factor is unsafe. */
export const recordUnneeded = (stage: Stage, curve: Curve, counts: readonly number[]): void =>
  stage.record.addUnneeded(counts.map((keep) => unplannedPoint(stage, curve, keep)));

/** Announces that the items are too few to call any candidate of a curve safe: its smallest factor stands for it. */
export const announceUndecidable = async (
  stage: Stage,
  baseline: readonly ItemOutcome[],
  { counts: [first, ...others], ...curve }: CountedCurve,
): Promise<void> => {
  if (first === undefined) return;
  const { metric } = stage.measurement.task.task;
  const design = pairedDesign(metric, baseline);
  await announceCurtailed(stage, {
    ...unplannedPoint(stage, curve, first),
    n: baseline.length,
    evaluated: 0,
    metric,
    lost: 0,
    gainedAtMost: design === null ? 0 : design.right.filter((right) => !right).length,
    independentAtLeast: design === null ? baseline.length : independentAtLeast(design),
  });
  recordUnneeded(stage, curve, others);
};
