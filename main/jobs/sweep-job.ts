import { CancelledError } from '../contract/errors.ts';
import type { MethodName, Plan } from '../contract/plan.ts';
import type { SweepResult, SweepSettings } from '../contract/sweep.ts';
import type { TaskItem } from '../contract/task.ts';
import { nextKeptCount } from '../evaluation/adaptive.ts';
import { summarise } from '../evaluation/summarise.ts';
import { isSafe, itemsNeeded } from '../evaluation/threshold.ts';
import type { ItemOutcome } from '../inference/model-runner.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { makePlan } from '../pruning/make-plan.ts';
import { methods } from '../pruning/methods.ts';
import { hashItems } from '../tasks/hash-items.ts';
import { createGroupSizer, evaluationSteps, type GroupSizer, type Measurement } from './evaluation-step.ts';
import type { Job, JobContext, RunModel, RunTask } from './job-context.ts';
import { profileStep } from './profile-step.ts';
import { stepSummary } from './step-summary.ts';
import { evaluationKey } from './step-key.ts';
import { sweepCounts } from './sweep-counts.ts';
import { UNPRUNED, type SweepPoint, type SweepRecord } from './sweep-record.ts';
import { openTokenCounter } from './task-work.ts';
import { writeSweepFiles, type ModelProfiles } from './write-sweep-files.ts';

export interface SweepInput {
  readonly models: readonly RunModel[];
  readonly tasks: readonly RunTask[];
  readonly settings: SweepSettings;
}

/** A curve of a sweep: one method (and seed) on one task. */
interface Curve {
  readonly method: MethodName;
  readonly seed: number | null;
}

/** Everything that measuring candidates of one model on one task needs. */
interface Stage {
  readonly context: JobContext;
  readonly record: SweepRecord;
  readonly settings: SweepSettings;
  readonly measurement: Measurement;
  readonly itemsHash: string;
  readonly statistics: readonly RoutingStatistics[];
  readonly sizer: GroupSizer;
}

/** Test items that a sweep uses of a task. */
const usedItems = (items: readonly TaskItem[], limit: number | null): readonly TaskItem[] => (limit === null ? items : items.slice(0, limit));

const curvesOf = ({ methods: names, seeds }: SweepSettings): readonly Curve[] =>
  [...new Set(names)].flatMap((method): Curve[] =>
    methods[method].random ? [...new Set(seeds)].map((seed) => ({ method, seed })) : [{ method, seed: null }],
  );

/** Whether any method of the sweep reads profiles. */
export const needsProfile = (settings: SweepSettings): boolean => settings.methods.some((method) => methods[method].needs === 'routing');

const planOf = ({ measurement, statistics, settings }: Stage, { method, seed }: Curve, keep: number): Plan => {
  const { name, info, fingerprint } = measurement.model.checkpoint;
  const { moeLayers, experts, topK, expertGroups } = info;
  const { budget, uncurl } = settings;
  const needed = methods[method].needs === 'routing' ? statistics : [];
  const made = makePlan({ method, statistics: needed, layers: moeLayers, experts, topK, groups: expertGroups, keep, budget, pins: [], seed: seed ?? 0, uncurl });
  return { ...made, model: { name, fingerprint }, tasks: [measurement.task.task.name] };
};

/** A candidate to measure: which curve it lies on, how many experts stay, and its plan. */
interface Candidate extends Curve {
  readonly keep: number;
  readonly plan: Plan;
  readonly key: string;
}

const keyOf = ({ context, measurement, itemsHash }: Stage, plan: Plan | null): string => {
  const { fingerprint, info } = measurement.model.checkpoint;
  return evaluationKey({ fingerprint, experts: info.experts, itemsHash, plan, numerics: context.numerics });
};

const announce = async ({ context, record }: Stage, point: SweepPoint): Promise<void> => {
  await record.add(point);
  context.emit({ type: 'sweep.point', run: context.run, result: point.result });
};

const measureUnpruned = async (stage: Stage): Promise<readonly ItemOutcome[]> => {
  const { context, measurement, sizer } = stage;
  const { model, task } = measurement;
  const key = keyOf(stage, null);
  let baseline: readonly ItemOutcome[] = [];
  await evaluationSteps(context, measurement, [{ key, plan: null }], sizer, async (_, outcomes) => {
    baseline = outcomes;
    const result: SweepResult = {
      model: model.name,
      task: task.name,
      method: UNPRUNED,
      seed: null,
      factor: 1,
      kept: model.checkpoint.info.experts,
      ...summarise(task.task.metric, outcomes, null),
    };
    await announce(stage, { result, step: key });
  });
  return baseline;
};

/** Measures candidates; those with the same kept experts share a step. Results in the order of `candidates`. */
const measure = async (stage: Stage, baseline: readonly ItemOutcome[], candidates: readonly Candidate[]): Promise<SweepResult[]> => {
  const { context, measurement, sizer } = stage;
  const { model, task, work } = measurement;
  const byKey = new Map<string, Candidate[]>();
  for (const candidate of candidates) byKey.set(candidate.key, [...(byKey.get(candidate.key) ?? []), candidate]);
  const results = new Map<Candidate, SweepResult>();
  const plans = [...byKey].flatMap(([key, [first]]) => (first === undefined ? [] : [{ key, plan: first.plan }]));
  await evaluationSteps(context, measurement, plans, sizer, async (key, outcomes) => {
    const twins = byKey.get(key) ?? [];
    for (const [place, twin] of twins.entries()) {
      if (place > 0) context.meter.reuse(work, 0);
      const { experts } = model.checkpoint.info;
      const result: SweepResult = {
        model: model.name,
        task: task.name,
        method: twin.method,
        seed: twin.seed,
        factor: experts / twin.keep,
        kept: twin.keep,
        ...summarise(task.task.metric, baseline, outcomes),
      };
      results.set(twin, result);
      await announce(stage, { result, step: key });
    }
  });
  return candidates.flatMap((candidate) => results.get(candidate) ?? []);
};

