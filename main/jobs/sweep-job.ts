import type { SweepFact } from '../contract/sweep-fact.ts';
import { stepSummary } from '../words/sweep-facts.ts';
import { isWholeCurve } from '../evaluation/sweeps/sweep-shape.ts';
import { CancelledError, present } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { isDecidable, type PairedDesign, pairedDesign } from '../evaluation/curtailment.ts';
import { nextKeptCount, nextToConfirm } from '../evaluation/kept-counts.ts';
import { itemsNeeded } from '../evaluation/verdicts.ts';
import type { SweepRecord } from '../runs/sweep-record.ts';
import { ownCounts } from './file-methods.ts';
import { type Job, type JobContext, jobOn, type RunModel } from './job-context.ts';
import { RecoveryPairs } from './recovery-pairs.ts';
import { askReferee, refereeFindings } from './referee.ts';
import { type PlannedStep, totalWork } from './step.ts';
import { calibrationDrawSteps, measureCalibrationDraws } from './sweep-calibration-draws.ts';
import { measureFolders } from './sweep-folders.ts';
import {
  announceUndecidable,
  decideCandidates,
  type Decision,
  type MeasuredCandidates,
  measurePlans,
  measureTogether,
  measureUnpruned,
  recordUnneeded,
} from './sweep-points.ts';
import {
  candidatesOf,
  type CountedCurve,
  type Curve,
  type CurvePlan,
  curveSteps,
  fallingCounts,
  isSameCurve,
  type PlannedStage,
  planStages,
  roundedStage,
  type Stage,
  stageSteps,
  type SweepInput,
  sweepSources,
} from './sweep-stages.ts';
import { type ModelProfiles, writeSweepFiles } from './write-sweep-files.ts';
import { textsBesideAnswers } from '../tasks/generation/unreachable-answers.ts';
import { curveLabel } from '../contract/method.ts';
import { makeJointPlan } from './plan-step.ts';

/**
 * Plans of a sweep on the tasks that they were not made for. A plan is made once, for its own task, and is a mask over
 * the same model on every other one. Beside them a plan made for all tasks at once is measured on each task.
 */

/** A plan of a curve, and the task that it was made for; null: all tasks at once. */
interface MadePlan extends CurvePlan {
  readonly madeFor: string | null;
}

const stagesByModel = <S extends Pick<Stage, 'measurement'>>(stages: readonly S[]): readonly (readonly S[])[] => [
  ...Map.groupBy(stages, ({ measurement }) => measurement.model.name).values(),
];

/** The steps that measure the plans of a model elsewhere: on each task those of the others, and one for all tasks. */
const elsewhereSteps = (stages: readonly Pick<PlannedStage, 'measurement' | 'curves'>[]): readonly PlannedStep[] =>
  stages.flatMap(({ measurement, curves }) =>
    curves.flatMap(({ counts }) => counts.flatMap(() => stages.map(() => measurement))),
  );

/** The plans that a stage made for its own task at the listed factors; bisection may have made others. */
const ownPlans = ({ candidates, curves, measurement }: Stage): readonly MadePlan[] =>
  candidates
    .filter((candidate) => curves.find((curve) => isSameCurve(curve, candidate))?.counts.includes(candidate.keep))
    .map((candidate) => ({ ...candidate, madeFor: measurement.task.name }));

/** The plans for all tasks at once, one for each curve and count; `without`: curves that have none. */
const jointPlans = async (
  stages: readonly Stage[],
): Promise<{ readonly plans: readonly MadePlan[]; readonly without: ReadonlySet<string> }> => {
  const plans: MadePlan[] = [];
  const without = new Set<string>();
  const sources = stages.map(({ source }) => source);
  for (const { context, curves } of stages.slice(0, 1))
    for (const { counts, ...curve } of curves)
      for (const keep of counts) {
        const plan = await makeJointPlan(context, sources, curve, keep);
        if (plan === null) without.add(curveLabel(curve.method, curve.refit));
        else plans.push({ ...curve, plan, madeFor: null });
      }
  return { plans, without };
};

/** Measures the plans of a model on the tasks that they were not made for. `stages`: its tasks, measured. */
const measureElsewhere = async (stages: readonly Stage[]): Promise<void> => {
  const joint = await jointPlans(stages);
  for (const stage of stages) {
    const { context, measurement, record } = stage;
    if (joint.without.size > 0) record.note({ code: 'not-for-all-tasks', methods: [...joint.without] });
    const others = stages.filter((other) => other !== stage).flatMap(ownPlans);
    const planned = elsewhereSteps([stage]).length * stages.length;
    context.meter.leftOut(measurement.work * (planned - others.length - joint.plans.length));
    await measurePlans(stage, [...others, ...joint.plans], ({ madeFor }, result) =>
      record.add({ what: 'elsewhere', point: { madeFor, result } }),
    );
  }
};

