import { CancelledError } from '../contract/errors.ts';
import { curveLabel } from '../contract/method.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { type SweepResult, type SweepSettings, UNPRUNED } from '../contract/sweep.ts';
import type { CurtailedPoint, UnneededPoint } from '../contract/curtailed-point.ts';
import { droppedShare } from '../evaluation/dropped-share.ts';
import { summarise } from '../evaluation/summarise.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { layerRow } from '../pruning/layer-view.ts';
import type { SweepPoint } from '../runs/sweep-record.ts';
import type { GroupSizer } from './evaluation-step.ts';
import { isFileMethod, planOfFile } from './file-methods.ts';
import type { JobContext } from './job-context.ts';
import type { Measurement } from './measurement.ts';
import { folderCost, planPointCost, type Speed, type SpeedMeter } from './point-cost.ts';
import { planStep, RECOVERY_WORK, recoveryStep } from './plan-step.ts';
import { evaluationKey, type WritingIdentity } from './step-key.ts';
import { type CalibrationWork, type Curve, optionsOf, sum } from './sweep-work.ts';

/** Where a sweep's points go as they come: its record, or nowhere where another process keeps that. */
export interface SweepSink {
  add(point: SweepPoint): Promise<void>;
  addCurtailed(point: CurtailedPoint): Promise<void>;
  addUnneeded(points: readonly UnneededPoint[]): void;
  note(text: string): void;
}

/** Everything that measuring candidates of one model on one task needs. */
export interface Stage {
  readonly context: JobContext;
  readonly record: SweepSink;
  readonly settings: SweepSettings;
  readonly measurement: Measurement;
  /** What beside items and plan decides what is written; undefined where nothing is. */
  readonly writing: WritingIdentity | undefined;
  readonly statistics: RoutingStatistics | null;
  readonly calibration: CalibrationWork;
  readonly sizer: GroupSizer;
  /** Where speeds are asked for. */
  readonly speeds: SpeedMeter | null;
}

/** A candidate to measure: which curve it lies on, how many experts stay, and its plan. */
export interface Candidate extends Curve {
  readonly keep: number;
  readonly plan: Plan;
  readonly key: string;
}

/** Key of the step that measures a plan; null: the unpruned model. */
export const keyOf = ({ context, measurement, writing }: Stage, plan: Plan | null): string => {
  const { identity, info } = measurement.model.checkpoint;
  return evaluationKey({
    model: identity,
    experts: info.experts,
    itemsHash: measurement.itemsHash,
    plan,
    numerics: context.numerics,
    writing,
  });
};

const planOf = async (
  { context, measurement, statistics, settings, calibration }: Stage,
  { method, seed, refit }: Curve,
  keep: number,
): Promise<Plan> => {
  const { model, task } = measurement;
  const { budget, protect } = settings;
  const plan = isFileMethod(settings, method)
    ? planOfFile(settings, method, model.checkpoint, task.task.name, keep)
    : await planStep(context, {
        model,
        task,
        statistics,
        method,
        options: optionsOf(settings, method),
        budget,
        protect,
        seed,
        keep,
        profilingTokens: calibration.profiling,
        scoringTokens: calibration.scoring,
      });
  return refit === null ? plan : recoveryStep(context, model, task, plan, refit, RECOVERY_WORK * calibration.profiling);
};

/** The candidate of a curve that keeps so many experts: its plan is read, made, searched for or refitted. */
export const candidateOf = async (stage: Stage, curve: Curve, keep: number): Promise<Candidate> => {
  if (stage.context.signal.aborted) throw new CancelledError('The sweep');
  const plan = await planOf(stage, curve, keep);
  const { method, seed, refit } = curve;
  return { method, seed, refit, keep, plan, key: keyOf(stage, plan) };
};

export const isSameCurve = (one: Curve, other: Curve): boolean =>
  one.method === other.method && one.seed === other.seed && one.refit === other.refit;

/** Candidates by the step that measures them: those that keep the same experts share one. */
export const candidatesByKey = (candidates: readonly Candidate[]): ReadonlyMap<string, readonly Candidate[]> => {
  const byKey = new Map<string, Candidate[]>();
  for (const candidate of candidates) byKey.set(candidate.key, [...(byKey.get(candidate.key) ?? []), candidate]);
  return byKey;
};

/** Experts that a plan leaves, in all MoE layers together. */
const keptInAll = (plan: Plan): number =>
  sum((isMergePlan(plan) ? plan.groups : plan.kept).map((layer) => layer.length));

/** The share of routed choices that a plan takes away, where the stage has a profile that tells it. */
const droppedBy = ({ statistics }: Stage, plan: Plan | null): Pick<UnneededPoint, 'droppedShare'> => {
  if (statistics === null) return {};
  const { layers, experts, counts } = statistics;
  const rows = Array.from({ length: layers }, (_, layer) => layerRow(counts, layer, experts));
  const share = droppedShare(rows, plan);
  return share === null ? {} : { droppedShare: share };
};

/** What names a candidate's point, and what is known of it without measuring. */
export const namedPoint = (stage: Stage, { method, refit, seed, plan }: Candidate): UnneededPoint => {
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
export const speedOf = async ({ speeds, measurement }: Stage, plan: Plan | null): Promise<Partial<Speed>> => {
  const { checkpoint } = measurement.model;
  return (await speeds?.of(checkpoint, plan)) ?? {};
};

/** The result of a candidate that answered every item. */
export const resultOf = async (
  stage: Stage,
  candidate: Candidate,
  baseline: readonly ItemOutcome[],
  outcomes: readonly ItemOutcome[],
): Promise<SweepResult> => ({
  ...namedPoint(stage, candidate),
  ...summarise(stage.measurement.task.task.metric, baseline, outcomes, { delta: stage.settings.delta }),
  evaluated: outcomes.length,
  cost: {
    ...planPointCost(stage.measurement.model.checkpoint, candidate.plan),
    ...(await speedOf(stage, candidate.plan)),
  },
});

export const announce = async ({ context, record }: Stage, point: SweepPoint): Promise<void> => {
  await record.add(point);
  context.emit({ type: 'sweep.point', run: context.run, result: point.result });
};

export const announceUnpruned = async (stage: Stage, step: string, outcomes: readonly ItemOutcome[]): Promise<void> => {
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
  return announce(stage, { result, step });
};