/** Bisects the number of kept experts of one curve until its threshold is exact. */
const bisect = async (stage: Stage, baseline: readonly ItemOutcome[], curve: Curve, known: readonly SweepResult[]): Promise<void> => {
  const { settings, measurement, context, record } = stage;
  const { experts, topK } = measurement.model.checkpoint.info;
  if (measurement.items.length < itemsNeeded(settings.delta, measurement.task.task.metric)) {
    record.note(`${measurement.task.name}: too few items to tell a threshold, so nothing was bisected.`);
    return;
  }
  const tested = known.map((result) => ({ kept: result.kept, safe: isSafe(result, settings.delta) }));
  for (;;) {
    const keep = nextKeptCount(tested, experts, Math.max(1, topK));
    if (keep === null) return;
    context.meter.addToTotal(measurement.work);
    const plan = planOf(stage, curve, keep);
    const [result] = await measure(stage, baseline, [{ ...curve, keep, plan, key: keyOf(stage, plan) }]);
    if (result === undefined) throw new Error('a candidate gave no result');
    tested.push({ kept: keep, safe: isSafe(result, settings.delta) });
  }
};

const measureTask = async (stage: Stage, counts: readonly number[]): Promise<void> => {
  if (stage.context.signal.aborted) throw new CancelledError('The sweep');
  const baseline = await measureUnpruned(stage);
  const curves = curvesOf(stage.settings);
  // Factors rise together on all curves, so that a chart fills from the left.
  const candidates = counts.flatMap((keep) =>
    curves.map((curve): Candidate => {
      const plan = planOf(stage, curve, keep);
      return { ...curve, keep, plan, key: keyOf(stage, plan) };
    }),
  );
  const results = await measure(stage, baseline, candidates);
  if (!stage.settings.adaptive) return;
  for (const curve of curves) {
    const known = results.filter(({ method, seed }) => method === curve.method && seed === curve.seed);
    await bisect(stage, baseline, curve, known);
  }
};

interface Work {
  readonly profile: readonly number[];
  readonly scoring: readonly number[];
}

/** Tokens per task; refuses items that the model's tokenizer cannot score, before anything runs. */
const workOf = async ({ checkpoint }: RunModel, { tasks, settings }: SweepInput, signal: AbortSignal): Promise<Work> => {
  const measure = await openTokenCounter(checkpoint, signal);
  const work: { profile: number[]; scoring: number[] } = { profile: [], scoring: [] };
  for (const { task } of tasks) {
    work.profile.push(needsProfile(settings) ? await measure.profiling(task.calibration) : 0);
    work.scoring.push(await measure.scoring(usedItems(task.test, settings.limit)));
  }
  return work;
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/**
 * A sweep: for every model, profiles of the tasks (where a method needs them), then for every task the unpruned model
 * and the candidates made from that task's own profile, on that task's test items. Everything is a step under a content
 * key: what is on disk is not computed again, and a point is announced when its step is on disk.
 */
export const sweepJob =
  (input: SweepInput, createRecord: (context: JobContext, notes: readonly string[]) => SweepRecord): Job =>
  async (context) => {
    const { models, tasks, settings } = input;
    const { kept, notes } = sweepCounts(models.map(({ name, checkpoint: { info } }) => ({ name, experts: info.experts, topK: info.topK })), settings);
    const record = createRecord(context, notes);
    const candidatesPerTask = (model: RunModel): number => 1 + (kept.get(model.name)?.length ?? 0) * curvesOf(settings).length;
    context.meter.describe('Reading tasks');
    const work = new Map<string, Work>();
    for (const model of models) work.set(model.name, await workOf(model, input, context.signal));
    context.meter.setTotal(
      sum(models.map((model) => sum(work.get(model.name)?.profile ?? []) + sum(work.get(model.name)?.scoring ?? []) * candidatesPerTask(model))),
    );
    const profiles: ModelProfiles[] = [];
    try {
      for (const model of models) {
        const { profile = [], scoring = [] } = work.get(model.name) ?? {};
        const sizer = createGroupSizer(model.checkpoint.info.memory.resident > context.memoryBudgetBytes);
        const profiled: { task: RunTask; statistics: RoutingStatistics }[] = [];
        for (const [index, task] of tasks.entries()) {
          if (context.signal.aborted) throw new CancelledError('The sweep');
          if (!needsProfile(settings)) break;
          profiled.push({ task, statistics: await profileStep(context, model, task, profile[index] ?? 0) });
        }
        profiles.push({ model, profiled });
        for (const [index, task] of tasks.entries()) {
          const items = usedItems(task.task.test, settings.limit);
          const stage: Stage = {
            context,
            record,
            settings,
            measurement: { model, task, items, work: scoring[index] ?? 0 },
            itemsHash: hashItems(items),
            statistics: profiled[index] === undefined ? [] : [profiled[index].statistics],
            sizer,
          };
          await measureTask(stage, kept.get(model.name) ?? []);
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
