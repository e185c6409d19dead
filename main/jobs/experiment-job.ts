import { stepSummary } from '../words/sweep-facts.ts';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { CancelledError } from '../contract/errors.ts';
import {
  type ArmName,
  type ArmTraining,
  type ExperimentArm,
  type ExperimentRecord,
  type ExperimentSettings,
  isTrained,
} from '../contract/experiment.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { MetricName, TaskItem } from '../contract/task.ts';
import { isRight } from '../evaluation/item-answers.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { combinedExtras, planNeeds } from '../pruning/plan-needs.ts';
import { EXPERIMENT_FILE, writeExperimentRecord } from '../runs/experiment-record.ts';
import { mixtureRecord } from '../finetune/mixture.ts';
import { isTextItem, profiledText, type Task } from '../tasks/task.ts';
import { evaluatePlan, type Measurement, measurementsOn } from './measurement.ts';
import { armOptions, armsOf, armTraining, byExperts } from './experiment-arms.ts';
import { type Job, type JobContext, jobOn, type RunModel, type RunTask } from './job-context.ts';
import { type CalibrationTokens, openTokenCounter } from './task-work.ts';
import { makePlan, type PlanOrder, planSteps, profileStep } from './plan-step.ts';
import { type PlannedStep, runStep, type SingleStep, totalWork } from './step.ts';
import { usedItems } from './sweep-stages.ts';
import { ranOutOf } from '../words/truncation.ts';
import { ARMS_FOLDER } from './state-folders.ts';
import { type MeasuredTask, trainingWork, type TunedArms, tunedStep } from './tuned-step.ts';

export interface ExperimentInput {
  readonly models: readonly RunModel[];
  readonly tasks: readonly RunTask[];
  readonly settings: ExperimentSettings;
  /** Called when the job's turn comes, and only if there are fine-tuned arms. */
  readonly tunedArms: (context: JobContext) => Promise<TunedArms>;
}

export const experimentSources = ({ models }: Pick<ExperimentInput, 'models'>): readonly Checkpoint[] =>
  models.map(({ checkpoint }) => checkpoint);

/** A member on a task, and its arms. */
interface Station {
  readonly measurement: Measurement;
  readonly arms: readonly ArmName[];
  readonly twins: readonly MeasuredTask[];
  readonly calibration: CalibrationTokens;
  /** Null where no arm is pruned. */
  readonly profile: SingleStep<RoutingStatistics> | null;
}

const extrasOf = ({ methods, options }: ExperimentSettings) =>
  combinedExtras(methods.map((method) => planNeeds({ method, options: options[method], budget: 'uniform' })));

/** How the plan of an arm is made; null for an unpruned member. */
const orderOf = (settings: ExperimentSettings, { method, treatment, gates, seed }: ArmName): PlanOrder | null =>
  method === null
    ? null
    : {
        method,
        options: armOptions(settings, method, treatment),
        budget: 'uniform',
        protect: 'none',
        gates: gates ?? 'renormalised',
        seed,
        refit: treatment === 'refit' ? settings.refit : null,
      };

/** Work of measuring an arm once its plan is made: training included. */
const measuringWork = (arm: ArmName, { measurement, calibration }: Station, settings: ExperimentSettings): number =>
  measurement.work + (isTrained(arm.treatment) ? trainingWork(armTraining(settings, arm), calibration.profiling) : 0);

/** All steps of a station that are known before plans are made. */
const stationSteps = (station: Station, settings: ExperimentSettings): readonly PlannedStep[] => [
  ...(station.profile === null ? [] : [station.profile]),
  ...station.arms.flatMap((arm) => {
    const order = orderOf(settings, arm);
    const plan = order === null ? [] : planSteps(order, station.calibration);
    return [...plan, { work: measuringWork(arm, station, settings) }];
  }),
];

/** The texts that a training on a task learns: context and right answer of each calibration item. */
const learntFrom = ({ calibration }: Task): string =>
  JSON.stringify(calibration.map((item) => [isTextItem(item) ? null : item.context, profiledText(item)]));

/** Tasks of the experiment whose training tokens equal those of this one. */
const twinsOf = (
  { tasks, settings }: Pick<ExperimentInput, 'tasks' | 'settings'>,
  { task }: RunTask,
): readonly MeasuredTask[] => {
  const learnt = learntFrom(task);
  return tasks
    .filter((other) => other.task !== task && learntFrom(other.task) === learnt)
    .map((other) => ({ task: other, items: usedItems(other.task.test, settings.limit) }));
};

