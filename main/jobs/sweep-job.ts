import type { SweepFact } from '../contract/sweep-fact.ts';
import type { CurtailedPoint, UnneededPoint } from '../contract/curtailed-point.ts';
import { at, CancelledError, present } from '../contract/errors.ts';
import { curveLabel } from '../contract/method.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import {
  type CountsSoFar,
  independentAtLeast,
  isDecidable,
  lowAtMost,
  type PairedDesign,
  pairedDesign,
} from '../evaluation/curtailment.ts';
import { nextKeptCount, nextToConfirm, waveOrder } from '../evaluation/kept-counts.ts';
import { summarise } from '../evaluation/summarise.ts';
import { levelOfLook } from '../evaluation/planned-looks.ts';
import type { BegunSweep } from '../evaluation/sweeps/running-sweep.ts';
import { isWholeCurve } from '../evaluation/sweeps/sweep-shape.ts';
import { isSafe, itemsNeeded } from '../evaluation/verdicts.ts';
import type { SweepRecord } from '../runs/sweep-record.ts';
import { textsBesideAnswers } from '../tasks/generation/unreachable-answers.ts';
import { stepSummary } from '../words/sweep-facts.ts';
import { ownCounts } from './file-methods.ts';
import { type Job, type JobContext, jobOn, type RunModel } from './job-context.ts';
import {
  begunSteps,
  evaluate,
  evaluateEarly,
  evaluatePlan,
  type EvaluationStep,
  evaluationStep,
} from './measurement.ts';
import { folderCost, planPointCost } from './point-cost.ts';
import { RecoveryPairs } from './recovery-pairs.ts';
import { askReferee, refereeFindings } from './referee.ts';
import { totalWork } from './step.ts';
import { calibrationDrawSteps, measureCalibrationDraws } from './sweep-calibration-draws.ts';
import { elsewhereSteps, measureElsewhere } from './sweep-elsewhere.ts';
import { measureFolders } from './sweep-folders.ts';
import {
  candidatesOf,
  type CountedCurve,
  type Curve,
  curveNames,
  curveSteps,
  droppedBy,
  fallingCounts,
  isSameCurve,
  namedPoint,
  planStages,
  roundedStage,
  speedOf,
  type Stage,
  stageSteps,
  type SweepCandidate,
  type SweepInput,
  sweepSources,
} from './sweep-stages.ts';
import { type ModelProfiles, writeSweepFiles } from './write-sweep-files.ts';

type Outcomes = readonly ItemOutcome[];

/** The name of a point without a plan. */
const unplannedPoint = (
  { measurement: { model, task } }: Stage,
  { method, refit, weights, seed }: Curve,
  keep: number,
): UnneededPoint => ({
  model: model.name,
  task: task.name,
  method: curveLabel(method, refit, weights),
  seed,
  factor: model.checkpoint.info.experts / keep,
  kept: keep,
});

/** Records points of a curve that are not measured because a smaller factor is unsafe. */
const recordUnneeded = (stage: Stage, curve: Curve, counts: readonly number[]): Promise<void> =>
  stage.record.add({ what: 'unneeded', points: counts.map((keep) => unplannedPoint(stage, curve, keep)) });

/** Announces that the items are too few to call any candidate of a curve safe, at the curve's smallest factor. */
const announceUndecidable = async (
  stage: Stage,
  baseline: Outcomes,
  { counts: [first, ...others], ...curve }: CountedCurve,
): Promise<void> => {
  if (first === undefined) return;
  const { metric } = stage.measurement.task.task;
  const design = pairedDesign(metric, baseline);
  const point = {
    ...unplannedPoint(stage, curve, first),
    n: baseline.length,
    evaluated: 0,
    metric,
    lost: 0,
    gainedAtMost: design === null ? 0 : design.right.filter((right) => !right).length,
    independentAtLeast: design === null ? baseline.length : independentAtLeast(design),
  };
  await stage.record.add({ what: 'curtailed', point });
  await recordUnneeded(stage, curve, others);
};

/** Whether a candidate is safe, and the share of its items that the verdict needed. */
interface Decision {
  readonly candidate: SweepCandidate;
  readonly safe: boolean;
  readonly share: number;
}

/** Records candidates as their outcomes arrive. Candidates that keep the same experts share a step. */
class Announcer {
  readonly #stage: Stage;
  readonly #candidates: readonly SweepCandidate[];
  readonly #pairs: RecoveryPairs | undefined;
  readonly #decisions = new Map<SweepCandidate, Decision>();
  /** One step for all candidates that share it. */
  readonly steps: readonly EvaluationStep[];

