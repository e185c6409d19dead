import { streamWidth } from '../graph/stream.ts';
import { formatBytes } from '../words/numbers.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { CurtailedPoint, UnneededPoint } from '../contract/curtailed-point.ts';
import { CancelledError, refuse } from '../contract/errors.ts';
import type { RoundedType } from '../contract/export.ts';
import type { ItemOutcome, WrittenOutcome } from '../contract/outcome.ts';
import type { Plan } from '../contract/plan.ts';
import type { CalibrationDraw, ElsewherePoint, SweepSettings } from '../contract/sweep.ts';
import { readSampler } from '../contract/sampling.ts';
import type { TaskItem, WrittenItem } from '../contract/task.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import type { SweepPoint } from '../runs/sweep-record.ts';
import { isWrittenItem, repeatedItems } from '../tasks/task.ts';
import { evaluatePlan, type EvaluationStep, evaluationStep, type Measurement, measurementsOn } from './measurement.ts';
import { fileMethodNotes } from './file-methods.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { roundedWeightsNote, wholePlan } from '../export/rounded-folder.ts';
import { type CalibrationTokens, makePlan, planSteps, type PlanSubject } from './plan-step.ts';
import { type Speed, SpeedMeter } from './point-cost.ts';
import { profileStep } from './profile-job.ts';
import { RoundedModels } from './rounded-models.ts';
import { runStep, type SingleStep, type PlannedStep } from './step.ts';
import {
  type CountedCurve,
  countedCurves,
  type Curve,
  isWholeCurve,
  needsOf,
  orderOf,
  sweepCounts,
  usedItems,
} from './sweep-curves.ts';
import { askedTasks, openTokenCounter } from './task-work.ts';

export interface SweepInput {
  readonly models: readonly RunModel[];
  readonly tasks: readonly RunTask[];
  readonly settings: SweepSettings;
  /** Checkpoints measured next to the plans of the only model. */
  readonly candidates?: readonly RunModel[];
}

/** The checkpoints that a sweep reads. */
export const sweepSources = ({ models, candidates = [] }: SweepInput): readonly Checkpoint[] =>
  [...models, ...candidates].map(({ checkpoint }) => checkpoint);

/** Receives a sweep's points when they are measured: its record, or nothing where another process keeps the record. */
export interface SweepSink {
  add(point: SweepPoint): Promise<void>;
  addCurtailed(point: CurtailedPoint): Promise<void>;
  addElsewhere(point: ElsewherePoint): Promise<void>;
  addCalibrationDraw(point: CalibrationDraw): Promise<void>;
  addUnneeded(points: readonly UnneededPoint[]): void;
  note(text: string): void;
}

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

/** A plan of a curve. */
export interface CurvePlan extends Curve {
  readonly plan: Plan;
}

/** A candidate of a curve: its number of kept experts, and the step that measures its plan. */
export interface SweepCandidate extends CurvePlan {
  readonly keep: number;
  readonly step: EvaluationStep;
}

/** The steps of a candidate of a curve that are known before its plan is made. */
const candidateSteps = ({ settings, measurement, calibration }: SweepSubject, curve: Curve): readonly PlannedStep[] => [
  ...(isWholeCurve(curve) ? [] : planSteps(orderOf(settings, curve), calibration)),
  measurement,
];

/** The candidate of a curve with `keep` experts: its plan is read, made, searched for or refitted. */
export const candidateOf = async (stage: Stage, curve: Curve, keep: number): Promise<SweepCandidate> => {
  const { context, measurement, settings, source } = stage;
  if (context.signal.aborted) throw new CancelledError('The sweep');
  const plan = isWholeCurve(curve)
    ? wholePlan(measurement.model.checkpoint)
    : await makePlan(context, source, orderOf(settings, curve), keep);
  const { method, seed, refit, weights } = curve;
  const candidate = { method, seed, refit, weights, keep, plan, step: evaluationStep(measurement, plan) };
  stage.candidates.push(candidate);
  return candidate;
};

/**
 * Speeds of a point's model, where requested and measurable; measured before anything else runs. Rounded weights run in
 * float32 here, which says nothing about the speed of their file.
 */
export const speedOf = async ({ speeds, measurement }: Stage, plan: Plan | null): Promise<Partial<Speed>> =>
  measurement.rounded === undefined ? ((await speeds?.of(measurement.model.checkpoint, plan)) ?? {}) : {};

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

/** How many times as much as a token of the context the last token of an answer counts under `endings`. */
export const END_WEIGHT = 4;

/** An item with its answer by the unpruned model. */
const answered = (
  item: TaskItem,
  outcome: ItemOutcome | undefined,
): { readonly item: WrittenItem; readonly outcome: WrittenOutcome } => {
  if (!isWrittenItem(item) || outcome?.kind !== 'written' || outcome.id !== item.id)
    throw new Error(`nothing was written to calibration item "${item.id}"`);
  return { item, outcome };
};