/** All stations, task by task, members by ascending size; refuses items that a tokenizer cannot score. */
const stationsOf = async (
  { models, tasks, settings }: ExperimentInput,
  context: JobContext,
): Promise<readonly Station[]> => {
  const members = byExperts(models);
  const stations: Station[] = [];
  for (const task of tasks) {
    const items = usedItems(task.task.test, settings.limit);
    const twins = twinsOf({ tasks, settings }, task);
    for (const [index, model] of members.entries()) {
      const count = await openTokenCounter(model.checkpoint, context.signal);
      const smaller = members.slice(0, index).map(({ checkpoint }) => checkpoint.info.experts);
      // The smallest factor first, the order in which thresholds are read.
      const arms = armsOf(model, [...smaller].reverse(), task.name, settings);
      const profiling = await count.profiling(task.task.calibration);
      const isPruned = arms.some(({ method }) => method !== null);
      stations.push({
        measurement: await measurementsOn(context, model)(task, items, await count.scoring(items)),
        arms,
        twins,
        calibration: { profiling, scoring: 0 },
        profile: isPruned ? profileStep(context, model, task, profiling, extrasOf(settings)) : null,
      });
    }
  }
  return stations;
};

const recordedArm = (
  arm: ArmName,
  metric: MetricName,
  outcomes: readonly ItemOutcome[],
  training: ArmTraining | null,
): ExperimentArm => {
  const answers = outcomes.flatMap((outcome) => (outcome.kind === 'text' ? [] : [outcome]));
  const ranOut = ranOutOf(metric, outcomes);
  return {
    ...arm,
    right: answers.map((outcome) => (isRight(metric, outcome) ? '1' : '0')).join(''),
    truncated: answers.filter(({ truncatedTokens }) => truncatedTokens > 0).length,
    ...(ranOut === undefined ? {} : { ranOut }),
    training,
  };
};

const measureArm = async (
  context: JobContext,
  settings: ExperimentSettings,
  station: Station,
  arm: ArmName,
  { statistics, tunedArms }: { readonly statistics: RoutingStatistics | null; readonly tunedArms: TunedArms | null },
): Promise<ExperimentArm> => {
  const { measurement, twins, calibration } = station;
  const { model, task, items } = measurement;
  const { metric } = task.task;
  const order = orderOf(settings, arm);
  const plan =
    order === null ? null : await makePlan(context, { model, task, statistics, calibration }, order, arm.kept);
  if (!isTrained(arm.treatment)) return recordedArm(arm, metric, await evaluatePlan(context, measurement, plan), null);
  if (tunedArms === null) throw new Error('a fine-tuned arm without Python');
  const work = measuringWork(arm, station, settings);
  const training = { model, task, items, twins, plan, settings: armTraining(settings, arm), work };
  const tuned = await runStep(context, await tunedStep(context, training, tunedArms));
  return recordedArm(arm, metric, tuned.outcomes, tuned.training);
};

const groupsOf = (items: readonly TaskItem[]): string[] | null => {
  const groups = items.flatMap((item) => ('group' in item && item.group !== undefined ? [item.group] : []));
  return groups.length < items.length || new Set(groups).size === items.length ? null : groups;
};

const emptyRecord = ({ run }: JobContext, { models, tasks, settings }: ExperimentInput): ExperimentRecord => ({
  run,
  settings,
  models: byExperts(models).map(({ name, checkpoint }) => ({ name, experts: checkpoint.info.experts })),
  tasks: tasks.map(({ name, task }) => {
    const items = usedItems(task.test, settings.limit);
    return { name, metric: task.metric, n: items.length, groups: groupsOf(items) };
  }),
  arms: [],
  python: {},
  mixture: null,
});

/**
 * The experiment of the paper on UNCURL: every member of a family, and the same pruned to the size of each smaller
 * member, once per draw; untreated, refitted and trained, on the same test items of each task. Every arm is a step
 * under a content key, and is added to `experiment.json` once its step is on disk.
 */
export const measureExperiment = async (input: ExperimentInput, context: JobContext): Promise<ExperimentRecord> => {
  const { settings } = input;
  const { meter, signal, folder, temporaryFolder } = context;
  meter.describe('Reading tasks');
  const stations = await stationsOf(input, context);
  meter.setTotal(totalWork(stations.flatMap((station) => stationSteps(station, settings))));
  const tunedArms = settings.treatments.some(isTrained) ? await input.tunedArms(context) : null;
  let record: ExperimentRecord = {
    ...emptyRecord(context, input),
    python: tunedArms?.python.versions ?? {},
    mixture: mixtureRecord(tunedArms?.mixture ?? null),
  };
  for (const station of stations) {
    const statistics = station.profile === null ? null : await runStep(context, station.profile);
    for (const arm of station.arms) {
      if (signal.aborted) throw new CancelledError('The experiment');
      const measured = await measureArm(context, settings, station, arm, { statistics, tunedArms });
      record = { ...record, arms: [...record.arms, measured] };
      await context.requireRun();
      await writeExperimentRecord(folder, record, temporaryFolder);
      context.emit({ type: 'experiment.arm', run: context.run, arm: measured });
    }
  }
  await rm(join(folder, ARMS_FOLDER), { recursive: true, force: true });
  return record;
};

export const experimentJob = (input: ExperimentInput): Job =>
  jobOn(experimentSources(input), async (context) => {
    const { arms } = await measureExperiment(input, context);
    return {
      output: join(context.folder, EXPERIMENT_FILE),
      summary: `${arms.length} arms measured: ${stepSummary(context.meter)}`,
    };
  });
