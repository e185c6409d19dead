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
import type { Plan } from '../contract/plan.ts';
import type { MetricName, TaskItem } from '../contract/task.ts';
import { isRight } from '../evaluation/is-right.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { combinedExtras, planNeeds } from '../pruning/plan-needs.ts';
import { EXPERIMENT_FILE, writeExperimentRecord } from '../runs/experiment-record.ts';
import { mixtureRecord } from '../finetune/mixture.ts';
import { hashItems } from '../tasks/items.ts';
import { isTextItem, profiledText, type Task } from '../tasks/task.ts';
import { createGroupSizer, evaluationSteps, type GroupSizer } from './evaluation-step.ts';
import { armOptions, armsOf, armTraining, byExperts } from './experiment-arms.ts';
import { type Job, type JobContext, jobOn, type RunModel, type RunTask } from './job-context.ts';
import { planStep, RECOVERY_WORK, recoveryStep } from './plan-step.ts';
import { profileStep, profileWork } from './profile-job.ts';
import { evaluationKey, stepSummary } from './step-key.ts';
import { usedItems } from './sweep-work.ts';
import { openTokenCounter } from './task-work.ts';
import { ARMS_FOLDER, type MeasuredTask, trainingWork, type TunedArms, tunedStep } from './tuned-step.ts';
import { writingIdentity } from './write-items.ts';

export interface ExperimentInput {
  readonly models: readonly RunModel[];
  readonly tasks: readonly RunTask[];
  readonly settings: ExperimentSettings;
  /** What fine-tunes; asked for when the job's turn comes, and only where fine-tuned arms are wanted. */
  readonly tunedArms: (context: JobContext) => Promise<TunedArms>;
}

/** The checkpoints that an experiment reads. */
export const experimentSources = ({ models }: Pick<ExperimentInput, 'models'>): readonly Checkpoint[] =>
  models.map(({ checkpoint }) => checkpoint);

/** A member on a task: its arms, and the tokens that they take. */
interface Station {
  readonly model: RunModel;
  readonly task: RunTask;
  readonly items: readonly TaskItem[];
  readonly arms: readonly ArmName[];
  readonly twins: readonly MeasuredTask[];
  readonly calibrationTokens: number;
  readonly testTokens: number;
}

interface Stage {
  readonly context: JobContext;
  readonly settings: ExperimentSettings;
  readonly sizer: GroupSizer;
  readonly tunedArms: TunedArms | null;
}

const extrasOf = ({ methods, options }: ExperimentSettings) =>
  combinedExtras(methods.map((method) => planNeeds({ method, options: options[method], budget: 'uniform' })));

const armWork = (arm: ArmName, station: Station, settings: ExperimentSettings): number => {
  const { method, treatment } = arm;
  const { calibrationTokens, testTokens } = station;
  const refit = method !== null && treatment === 'refit' ? RECOVERY_WORK * calibrationTokens : 0;
  const training = isTrained(treatment) ? trainingWork(armTraining(settings, arm), calibrationTokens) : 0;
  return testTokens + refit + training;
};

/** What a training learns of a task: context and right answer of each calibration item. */
const learntFrom = ({ calibration }: Task): string =>
  JSON.stringify(calibration.map((item) => [isTextItem(item) ? null : item.context, profiledText(item)]));

/** Tasks of the experiment that are learnt as the same tokens as this one. */
const twinsOf = (
  { tasks, settings }: Pick<ExperimentInput, 'tasks' | 'settings'>,
  { task }: RunTask,
): readonly MeasuredTask[] => {
  const own = learntFrom(task);
  return tasks
    .filter((other) => other.task !== task && learntFrom(other.task) === own)
    .map((other) => ({ task: other, items: usedItems(other.task.test, settings.limit) }));
};

