import { CancelledError } from '../contract/errors.ts';
import { curveLabel } from '../contract/method.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { type SweepResult, type SweepSettings, UNPRUNED } from '../contract/sweep.ts';
import { summarise } from '../evaluation/summarise.ts';
import { nextKeptCount, nextToConfirm } from '../evaluation/kept-counts.ts';
import { isSafe, itemsNeeded } from '../evaluation/verdicts.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { signedPlan } from '../pruning/plan-for-model.ts';
import { combinedExtras } from '../pruning/plan-needs.ts';
import type { SweepPoint, SweepRecord } from '../runs/sweep-record.ts';
import { hashItems } from '../tasks/items.ts';
import { askedTasks } from './asked-tasks.ts';
import { createGroupSizer, evaluationSteps, type GroupSizer } from './evaluation-step.ts';
import type { Job, JobContext, RunModel, RunTask } from './job-context.ts';
import type { Measurement } from './measurement.ts';
import { planStep, RECOVERY_WORK, recoveryStep } from './plan-step.ts';
import { folderCost, planPointCost, type Speed, SpeedMeter } from './point-cost.ts';
import { profileStep } from './profile-job.ts';
import { curvePoints, fileMethodNotes, filePlans, isFileMethod, rankedFilePlan } from './file-methods.ts';
import { RecoveryPairs } from './recovery-pairs.ts';
import { evaluationKey, stepSummary, type WritingIdentity } from './step-key.ts';
import { measureFolders } from './sweep-folders.ts';
import {
  type CalibrationWork,
  type Curve,
  curvesOf,
  needsOf,
  needsProfile,
  optionsOf,
  planningWork,
  planWork,
  requireTrainedRouters,
  sum,
  sweepCounts,
  type SweepWork,
  usedItems,
  workOf,
} from './sweep-work.ts';
import { writingIdentity } from './write-items.ts';
import { writesCalibration, writtenCalibration } from './written-calibration.ts';
import { type ModelProfiles, writeSweepFiles } from './write-sweep-files.ts';

export interface SweepInput {
  readonly models: readonly RunModel[];
  readonly tasks: readonly RunTask[];
  readonly settings: SweepSettings;
  /** Checkpoints measured beside the plans of the one model. */
  readonly candidates?: readonly RunModel[];
}

/** Everything that measuring candidates of one model on one task needs. */
interface Stage {
  readonly context: JobContext;
  readonly record: SweepRecord;
  readonly settings: SweepSettings;
  readonly measurement: Measurement;
  readonly itemsHash: string;
  /** What beside items and plan decides what is written; undefined where nothing is. */
  readonly writing: WritingIdentity | undefined;
  readonly statistics: RoutingStatistics | null;
  readonly calibration: CalibrationWork;
  readonly sizer: GroupSizer;
  /** Where speeds are asked for. */
  readonly speeds: SpeedMeter | null;
}

const refittedPlan = (
  { context, measurement: { model, task }, calibration }: Stage,
  refit: Curve['refit'],
  plan: Plan,
): Plan | Promise<Plan> =>
  refit === null ? plan : recoveryStep(context, model, task, plan, refit, RECOVERY_WORK * calibration.profiling);

const planOf = async (stage: Stage, { method, seed, refit }: Curve, keep: number): Promise<Plan> => {
  const { context, measurement, statistics, settings, calibration } = stage;
  const { model, task } = measurement;
  const { budget, protect } = settings;
  const plan = isFileMethod(settings, method)
    ? rankedFilePlan(settings, method, model.checkpoint, task.task.name, keep)
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
  return refittedPlan(stage, refit, plan);
};

/** A candidate to measure: which curve it lies on, how many experts stay, and its plan. */
interface Candidate extends Curve {
  readonly keep: number;
  readonly plan: Plan;
  readonly key: string;
}

const keyOf = ({ context, measurement, itemsHash, writing }: Stage, plan: Plan | null): string => {
  const { fingerprint, info } = measurement.model.checkpoint;
  return evaluationKey({ fingerprint, experts: info.experts, itemsHash, plan, numerics: context.numerics, writing });
};

const announce = async ({ context, record }: Stage, point: SweepPoint): Promise<void> => {
  await record.add(point);
  context.emit({ type: 'sweep.point', run: context.run, result: point.result });
};

