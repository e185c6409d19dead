import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { CancelledError } from '../contract/errors.ts';
import type { SweepSettings } from '../contract/sweep.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { combinedExtras } from '../pruning/plan-needs.ts';
import { askedTasks } from './asked-tasks.ts';
import { fileMethodNotes } from './file-methods.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { measurementsOn } from './measurement.ts';
import { SpeedMeter } from './point-cost.ts';
import { profileStep } from './profile-job.ts';
import { runStep, type SingleStep, type Step } from './step.ts';
import { candidateSteps, type Stage, type SweepSink, type SweepSubject } from './sweep-stage.ts';
import {
  countedCurves,
  type CountedCurve,
  needsCalibration,
  needsOf,
  needsProfile,
  sweepCounts,
  usedItems,
} from './sweep-curves.ts';
import { openTokenCounter } from './task-work.ts';
import { writesCalibration, writtenCalibration } from './written-calibration.ts';

export interface SweepInput {
  readonly models: readonly RunModel[];
  readonly tasks: readonly RunTask[];
  readonly settings: SweepSettings;
  /** Checkpoints measured beside the plans of the one model. */
  readonly candidates?: readonly RunModel[];
}

/** The checkpoints that a sweep reads. */
export const sweepSources = ({ models, candidates = [] }: SweepInput): readonly Checkpoint[] =>
  [...models, ...candidates].map(({ checkpoint }) => checkpoint);

/** A model on a task: the curves that a sweep measures there, and how it begins. */
export interface PlannedStage extends SweepSubject {
  /** Steps before and beside the curves: the profile, the unpruned model, the checkpoints beside it. */
  readonly otherSteps: readonly Pick<Step<unknown>, 'work'>[];
  /** Profiles the task where a method needs it. */
  open(record: SweepSink): Promise<Stage>;
}

/** All steps of curves of a model on a task, as far as they are known before plans are made. */
export const curveSteps = (
  subject: SweepSubject,
  curves: readonly CountedCurve[],
): readonly Pick<Step<unknown>, 'work'>[] =>
  curves.flatMap((curve) => curve.counts.flatMap(() => candidateSteps(subject, curve)));

/** All steps of a planned stage. */
export const stageSteps = (planned: PlannedStage): readonly Pick<Step<unknown>, 'work'>[] => [
  ...planned.otherSteps,
  ...curveSteps(planned, planned.curves),
];

export interface PlannedSweep {
  /** In the order in which they are measured: those that are asked for first come first. */
  readonly stages: readonly PlannedStage[];
  /** Factors that were left out and why, and what to know of methods that are files. */
  readonly notes: readonly string[];
}

const firstOnes = <T extends { readonly name: string }>(all: readonly T[], name: string | undefined): readonly T[] => [
  ...all.filter((one) => one.name === name),
  ...all.filter((one) => one.name !== name),
];

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
  const isCalibrated = needsCalibration(settings);
  const isAnswered = settings.calibration === 'written' || needsOf(settings).some(({ search }) => search !== null);
  const stages: PlannedStage[] = [];
  for (const model of firstOnes(models, settings.first?.model)) {
    const curves = countedCurves(settings, model.checkpoint, kept.get(model.name) ?? []);
    const asked = await askedTasks(model, firstOnes(tasks, settings.first?.task), settings.chat, context.madeAt);
    const count = await openTokenCounter(model.checkpoint, context.signal);
    const measure = measurementsOn(context, model);
    for (const task of asked) {
      const calibration = {
        profiling: isCalibrated ? await count.profiling(task.task.calibration) : 0,
        scoring: isAnswered ? await count.scoring(task.task.calibration) : 0,
      };
      const items = usedItems(task.task.test, settings.limit);
      const measurement = await measure(task, items, await count.scoring(items));
      const written = writesCalibration(settings)
        ? await measure(task, task.task.calibration, calibration.scoring)
        : null;
      const profileOf = (calibrated: RunTask): readonly SingleStep<RoutingStatistics>[] =>
        needsProfile(settings)
          ? [profileStep(context, model, calibrated, calibration.profiling, combinedExtras(needsOf(settings)))]
          : [];
      const open = async (record: SweepSink): Promise<Stage> => {
        if (context.signal.aborted) throw new CancelledError('The sweep');
        const calibrated = written === null ? task : await writtenCalibration(context, written);
        const [profile] = profileOf(calibrated);
        const statistics = profile === undefined ? null : await runStep(context, profile);
        const source = { model, task: calibrated, statistics, calibration };
        return { context, record, settings, measurement, calibration, curves, source, speeds };
      };
      const otherSteps = [
        ...(written === null ? [] : [written]),
        ...profileOf(task),
        measurement,
        ...candidates.map(() => measurement),
      ];
      stages.push({ settings, measurement, calibration, curves, otherSteps, open });
    }
  }
  const files = fileMethodNotes(
    settings,
    models.map(({ checkpoint }) => checkpoint),
  );
  return { stages, notes: [...notes, ...files] };
};