/**
 * Items whose profiled text is the model's own instead of the right answer: up to the stop string; or, for `endings`,
 * only of answers that ended by themselves, with the first stop string where one ended them, and weighted to their
 * ends.
 */
export const profiledOn = (
  calibration: 'written' | 'endings',
  items: readonly TaskItem[],
  outcomes: readonly ItemOutcome[],
): readonly WrittenItem[] => {
  const own = items.map((item, index) => answered(item, outcomes[index]));
  if (calibration === 'written') return own.map(({ item, outcome }) => ({ ...item, profiled: outcome.text }));
  return own
    .filter(({ outcome }) => outcome.stopped !== 'length')
    .map(({ item, outcome }) => ({
      ...item,
      profiled: outcome.text + (outcome.stopped === 'until' ? (item.until[0] ?? '') : ''),
      endWeight: END_WEIGHT,
    }));
};

/**
 * A task whose calibration answers are replaced by texts of the unpruned model.
 *
 * @throws WorkbenchError `nothing-ended` where complete answers are asked for, and there is none.
 */
const writtenCalibration = async (
  context: JobContext,
  measurement: Measurement,
  how: 'written' | 'endings',
): Promise<RunTask> => {
  const { task, items } = measurement;
  const outcomes = await evaluatePlan(context, measurement, null);
  const calibration = profiledOn(how, items, outcomes);
  if (calibration.length === 0)
    throw refuse(
      'nothing-ended',
      `The unpruned model ends none of its answers to the calibration items of ${task.name} by itself.`,
      'Calibrate on the right answers, or raise the most tokens of an answer.',
    );
  return { ...task, task: { ...task.task, calibration } };
};

/** A model on a task: the curves that a sweep measures there, and its first steps. */
export interface PlannedStage extends SweepSubject {
  /** Steps that belong to no curve: the profile, the unpruned model, and checkpoints beside it. */
  readonly otherSteps: readonly PlannedStep[];
  /** Profiles the task where a method needs it. */
  open(record: SweepSink): Promise<Stage>;
}

/** All steps of curves of a model on a task that are known before plans are made. */
export const curveSteps = (subject: SweepSubject, curves: readonly CountedCurve[]): readonly PlannedStep[] =>
  curves.flatMap((curve) => curve.counts.flatMap(() => candidateSteps(subject, curve)));

/** All steps of a planned stage. */
export const stageSteps = (planned: PlannedStage): readonly PlannedStep[] => [
  ...planned.otherSteps,
  ...curveSteps(planned, planned.curves),
];

/** Begins the note on the hidden states that fidelity keeps; runs of earlier versions have none. */
export const KEPT_STATES = 'Fidelity keeps the last hidden states';

export interface PlannedSweep {
  /** In the order of measurement: requested first models and tasks come first. */
  readonly stages: readonly PlannedStage[];
  /** Notes on factors that were left out, with the reason, and on methods that are files. */
  readonly notes: readonly string[];
}

const firstOnes = <T extends { readonly name: string }>(all: readonly T[], name: string | undefined): readonly T[] => [
  ...all.filter((one) => one.name === name),
  ...all.filter((one) => one.name !== name),
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
  const { kept, notes } = sweepCounts(
    models.map(({ name, checkpoint: { info } }) => ({ name, experts: info.experts, topK: info.topK })),
    settings,
  );
  const speeds = settings.speed === true ? new SpeedMeter(context, () => performance.now()) : null;
  const roundings = new RoundedModels(context);
  const needs = needsOf(settings);
  const writes = settings.calibration === 'answers' ? undefined : settings.calibration;
  const isWritten = writes !== undefined;
  const stages: PlannedStage[] = [];
  const states: string[] = [];
  for (const model of firstOnes(models, settings.first?.model)) {
    const curves = countedCurves(settings, model.checkpoint, kept.get(model.name) ?? []);
    const inOrder = firstOnes(tasks, settings.first?.task);
    const asked = sampledTasks(await askedTasks(model, inOrder, settings.chat, context.madeAt), settings);
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
    if (most.bytes > 0)
      states.push(
        `${KEPT_STATES} of ${model.name} for one task at a time: ${formatBytes(most.bytes)} at most (${most.task}), ` +
          'on disk beyond a quarter of the memory that the weights leave.',
      );
  }
  const files = fileMethodNotes(
    settings,
    models.map(({ checkpoint }) => checkpoint),
  );
  const types = (settings.weights ?? []).filter((type) => type !== 'stored');
  const rounded = models.flatMap(({ checkpoint }) => roundedWeightsNote(checkpoint, types) ?? []);
  return { stages, notes: [...notes, ...states, ...files, ...rounded] };
};