/** Speeds of a point's model, where they are asked for and can be measured. They are measured before anything else runs. */
const speedOf = async ({ speeds, measurement }: Stage, plan: Plan | null): Promise<Partial<Speed>> => {
  const { checkpoint } = measurement.model;
  return (await speeds?.of(checkpoint, plan)) ?? {};
};

const announceUnpruned = async (stage: Stage, step: string, outcomes: readonly ItemOutcome[]): Promise<void> => {
  const { model, task } = stage.measurement;
  const result: SweepResult = {
    model: model.name,
    task: task.name,
    method: UNPRUNED,
    seed: null,
    factor: 1,
    kept: model.checkpoint.info.experts,
    ...summarise(task.task.metric, outcomes, null),
    cost: { ...folderCost(model.checkpoint), ...(await speedOf(stage, null)) },
  };
  return announce(stage, { result, step });
};

/** Experts that a plan leaves, in all MoE layers together. */
const keptInAll = (plan: Plan): number =>
  sum((isMergePlan(plan) ? plan.groups : plan.kept).map((layer) => layer.length));

/** Candidates as plans to measure, those with the same kept experts once, and how the points of a plan are told. */
const pointsOf = (stage: Stage, candidates: readonly Candidate[], pairs?: RecoveryPairs) => {
  const { context, measurement } = stage;
  const { model, task, work } = measurement;
  const byKey = new Map<string, Candidate[]>();
  for (const candidate of candidates) byKey.set(candidate.key, [...(byKey.get(candidate.key) ?? []), candidate]);
  const results = new Map<Candidate, SweepResult>();
  const plans = [...byKey].flatMap(([key, [first]]) => (first === undefined ? [] : [{ key, plan: first.plan }]));
  const tell = async (
    baseline: readonly ItemOutcome[],
    key: string,
    outcomes: readonly ItemOutcome[],
  ): Promise<void> => {
    const twins = byKey.get(key) ?? [];
    for (const [place, twin] of twins.entries()) {
      if (place > 0) context.meter.reuse(work, 0);
      const { experts, moeLayers } = model.checkpoint.info;
      const total = keptInAll(twin.plan);
      const result: SweepResult = {
        model: model.name,
        task: task.name,
        method: curveLabel(twin.method, twin.refit),
        seed: twin.seed,
        factor: (experts * moeLayers) / total,
        kept: total / moeLayers,
        ...summarise(task.task.metric, baseline, outcomes),
        cost: { ...planPointCost(model.checkpoint, twin.plan), ...(await speedOf(stage, twin.plan)) },
      };
      results.set(twin, result);
      pairs?.add({ ...twin, factor: result.factor }, outcomes);
      await announce(stage, { result, step: key });
    }
  };
  return { plans, tell, results: () => candidates.flatMap((candidate) => results.get(candidate) ?? []) };
};

/** Measures candidates. Results in their order. */
const measure = async (
  stage: Stage,
  baseline: readonly ItemOutcome[],
  candidates: readonly Candidate[],
): Promise<SweepResult[]> => {
  const { plans, tell, results } = pointsOf(stage, candidates);
  await evaluationSteps(stage.context, stage.measurement, plans, stage.sizer, (key, outcomes) =>
    tell(baseline, key, outcomes),
  );
  return results();
};

interface Together {
  readonly baseline: readonly ItemOutcome[];
  readonly results: readonly SweepResult[];
}

/** Measures candidates beside the unpruned model: where answers are written, all of them write in one batch. */
const measureTogether = async (
  stage: Stage,
  candidates: readonly Candidate[],
  pairs?: RecoveryPairs,
): Promise<Together> => {
  const { plans, tell, results } = pointsOf(stage, candidates, pairs);
  const unpruned = keyOf(stage, null);
  const known: (readonly ItemOutcome[])[] = [];
  const waiting: (readonly [string, readonly ItemOutcome[]])[] = [];
  const all = [{ key: unpruned, plan: null }, ...plans];
  await evaluationSteps(stage.context, stage.measurement, all, stage.sizer, async (key, outcomes) => {
    if (key === unpruned) {
      known.push(outcomes);
      await announceUnpruned(stage, key, outcomes);
      for (const [early, own] of waiting) await tell(outcomes, early, own);
      return;
    }
    const [baseline] = known;
    if (baseline === undefined) waiting.push([key, outcomes]);
    else await tell(baseline, key, outcomes);
  });
  const [baseline] = known;
  if (baseline === undefined) throw new Error('the unpruned model gave no outcomes');
  return { baseline, results: results() };
};