  constructor(stage: Stage, candidates: readonly SweepCandidate[], pairs: RecoveryPairs | undefined) {
    this.#stage = stage;
    this.#candidates = candidates;
    this.#pairs = pairs;
    const byKey = Map.groupBy(candidates, ({ step }) => step.key);
    this.steps = [...byKey.values()].flatMap(([first]) => first?.step ?? []);
  }

  decisionOf(candidate: SweepCandidate): Decision | undefined {
    return this.#decisions.get(candidate);
  }

  /** Decisions on all candidates, in their order. */
  get decisions(): readonly Decision[] {
    return this.#candidates.map((candidate) => present(this.decisionOf(candidate), 'a candidate without a decision'));
  }

  /** Candidates that answered every item. */
  async measured(baseline: Outcomes, step: EvaluationStep, outcomes: Outcomes): Promise<void> {
    const { measurement, settings, record } = this.#stage;
    const { model, task, rounded } = measurement;
    await this.#decide(step, 1, async (candidate) => {
      const result: SweepResult = {
        ...namedPoint(this.#stage, candidate),
        ...summarise(task.task.metric, baseline, outcomes, { delta: settings.delta }),
        cost: {
          ...planPointCost(model.checkpoint, candidate.plan),
          ...(await rounded?.cost(candidate.plan)),
          ...(await speedOf(this.#stage, candidate.plan)),
        },
      };
      await record.add({ what: 'point', result, step: step.key });
      this.#pairs?.add({ ...candidate, factor: result.factor }, outcomes);
      return isSafe(result, settings.delta);
    });
  }

  /** Candidates that stopped early because their verdict can only be unsafe. */
  async stopped(design: PairedDesign, step: EvaluationStep, counts: CountsSoFar): Promise<void> {
    const { measurement, record } = this.#stage;
    const { n, evaluated, lost, gained, wrongLeft } = counts;
    const low = lowAtMost(counts);
    await this.#decide(step, evaluated / n, async (candidate) => {
      const point: CurtailedPoint = {
        ...namedPoint(this.#stage, candidate),
        n,
        evaluated,
        metric: measurement.task.task.metric,
        lost,
        gainedAtMost: gained + wrongLeft,
        independentAtLeast: independentAtLeast(design),
        ...(low === null ? {} : { lowAtMost: low }),
        verdict: 'unsafe',
      };
      await record.add({ what: 'curtailed', point });
      return false;
    });
  }

  async #decide(
    { key }: EvaluationStep,
    share: number,
    isSafeOnItems: (candidate: SweepCandidate) => Promise<boolean>,
  ): Promise<void> {
    const { context, measurement } = this.#stage;
    for (const [index, candidate] of this.#candidates.filter(({ step }) => step.key === key).entries()) {
      if (index > 0) context.meter.reuse(measurement.work * share, 0);
      this.#decisions.set(candidate, { candidate, safe: await isSafeOnItems(candidate), share });
    }
  }
}

/**
 * Orders the remaining steps by their information about the thresholds: the unpruned model first, then those inside
 * each curve's bracket of measured candidates, all curves side by side.
 */
const bracketsFirst = (
  { measurement }: Stage,
  candidates: readonly SweepCandidate[],
  announcer: Announcer,
  missing: readonly EvaluationStep[],
): readonly EvaluationStep[] => {
  const left = new Map(missing.map((step) => [step.key, step]));
  const curves: SweepCandidate[][] = [];
  for (const candidate of candidates) {
    const curve = curves.find(([first]) => first !== undefined && isSameCurve(first, candidate));
    if (curve === undefined) curves.push([candidate]);
    else curve.push(candidate);
  }
  const open = curves.map((curve) => ({
    missing: curve.filter(({ step }) => left.has(step.key)).map(({ keep }) => keep),
    tested: curve.flatMap((candidate) => {
      const decision = announcer.decisionOf(candidate);
      return decision === undefined ? [] : [{ kept: candidate.keep, safe: decision.safe }];
    }),
  }));
  const wanted = waveOrder(open, measurement.model.checkpoint.info.experts).flatMap(
    ([curve, kept]) => curves[curve]?.find(({ keep }) => keep === kept)?.step.key ?? [],
  );
  const ofCurves = new Set(candidates.map(({ step }) => step.key));
  const others = missing.filter(({ key }) => !ofCurves.has(key)).map(({ key }) => key);
  return [...new Set([...others, ...wanted])].flatMap((key) => left.get(key) ?? []);
};

const recordUnpruned = async (stage: Stage, { key }: EvaluationStep, outcomes: Outcomes): Promise<void> => {
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
    cost: { ...folderCost(model.checkpoint), ...(await speedOf(stage, null)) },
  };
  await stage.record.add({ what: 'point', result, step: key });
};