/** Everything to measure, task by task, members rising; refuses items that a tokenizer cannot score. */
const stationsOf = async (
  { models, tasks, settings }: ExperimentInput,
  signal: AbortSignal,
): Promise<readonly Station[]> => {
  const members = byExperts(models);
  const stations: Station[] = [];
  for (const task of tasks) {
    const items = usedItems(task.task.test, settings.limit);
    const twins = twinsOf({ tasks, settings }, task);
    for (const [place, model] of members.entries()) {
      const measure = await openTokenCounter(model.checkpoint, signal);
      const smaller = members.slice(0, place).map(({ checkpoint }) => checkpoint.info.experts);
      stations.push({
        model,
        task,
        items,
        // The smallest factor first, as the thresholds are read.
        arms: armsOf(model, [...smaller].reverse(), task.name, settings),
        twins,
        calibrationTokens: await measure.profiling(task.task.calibration),
        testTokens: await measure.scoring(items),
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
  return {
    ...arm,
    right: answers.map((outcome) => (isRight(metric, outcome) ? '1' : '0')).join(''),
    truncated: answers.filter(({ truncatedTokens }) => truncatedTokens > 0).length,
    training,
  };
};

/** The plan that an arm is made by; null for a member that was not pruned. */
const planOf = async (
  { context, settings }: Stage,
  { model, task, calibrationTokens }: Station,
  { method, kept, treatment, seed }: ArmName,
  statistics: RoutingStatistics | null,
): Promise<Plan | null> => {
  if (method === null) return null;
  const plan = await planStep(context, {
    model,
    task,
    statistics,
    method,
    options: armOptions(settings, method, treatment),
    budget: 'uniform',
    protect: 'none',
    seed,
    keep: kept,
    profilingTokens: calibrationTokens,
    scoringTokens: 0,
  });
  if (treatment !== 'refit') return plan;
  return recoveryStep(context, model, task, plan, settings.refit, RECOVERY_WORK * calibrationTokens);
};

const measureArm = async (
  stage: Stage,
  station: Station,
  arm: ArmName,
  statistics: RoutingStatistics | null,
): Promise<ExperimentArm> => {
  const { context, settings, sizer, tunedArms } = stage;
  const { model, task, items, twins, testTokens } = station;
  const { metric } = task.task;
  const plan = await planOf(stage, station, arm, statistics);
  if (isTrained(arm.treatment)) {
    if (tunedArms === null) throw new Error('a fine-tuned arm without Python');
    const work = armWork(arm, station, settings);
    const order = { model, task, items, twins, plan, settings: armTraining(settings, arm), work };
    const { outcomes, training } = await tunedStep(context, order, tunedArms);
    return recordedArm(arm, metric, outcomes, training);
  }
  const { identity, info } = model.checkpoint;
  const itemsHash = hashItems(items);
  const key = evaluationKey({
    model: identity,
    experts: info.experts,
    itemsHash,
    plan,
    numerics: context.numerics,
    writing: await writingIdentity(model.checkpoint, task.task),
  });
  const found: ExperimentArm[] = [];
  const measurement = { model, task, items, itemsHash, work: testTokens };
  await evaluationSteps(context, measurement, [{ key, plan }], sizer, (_, outcomes) => {
    found.push(recordedArm(arm, metric, outcomes, null));
    return Promise.resolve();
  });
  const [measured] = found;
  if (measured === undefined) throw new Error('an arm gave no outcomes');
  return measured;
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
 * The experiment of the paper on UNCURL: every member of a family as it is and trained, and pruned to the size of each
 * smaller one, once per draw, as it is, refit and trained, on the same test items of each task. Every arm is a step under a
 * content key, and joins `experiment.json` once its step is on disk.
 */
export const measureExperiment = async (input: ExperimentInput, context: JobContext): Promise<ExperimentRecord> => {
  const { settings } = input;
  const { meter, signal, folder, temporaryFolder } = context;
  meter.describe('Reading tasks');
  const stations = await stationsOf(input, signal);
  const extras = extrasOf(settings);
  meter.setTotal(
    stations.reduce((sum, station) => {
      const { info } = station.model.checkpoint;
      const profiling = station.arms.some(({ method }) => method !== null)
        ? profileWork(station.calibrationTokens, extras, info)
        : 0;
      return sum + profiling + station.arms.reduce((work, arm) => work + armWork(arm, station, settings), 0);
    }, 0),
  );
  const tunedArms = settings.treatments.some(isTrained) ? await input.tunedArms(context) : null;
  let record: ExperimentRecord = {
    ...emptyRecord(context, input),
    python: tunedArms?.python.versions ?? {},
    mixture: mixtureRecord(tunedArms?.mixture ?? null),
  };
  for (const station of stations) {
    const { model, task, arms, calibrationTokens } = station;
    const isStreamed = model.checkpoint.info.memory.resident > context.memoryBudgetBytes;
    const stage: Stage = { context, settings, sizer: createGroupSizer(isStreamed), tunedArms };
    const statistics = arms.some(({ method }) => method !== null)
      ? await profileStep(context, model, task, calibrationTokens, extras)
      : null;
    for (const arm of arms) {
      if (signal.aborted) throw new CancelledError('The experiment');
      const measured = await measureArm(stage, station, arm, statistics);
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
      summary: `${String(arms.length)} arms measured: ${stepSummary(context.meter)}`,
    };
  });