/** How candidates of a stage are measured where only the threshold is needed. */
type DecisionMode =
  /** Candidates stop when their verdict is decided. */
  | { readonly how: 'curtailed'; readonly design: PairedDesign }
  /** On all items (texts have no exact bounds), but no further than to the first unsafe factor. */
  | { readonly how: 'in full' }
  /** Not at all: the items are too few to call anything safe. */
  | { readonly how: 'not' };

const decisionModeOf = ({ settings, measurement }: Stage, baseline: readonly ItemOutcome[]): DecisionMode => {
  const { delta } = settings;
  const { metric } = measurement.task.task;
  const design = pairedDesign(metric, baseline);
  if (design === null) return baseline.length < itemsNeeded(delta, metric) ? { how: 'not' } : { how: 'in full' };
  return isDecidable({ metric, delta }, design) ? { how: 'curtailed', design } : { how: 'not' };
};

/**
 * Tests the curves of a stage by ascending factor, all curves of one factor side by side; a curve ends at its first
 * unsafe factor.
 */
const measureToFirstUnsafe = async (
  stage: Stage,
  baseline: readonly ItemOutcome[],
  curves: readonly CountedCurve[],
  design: PairedDesign | null,
  pairs?: RecoveryPairs,
): Promise<MeasuredCandidates> => {
  const { context, measurement } = stage;
  const decisions: Decision[] = [];
  const ended = new Set<CountedCurve>();
  for (const keep of fallingCounts(curves)) {
    const open = curves.filter((curve) => !ended.has(curve) && curve.counts.includes(keep));
    const decided = await decideCandidates(stage, baseline, await candidatesOf(stage, open, [keep]), design, pairs);
    for (const [index, curve] of open.entries()) {
      const decision = present(decided[index], 'a candidate without a decision');
      const { safe, share } = decision;
      decisions.push(decision);
      const left = curve.counts.filter((count) => count < keep);
      if (safe && left.length > 0) continue;
      if (!safe) await recordUnneeded(stage, curve, left);
      ended.add(curve);
      const done = curveSteps(stage, [{ ...curve, counts: curve.counts.filter((count) => count >= keep) }]);
      const planned = curveSteps(stage, [curve]);
      context.meter.saved(totalWork(planned), totalWork(done) - (1 - share) * measurement.work);
    }
  }
  return { baseline, decisions };
};

/** Records that the items are too few to find a threshold; no curve is measured. */
const leaveUndecided = async (
  stage: Stage,
  baseline: readonly ItemOutcome[],
  curves: readonly CountedCurve[],
): Promise<MeasuredCandidates> => {
  const { context, measurement, record } = stage;
  context.meter.leftOut(totalWork(curveSteps(stage, curves)));
  for (const curve of curves) await announceUndecidable(stage, baseline, curve);
  record.note({
    code: 'too-few-items',
    model: measurement.model.name,
    task: measurement.task.name,
    items: baseline.length,
  });
  return { baseline, decisions: [] };
};

/**
 * Bisects the number of kept experts of one curve until its threshold is exact, then tests every untested larger count,
 * from the largest down, until one is unsafe: only that sequence finds the threshold at the 5 % level (nextToConfirm).
 */
const bisect = async (
  stage: Stage,
  curve: Curve,
  { baseline, decisions }: MeasuredCandidates,
  design: PairedDesign | null,
): Promise<void> => {
  const { measurement, context, record } = stage;
  const { experts, topK } = measurement.model.checkpoint.info;
  const tested = decisions
    .filter(({ candidate }) => isSameCurve(candidate, curve))
    .map(({ candidate, safe }) => ({ kept: candidate.keep, safe }));
  record.note({ code: 'adaptive' });
  for (;;) {
    const keep = nextKeptCount(tested, experts, Math.max(1, topK)) ?? nextToConfirm(tested, experts);
    if (keep === null) return;
    const next = [{ ...curve, counts: [keep] }];
    context.meter.addToTotal(totalWork(curveSteps(stage, next)));
    const [decision] = await decideCandidates(stage, baseline, await candidatesOf(stage, next, [keep]), design);
    if (decision === undefined) throw new Error('a candidate without a decision');
    context.meter.addToTotal(measurement.work * (decision.share - 1));
    tested.push({ kept: keep, safe: decision.safe });
  }
};

/**
 * Measures curves of a model on a task with stored weights, then the checkpoints beside them, then the curves with
 * rounded weights, one type after the other.
 */
export const measureStage = async (
  stage: Stage,
  curves: readonly CountedCurve[],
  folders: readonly RunModel[],
): Promise<void> => {
  const { baseline } = await measureCurves(
    stage,
    curves.filter(({ weights }) => weights === undefined),
    folders,
  );
  try {
    for (const [type, group] of Map.groupBy(curves, ({ weights }) => weights))
      if (type !== undefined) await measureCurves(roundedStage(stage, type), group, [], baseline);
  } finally {
    await stage.roundings.close();
  }
};