/** Outcomes of the unpruned model of a stage, recorded before anything else. */
export const measureUnpruned = async (stage: Stage): Promise<Outcomes> => {
  const step = evaluationStep(stage.measurement, null);
  const baseline = await evaluatePlan(stage.context, stage.measurement, null);
  await recordUnpruned(stage, step, baseline);
  return baseline;
};

interface MeasuredCandidates {
  /** Outcomes of the unpruned model. */
  readonly baseline: Outcomes;
  readonly decisions: readonly Decision[];
}

/**
 * Measures candidates on all items together with the unpruned model, so that all of them write in one batch. Candidates
 * that a search for the threshold has begun continue from disk. Decisions in the order of the candidates. `known`:
 * outcomes of the unpruned model, measured before.
 */
const measureTogether = async (
  stage: Stage,
  candidates: readonly SweepCandidate[],
  known?: Outcomes,
  pairs?: RecoveryPairs,
): Promise<MeasuredCandidates> => {
  if (known !== undefined)
    return { baseline: known, decisions: await decideCandidates(stage, known, candidates, null, pairs) };
  const { context, measurement } = stage;
  for (const plan of [null, ...candidates.map((candidate) => candidate.plan)]) await speedOf(stage, plan);
  const announcer = new Announcer(stage, candidates, pairs);
  const unpruned = evaluationStep(measurement, null);
  const stored = await unpruned.read(context.steps);
  const begun = stored === null ? [] : await begunSteps(context, measurement, stored, announcer.steps);
  const found: Outcomes[] = [];
  const waiting: (readonly [EvaluationStep, Outcomes])[] = [];
  const take = async (step: EvaluationStep, outcomes: Outcomes): Promise<void> => {
    if (step.key === unpruned.key) {
      found.push(outcomes);
      await recordUnpruned(stage, step, outcomes);
    }
    waiting.push([step, outcomes]);
    const [baseline] = found;
    if (baseline !== undefined)
      for (const [early, own] of waiting.splice(0)) await announcer.measured(baseline, early, own);
  };
  const whole = announcer.steps.filter((step) => step.key !== unpruned.key && !begun.includes(step));
  await evaluate(context, measurement, [unpruned, ...whole], take, (missing) =>
    bracketsFirst(stage, candidates, announcer, missing),
  );
  const baseline = at(found, 0, 'the unpruned model gave no outcomes');
  await evaluateEarly(context, measurement, baseline, begun, (step, outcomes) =>
    announcer.measured(baseline, step, outcomes),
  );
  return { baseline, decisions: announcer.decisions };
};

/**
 * Measures candidates in their order, with a known unpruned model: on as many items as their decisions need, or on all
 * items without a design.
 */
const decideCandidates = async (
  stage: Stage,
  baseline: Outcomes,
  candidates: readonly SweepCandidate[],
  design: PairedDesign | null,
  pairs?: RecoveryPairs,
): Promise<readonly Decision[]> => {
  const { context, measurement, settings } = stage;
  for (const { plan } of candidates) await speedOf(stage, plan);
  const announcer = new Announcer(stage, candidates, pairs);
  const done = (step: EvaluationStep, outcomes: Outcomes): Promise<void> =>
    announcer.measured(baseline, step, outcomes);
  if (design === null) await evaluate(context, measurement, announcer.steps, done);
  else {
    const stopped = (step: EvaluationStep, counts: CountsSoFar): Promise<void> =>
      announcer.stopped(design, step, counts);
    const test = { design, delta: settings.delta, stopped };
    await evaluateEarly(context, measurement, baseline, announcer.steps, done, test);
  }
  return announcer.decisions;
};

/** How candidates of a stage are measured where only the threshold is needed. */
type DecisionMode =
  /** Candidates stop when their verdict is decided. */
  | { readonly how: 'curtailed'; readonly design: PairedDesign }
  /** On all items (texts have no exact bounds), but no further than to the first unsafe factor. */
  | { readonly how: 'in full' }
  /** Not at all: the items are too few to call anything safe. */
  | { readonly how: 'not' };