const ADAPTIVE_NOTE =
  'Searched counts of kept experts: what bisection found was confirmed by testing every larger count from ' +
  'the largest down, ' +
  'until the first unsafe one. A count that is called safe so is wrong with a chance of at most 5 % for its ' +
  'curve at the margin ' +
  'of the sweep; bisection alone would allow 5 % for every unsafe count it visits. At another margin, counts ' +
  'below the ' +
  'confirmed ones have gaps, and that guarantee does not hold for them.';

/** A point that was measured, and the number of experts that its plan was asked to keep. */
interface Measured {
  readonly keep: number;
  readonly result: SweepResult;
}

/**
 * Bisects the number of kept experts of one curve until its threshold is exact, then tests every larger count that was
 * not,
 * from the largest down, until one is unsafe: only that sequence tells the threshold at 5 % (nextToConfirm).
 */
const bisect = async (
  stage: Stage,
  baseline: readonly ItemOutcome[],
  curve: Curve,
  known: readonly Measured[],
): Promise<void> => {
  const { settings, measurement, context, record } = stage;
  const { experts, topK } = measurement.model.checkpoint.info;
  if (measurement.items.length < itemsNeeded(settings.delta, measurement.task.task.metric)) {
    record.note(`${measurement.task.name}: too few items to tell a threshold, so nothing was bisected.`);
    return;
  }
  const tested = known.map(({ keep, result }) => ({ kept: keep, safe: isSafe(result, settings.delta) }));
  const next = (): number | null => nextKeptCount(tested, experts, Math.max(1, topK)) ?? nextToConfirm(tested, experts);
  record.note(ADAPTIVE_NOTE);
  for (;;) {
    const keep = next();
    if (keep === null) return;
    context.meter.addToTotal(measurement.work + planWork(settings, curve, stage.calibration));
    const plan = await planOf(stage, curve, keep);
    await speedOf(stage, plan);
    const [result] = await measure(stage, baseline, [{ ...curve, keep, plan, key: keyOf(stage, plan) }]);
    if (result === undefined) throw new Error('a candidate gave no result');
    tested.push({ kept: keep, safe: isSafe(result, settings.delta) });
  }
};

const measureTask = async (stage: Stage, counts: readonly number[], folders: readonly RunModel[]): Promise<void> => {
  if (stage.context.signal.aborted) throw new CancelledError('The sweep');
  const curves = curvesOf(stage.settings);
  const { checkpoint } = stage.measurement.model;
  const isFixed = ({ method }: Curve): boolean => filePlans(stage.settings, method, checkpoint).length > 0;
  const free = curves.filter((curve) => !isFixed(curve));
  // Factors rise together on all curves, so that a chart fills from the left.
  const candidates: Candidate[] = [];
  for (const keep of counts) {
    for (const curve of free) {
      const plan = await planOf(stage, curve, keep);
      candidates.push({ ...curve, keep, plan, key: keyOf(stage, plan) });
    }
  }
  for (const curve of curves.filter(isFixed)) {
    for (const { keep, plan: given } of filePlans(stage.settings, curve.method, checkpoint)) {
      const signed = signedPlan(given, checkpoint, [stage.measurement.task.task.name]);
      const plan = await refittedPlan(stage, curve.refit, signed);
      candidates.push({ ...curve, keep, plan, key: keyOf(stage, plan) });
    }
  }
  for (const plan of [null, ...candidates.map((candidate) => candidate.plan)]) await speedOf(stage, plan);
  const pairs = stage.settings.recovery === 'both' ? new RecoveryPairs(stage.measurement.task.task.metric) : undefined;
  const { baseline, results } = await measureTogether(stage, candidates, pairs);
  const told = pairs?.note() ?? null;
  const { model, task } = stage.measurement;
  if (told !== null) stage.record.note(`${model.name} on ${task.name}: ${told}`);
  await measureFolders({ ...stage, announce: (point) => announce(stage, point) }, baseline, folders);
  if (!stage.settings.adaptive) return;
  for (const curve of free) {
    const known = candidates.flatMap(({ method, seed, refit, keep }, place): Measured[] => {
      const result = results[place];
      const isOwn = method === curve.method && seed === curve.seed && refit === curve.refit;
      return isOwn && result !== undefined ? [{ keep, result }] : [];
    });
    await bisect(stage, baseline, curve, known);
  }
};