/** `known`: outcomes of the unpruned model; undefined: it is measured too. */
const measureCurves = async (
  stage: Stage,
  curves: readonly CountedCurve[],
  folders: readonly RunModel[],
  known?: readonly ItemOutcome[],
): Promise<MeasuredCandidates> => {
  const { context, measurement, settings, record } = stage;
  if (context.signal.aborted) throw new CancelledError('The sweep');
  const { model, task, rounded } = measurement;
  const named = { model: rounded?.name ?? model.name, task: task.name };
  const pairs = settings.recovery === 'both' ? new RecoveryPairs(task.task.metric) : undefined;
  const early = settings.stop === 'early' ? (known ?? (await measureUnpruned(stage))) : null;
  const mode = early === null ? null : decisionModeOf(stage, early);
  const design = mode?.how === 'curtailed' ? mode.design : null;
  if (mode?.how === 'in full') record.note({ code: 'texts-in-full', ...named });
  const measured =
    early === null
      ? await measureTogether(stage, await candidatesOf(stage, curves), known, pairs)
      : mode?.how === 'not'
        ? await leaveUndecided(stage, early, curves)
        : await measureToFirstUnsafe(stage, early, curves, design, pairs);
  if (known === undefined) {
    const { judging, test } = task.task;
    const texts = textsBesideAnswers(judging, test, measured.baseline);
    if (texts !== null) record.note({ code: 'texts-beside-answers', ...named, ...texts });
  }
  const compared = pairs?.compared ?? [];
  if (compared.length > 0)
    record.note({ code: 'recovery', ...named, metric: task.task.metric, compared: [...compared] });
  if (pairs !== undefined && early !== null) record.note({ code: 'recovery-cut' });
  await measureFolders(stage, measured.baseline, folders);
  if (!settings.adaptive || mode?.how === 'not') return measured;
  if (decisionModeOf(stage, measured.baseline).how === 'not') {
    record.note({ code: 'nothing-bisected', task: task.name });
    return measured;
  }
  const free = curves.filter(
    (curve) => !isWholeCurve(curve) && ownCounts(settings, curve.method, model.checkpoint) === null,
  );
  for (const curve of free) await bisect(stage, curve, measured, design);
  return measured;
};

/**
 * A sweep: for every model and task its profile (where a method needs one), then the unpruned model and the candidates
 * made from that task's own profile, on that task's test items. Everything is a step under a content key: a step on
 * disk is not computed again, and a point is announced when its step is on disk.
 */
export const sweepJob = (
  input: SweepInput,
  createRecord: (context: JobContext, facts: readonly SweepFact[]) => SweepRecord,
): Job =>
  jobOn(sweepSources(input), async (context) => {
    const { models, tasks, candidates = [] } = input;
    context.meter.describe('Reading tasks');
    const { stages, facts } = await planStages(context, input);
    const record = createRecord(context, facts);
    const elsewhere = input.settings.elsewhere === true ? stagesByModel(stages).flatMap(elsewhereSteps) : [];
    const drawn = stages.flatMap(calibrationDrawSteps);
    context.meter.setTotal(totalWork([...stages.flatMap(stageSteps), ...elsewhere, ...drawn]));
    if (input.settings.stop === 'early') {
      record.note({ code: 'curtailed' });
      context.meter.expectSavings(totalWork(stages.flatMap((planned) => curveSteps(planned, planned.curves))));
    }
    const opened: Stage[] = [];
    try {
      for (const planned of stages) {
        const stage = await planned.open(record);
        opened.push(stage);
        await measureStage(stage, planned.curves, candidates);
      }
      if (input.settings.elsewhere === true) for (const group of stagesByModel(opened)) await measureElsewhere(group);
      if (input.settings.calibrationDraws !== undefined)
        for (const stage of opened) await measureCalibrationDraws(stage);
      // A reproduction by onnxruntime repeats the answers, which say more than a sample of them.
      if (input.settings.referee !== undefined && context.referee !== undefined) {
        // Both engines' models would count against the memory.
        await context.runners.closeAll();
        const answers = await askReferee(context, opened, input.settings.referee);
        record.note({ code: 'referee', found: refereeFindings(answers, context.numerics.precision) });
      }
    } finally {
      await record.write();
    }
    const profiles = models.map((model): ModelProfiles => ({
      model,
      profiled: tasks.flatMap(({ name }) => {
        const stage = opened.find(
          ({ measurement }) => measurement.model.name === model.name && measurement.task.name === name,
        );
        const statistics = stage?.source.statistics ?? null;
        return stage === undefined || statistics === null ? [] : [{ task: stage.source.task, statistics }];
      }),
    }));
    context.meter.describe('Writing outcomes');
    await writeSweepFiles(context, record, profiles);
    const { computed, reused } = context.meter;
    record.note({ code: 'steps', computed, reused });
    await record.write();
    return { output: null, summary: stepSummary({ computed, reused }) };
  });
