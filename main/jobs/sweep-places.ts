import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { CancelledError } from '../contract/errors.ts';
import type { SweepSettings } from '../contract/sweep.ts';
import { combinedExtras } from '../pruning/plan-needs.ts';
import { hashItems } from '../tasks/items.ts';
import { askedTasks } from './asked-tasks.ts';
import { createGroupSizer } from './evaluation-step.ts';
import { fileMethodNotes } from './file-methods.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { SpeedMeter } from './point-cost.ts';
import { profileStep } from './profile-job.ts';
import type { Stage, SweepSink } from './sweep-stage.ts';
import {
  countedCurves,
  type CountedCurve,
  curveWork,
  needsOf,
  needsProfile,
  profilesWork,
  sum,
  sweepCounts,
  usedItems,
  workOf,
} from './sweep-work.ts';
import { writingIdentity } from './write-items.ts';
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

/** A model on a task: what a sweep measures there, and how it begins. */
export interface SweepPlace {
  readonly model: RunModel;
  /** As the model is asked it. */
  readonly task: RunTask;
  readonly curves: readonly CountedCurve[];
  /** Profiles the task, where a method needs it: from disk, or computed. */
  open(record: SweepSink): Promise<Stage>;
}

export interface SweepPlaces {
  /** In the order in which they are measured: those that are asked for first come first. */
  readonly places: readonly SweepPlace[];
  /** Work of all of it, in tokens, and that of its curves. */
  readonly work: number;
  readonly curvesWork: number;
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

const firstOnes = <T extends { readonly name: string }>(all: readonly T[], name: string | undefined): readonly T[] => [
  ...all.filter((one) => one.name === name),
  ...all.filter((one) => one.name !== name),
];

/** What a sweep measures, before anything is computed. The input has passed `checkSweep`. */
export const sweepPlaces = async (context: JobContext, input: SweepInput): Promise<SweepPlaces> => {
  const { models, tasks, settings, candidates = [] } = input;
  const { kept, notes } = sweepCounts(
    models.map(({ name, checkpoint: { info } }) => ({ name, experts: info.experts, topK: info.topK })),
    settings,
  );
  const speeds = settings.speed === true ? new SpeedMeter(context, () => performance.now()) : null;
  const places: SweepPlace[] = [];
  let total = 0;
  let curvesWork = 0;
  for (const model of firstOnes(models, settings.first?.model)) {
    const curves = countedCurves(settings, model.checkpoint, kept.get(model.name) ?? []);
    const ordered = firstOnes(tasks, settings.first?.task);
    const asked = await askedTasks(model, ordered, settings.chat, context.madeAt);
    const { calibration, scoring } = await workOf(model, { tasks: asked, settings }, context.signal);
    const sizer = createGroupSizer(model.checkpoint.info.memory.resident > context.memoryBudgetBytes);
    total +=
      profilesWork(model, settings, calibration) +
      (writesCalibration(settings) ? sum(calibration.map((tokens) => tokens.scoring)) : 0) +
      sum(scoring) * (1 + candidates.length);
    for (const [index, task] of asked.entries()) {
      const own = calibration[index] ?? { profiling: 0, scoring: 0 };
      curvesWork += sum(curves.map((curve) => curveWork(settings, curve, own, scoring[index] ?? 0)));
      const open = async (record: SweepSink): Promise<Stage> => {
        if (context.signal.aborted) throw new CancelledError('The sweep');
        const calibrated = writesCalibration(settings)
          ? await writtenCalibration(context, model, task, own.scoring, sizer)
          : task;
        const statistics = needsProfile(settings)
          ? await profileStep(context, model, calibrated, own.profiling, combinedExtras(needsOf(settings)))
          : null;
        const items = usedItems(calibrated.task.test, settings.limit);
        return {
          context,
          record,
          settings,
          measurement: { model, task: calibrated, items, itemsHash: hashItems(items), work: scoring[index] ?? 0 },
          writing: await writingIdentity(model.checkpoint, calibrated.task),
          statistics,
          calibration: own,
          sizer,
          speeds,
        };
      };
      places.push({ model, task, curves, open });
    }
  }
  const files = fileMethodNotes(
    settings,
    models.map(({ checkpoint }) => checkpoint),
  );
  return { places, work: total + curvesWork, curvesWork, notes: [...notes, ...files] };
};