/**
 * A sweep: for every model, profiles of the tasks (where a method needs them), then for every task the unpruned model
 * and the candidates made from that task's own profile, on that task's test items. Everything is a step under a content
 * key: what is on disk is not computed again, and a point is announced when its step is on disk.
 */
export const sweepJob =
  (input: SweepInput, createRecord: (context: JobContext, notes: readonly string[]) => SweepRecord): Job =>
  async (context) => {
    const { models, tasks, settings, candidates = [] } = input;
    requireTrainedRouters(settings);
    const { kept, notes } = sweepCounts(
      models.map(({ name, checkpoint: { info } }) => ({ name, experts: info.experts, topK: info.topK })),
      settings,
    );
    const files = fileMethodNotes(
      settings,
      models.map(({ checkpoint }) => checkpoint),
    );
    const record = createRecord(context, [...notes, ...files]);
    const candidatesPerTask = (model: RunModel): number =>
      1 +
      candidates.length +
      sum(
        curvesOf(settings).map(({ method }) =>
          curvePoints(settings, method, model.checkpoint, kept.get(model.name)?.length ?? 0),
        ),
      );
    context.meter.describe('Reading tasks');
    const work = new Map<string, SweepWork>();
    const asked = new Map<string, readonly RunTask[]>();
    for (const model of models) {
      const own = await askedTasks(model, tasks, settings.chat, new Date(context.now()));
      asked.set(model.name, own);
      work.set(model.name, await workOf(model, { tasks: own, settings }, context.signal));
    }
    context.meter.setTotal(
      sum(
        models.map((model) => {
          const { calibration = [], scoring = [] } = work.get(model.name) ?? {};
          return (
            planningWork(model, settings, calibration, kept.get(model.name)?.length ?? 0) +
            (writesCalibration(settings) ? sum(calibration.map((tokens) => tokens.scoring)) : 0) +
            sum(scoring) * candidatesPerTask(model)
          );
        }),
      ),
    );
    const profiles: ModelProfiles[] = [];
    const speeds = settings.speed === true ? new SpeedMeter(context, () => performance.now()) : null;
    try {
      for (const model of models) {
        const { calibration = [], scoring = [] } = work.get(model.name) ?? {};
        const sizer = createGroupSizer(model.checkpoint.info.memory.resident > context.memoryBudgetBytes);
        const profiled: { task: RunTask; statistics: RoutingStatistics }[] = [];
        const own: RunTask[] = [];
        for (const [index, task] of (asked.get(model.name) ?? []).entries())
          own.push(
            writesCalibration(settings)
              ? await writtenCalibration(context, model, task, calibration[index]?.scoring ?? 0, sizer)
              : task,
          );
        for (const [index, task] of own.entries()) {
          if (context.signal.aborted) throw new CancelledError('The sweep');
          if (!needsProfile(settings)) break;
          profiled.push({
            task,
            statistics: await profileStep(
              context,
              model,
              task,
              calibration[index]?.profiling ?? 0,
              combinedExtras(needsOf(settings)),
            ),
          });
        }
        profiles.push({ model, profiled });
        for (const [index, task] of own.entries()) {
          const items = usedItems(task.task.test, settings.limit);
          const stage: Stage = {
            context,
            record,
            settings,
            measurement: { model, task, items, work: scoring[index] ?? 0 },
            itemsHash: hashItems(items),
            writing: await writingIdentity(model.checkpoint, task.task),
            statistics: profiled[index]?.statistics ?? null,
            calibration: calibration[index] ?? { profiling: 0, scoring: 0 },
            sizer,
            speeds,
          };
          await measureTask(stage, kept.get(model.name) ?? [], candidates);
        }
      }
    } finally {
      await record.write();
    }
    context.meter.describe('Writing outcomes');
    await writeSweepFiles(context, record, profiles);
    const summary = stepSummary(context.meter);
    record.note(summary);
    await record.write();
    return { output: null, summary };
  };
