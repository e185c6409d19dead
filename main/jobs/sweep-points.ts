import { at, present } from '../contract/errors.ts';
import type { CurtailedPoint, UnneededPoint } from '../contract/curtailed-point.ts';
import { curveLabel } from '../contract/method.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import {
  type CountsSoFar,
  independentAtLeast,
  lowAtMost,
  type PairedDesign,
  pairedDesign,
} from '../evaluation/curtailment.ts';
import { droppedShare } from '../evaluation/dropped-share.ts';
import { summarise } from '../evaluation/summarise.ts';
import { isSafe } from '../evaluation/verdicts.ts';
import { waveOrder } from '../evaluation/wave-order.ts';
import { layerRow } from '../pruning/weighed-profiles.ts';
import {
  begunSteps,
  evaluate,
  evaluateEarly,
  evaluatePlan,
  type EvaluationStep,
  evaluationStep,
  uniqueSteps,
} from './measurement.ts';
import { folderCost, planPointCost } from './point-cost.ts';
import type { RecoveryPairs } from './recovery-pairs.ts';
import {
  type CountedCurve,
  type Curve,
  type CurvePlan,
  isSameCurve,
  speedOf,
  type Stage,
  type SweepCandidate,
} from './sweep-stages.ts';

/** Number of experts that a plan keeps in all MoE layers together. */
const keptInAll = (plan: Plan): number =>
  (isMergePlan(plan) ? plan.groups : plan.kept).map(({ length }) => length).reduce((sum, kept) => sum + kept, 0);

/** The share of routed choices that a plan drops, if the stage has a profile to compute it from. */
const droppedBy = ({ source: { statistics } }: Stage, plan: Plan | null): Pick<UnneededPoint, 'droppedShare'> => {
  if (statistics === null) return {};
  const { layers, experts, counts } = statistics;
  const rows = Array.from({ length: layers }, (_, layer) => layerRow(counts, layer, experts));
  const share = droppedShare(rows, plan);
  return share === null ? {} : { droppedShare: share };
};

/** The name of a candidate's point, and its figures that need no measurement. */
export const namedPoint = (stage: Stage, { method, refit, weights, seed, plan }: CurvePlan): UnneededPoint => {
  const { model, task } = stage.measurement;
  const { experts, moeLayers } = model.checkpoint.info;
  const total = keptInAll(plan);
  return {
    model: model.name,
    task: task.name,
    method: curveLabel(method, refit, weights),
    seed,
    factor: (experts * moeLayers) / total,
    kept: total / moeLayers,
    ...droppedBy(stage, plan),
  };
};

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
export const recordUnneeded = (stage: Stage, curve: Curve, counts: readonly number[]): Promise<void> =>
  stage.record.add({ what: 'unneeded', points: counts.map((keep) => unplannedPoint(stage, curve, keep)) });

/** Announces that the items are too few to call any candidate of a curve safe, at the curve's smallest factor. */
export const announceUndecidable = async (
  stage: Stage,
  baseline: readonly ItemOutcome[],
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

type Outcomes = readonly ItemOutcome[];

/** Whether a candidate is safe, and the share of its items that the verdict needed. */
export interface Decision {
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

export interface MeasuredCandidates {
  /** Outcomes of the unpruned model. */
  readonly baseline: Outcomes;
  readonly decisions: readonly Decision[];
}

/**
 * Measures candidates on all items together with the unpruned model, so that all of them write in one batch. Candidates
 * that a search for the threshold has begun continue from disk. Decisions in the order of the candidates. `known`:
 * outcomes of the unpruned model, measured before.
 */
export const measureTogether = async (
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
export const decideCandidates = async (
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

/**
 * Measures plans beside the candidates of a stage, on its task, each against the unpruned model's stored answers. Plans
 * that keep the same experts share a step.
 */
export const measurePlans = async <Made extends CurvePlan>(
  stage: Stage,
  plans: readonly Made[],
  add: (made: Made, result: SweepResult) => Promise<void>,
): Promise<void> => {
  const { context, measurement, settings } = stage;
  const { task } = measurement.task;
  const stored = await evaluationStep(measurement, null).read(context.steps);
  const baseline = present(stored, `no outcomes of the unpruned model on ${task.name}`);
  const steps = plans.map(({ plan }) => evaluationStep(measurement, plan));
  await evaluate(context, measurement, uniqueSteps(steps), async ({ key }, outcomes) => {
    const paired = summarise(task.metric, baseline, outcomes, { delta: settings.delta });
    for (const [index, made] of plans.filter((_, at) => steps[at]?.key === key).entries()) {
      if (index > 0) context.meter.reuse(measurement.work, 0);
      await add(made, { ...namedPoint(stage, made), ...paired });
    }
  });
};