const decisionModeOf = ({ settings, measurement }: Stage, baseline: Outcomes): DecisionMode => {
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
  baseline: Outcomes,
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
  baseline: Outcomes,
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

/** Bisects the curves whose counts are free, if the items are enough to call any candidate safe. */
const bisectCurves = async (
  stage: Stage,
  curves: readonly CountedCurve[],
  measured: MeasuredCandidates,
): Promise<void> => {
  const { measurement, settings, record } = stage;
  const { model, task } = measurement;
  const isEarly = settings.stop === 'early';
  const mode = decisionModeOf(stage, measured.baseline);
  if (mode.how === 'not') {
    if (!isEarly) record.note({ code: 'nothing-bisected', task: task.name });
    return;
  }
  const design = isEarly && mode.how === 'curtailed' ? mode.design : null;
  const free = curves.filter(
    (curve) => !isWholeCurve(curve) && ownCounts(settings, curve.method, model.checkpoint) === null,
  );
  for (const curve of free) await bisect(stage, curve, measured, design);
};

/** Measures curves as far as their thresholds need. */
const measureEarly = (
  stage: Stage,
  baseline: Outcomes,
  curves: readonly CountedCurve[],
  pairs: RecoveryPairs | undefined,
): Promise<MeasuredCandidates> => {
  const mode = decisionModeOf(stage, baseline);
  if (mode.how === 'not') return leaveUndecided(stage, baseline, curves);
  if (mode.how === 'in full') stage.record.note({ code: 'texts-in-full', ...modelOnTask(stage) });
  const design = mode.how === 'curtailed' ? mode.design : null;
  return measureToFirstUnsafe(stage, baseline, curves, design, pairs);
};

const modelOnTask = ({ measurement: { model, task, rounded } }: Stage): { model: string; task: string } => ({
  model: rounded?.name ?? model.name,
  task: task.name,
});

/** Notes what the texts of the unpruned model, and refits beside plans without one, have shown. */
const noteFindings = (stage: Stage, baseline: Outcomes, pairs: RecoveryPairs | undefined): void => {
  const { measurement, settings, record } = stage;
  const { judging, test, metric } = measurement.task.task;
  const texts = measurement.rounded === undefined ? textsBesideAnswers(judging, test, baseline) : null;
  if (texts !== null) record.note({ code: 'texts-beside-answers', ...modelOnTask(stage), ...texts });
  const compared = pairs?.compared ?? [];
  if (compared.length > 0) record.note({ code: 'recovery', ...modelOnTask(stage), metric, compared: [...compared] });
  if (pairs !== undefined && settings.stop === 'early') record.note({ code: 'recovery-cut' });
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
  const { context, measurement, settings } = stage;
  const byWeights = Map.groupBy(curves, ({ weights }) => weights);
  let unpruned: Outcomes | undefined;
  try {
    for (const weights of new Set([undefined, ...byWeights.keys()])) {
      if (context.signal.aborted) throw new CancelledError('The sweep');
      const own = weights === undefined ? stage : roundedStage(stage, weights);
      const group = byWeights.get(weights) ?? [];
      const pairs = settings.recovery === 'both' ? new RecoveryPairs(measurement.task.task.metric) : undefined;
      const measured =
        settings.stop === 'early'
          ? await measureEarly(own, unpruned ?? (await measureUnpruned(own)), group, pairs)
          : await measureTogether(own, await candidatesOf(own, group), unpruned, pairs);
      unpruned = measured.baseline;
      noteFindings(own, unpruned, pairs);
      if (weights === undefined) await measureFolders(own, unpruned, folders);
      if (settings.adaptive) await bisectCurves(own, group, measured);
    }
  } finally {
    await stage.roundings.close();
  }
};

/** What a sweep says of itself before its first point: its order is that of its results. */
const begunBy = (
  { models, tasks, settings, candidates = [] }: SweepInput,
  facts: readonly SweepFact[],
): BegunSweep => ({
  order: {
    models: models.map(({ name }) => name),
    tasks: tasks.map(({ name }) => name),
    methods: [...curveNames(settings), ...candidates.map(({ name }) => name)],
  },
  delta: settings.delta,
  level: levelOfLook(settings),
  facts: [...facts],
});

/**
 * A sweep: for every model and task its profile (where a method needs one), then the unpruned model and the candidates
 * made from that task's own profile, on that task's test items. Everything is a step under a content key: a step on
 * disk is not computed again, and a point is announced when its step is on disk.
 */
export const sweepJob = (
  input: SweepInput,
  createRecord: (context: JobContext, begun: BegunSweep) => SweepRecord,
): Job =>
  jobOn(sweepSources(input), async (context) => {
    const { models, tasks, candidates = [] } = input;
    context.meter.describe('Reading tasks');
    const { stages, facts } = await planStages(context, input);
    const record = createRecord(context, begunBy(input, facts));
    const beside = [...elsewhereSteps(stages), ...stages.flatMap(calibrationDrawSteps)];
    context.meter.setTotal(totalWork([...stages.flatMap(stageSteps), ...beside]));
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
      await measureElsewhere(opened);
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
