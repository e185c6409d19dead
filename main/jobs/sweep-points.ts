import type { ItemOutcome } from '../contract/outcome.ts';
import type { CountsSoFar, PairedDesign } from '../evaluation/curtailment.ts';
import { isSafe } from '../evaluation/verdicts.ts';
import { waveOrder } from '../evaluation/wave-order.ts';
import { begunSteps, evaluateEarly } from './curtailed-step.ts';
import { evaluate, evaluateAll } from './evaluation-step.ts';
import { type EvaluationStep, evaluationStep } from './measurement.ts';
import type { RecoveryPairs } from './recovery-pairs.ts';
import {
  announceCandidate,
  announceUnpruned,
  announceUnsafe,
  isSameCurve,
  type Stage,
  type SweepCandidate,
} from './sweep-stage.ts';

type Outcomes = readonly ItemOutcome[];

/** Whether a candidate is safe, and which share of its items that took. */
export interface Decision {
  readonly safe: boolean;
  readonly share: number;
}

/** Announces candidates as their outcomes arrive. Candidates that keep the same experts share a step. */
class Announcer {
  readonly #stage: Stage;
  readonly #pairs: RecoveryPairs | undefined;
  readonly #byKey: ReadonlyMap<string, readonly SweepCandidate[]>;
  readonly #decisions = new Map<SweepCandidate, Decision>();

  constructor(stage: Stage, candidates: readonly SweepCandidate[], pairs: RecoveryPairs | undefined) {
    this.#stage = stage;
    this.#pairs = pairs;
    this.#byKey = Map.groupBy(candidates, ({ step }) => step.key);
  }

  /** One step for all candidates that share it. */
  get steps(): readonly EvaluationStep[] {
    return [...this.#byKey.values()].flatMap(([first]) => first?.step ?? []);
  }

  decisionOf(candidate: SweepCandidate): Decision | undefined {
    return this.#decisions.get(candidate);
  }

  async measured(baseline: Outcomes, step: EvaluationStep, outcomes: Outcomes): Promise<void> {
    const { settings } = this.#stage;
    await this.#announce(step, 1, async (candidate) => {
      const result = await announceCandidate(this.#stage, candidate, baseline, outcomes);
      this.#pairs?.add({ ...candidate, factor: result.factor }, outcomes);
      return isSafe(result, settings.delta);
    });
  }

  async stopped(design: PairedDesign, step: EvaluationStep, counts: CountsSoFar): Promise<void> {
    await this.#announce(step, counts.evaluated / counts.n, async (candidate) => {
      await announceUnsafe(this.#stage, candidate, design, counts);
      return false;
    });
  }

  async #announce(
    { key }: EvaluationStep,
    share: number,
    announce: (candidate: SweepCandidate) => Promise<boolean>,
  ): Promise<void> {
    const { context, measurement } = this.#stage;
    for (const [index, candidate] of (this.#byKey.get(key) ?? []).entries()) {
      if (index > 0) context.meter.reuse(measurement.work * share, 0);
      this.#decisions.set(candidate, { safe: await announce(candidate), share });
    }
  }
}

/**
 * Steps that are left in the order in which they tell most about the thresholds: the unpruned model first, then those
 * inside each curve's bracket of candidates measured so far, all curves side by side.
 */
const bracketsFirst = (
  { measurement }: Stage,
  candidates: readonly SweepCandidate[],
  decisionOf: (candidate: SweepCandidate) => Decision | undefined,
  missing: readonly EvaluationStep[],
): readonly EvaluationStep[] => {
  const left = new Map(missing.map((step) => [step.key, step]));
  const curves: SweepCandidate[][] = [];
  for (const candidate of candidates) {
    const curve = curves.find(([first]) => first !== undefined && isSameCurve(first, candidate));
    if (curve === undefined) curves.push([candidate]);
    else curve.push(candidate);
  }
  const open = curves.map((own) => ({
    missing: own.filter(({ step }) => left.has(step.key)).map(({ keep }) => keep),
    tested: own.flatMap((candidate) => {
      const decision = decisionOf(candidate);
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

const decisionsOf = (announcer: Announcer, candidates: readonly SweepCandidate[]): readonly Decision[] =>
  candidates.map((candidate) => {
    const decision = announcer.decisionOf(candidate);
    if (decision === undefined) throw new Error('a candidate without a decision');
    return decision;
  });

/** The outcomes of the unpruned model of a stage, announced before anything else. */
export const measureUnpruned = async (stage: Stage): Promise<Outcomes> => {
  const step = evaluationStep(stage.measurement, null);
  const [baseline = []] = await evaluateAll(stage.context, stage.measurement, [step]);
  await announceUnpruned(stage, step, baseline);
  return baseline;
};

/**
 * Measures candidates on all items beside the unpruned model, so that those that write do so in one batch. Those that a
 * search for the threshold has begun go on from what is on disk. Decisions in the order of the candidates.
 */
export const measureTogether = async (
  stage: Stage,
  candidates: readonly SweepCandidate[],
  pairs?: RecoveryPairs,
): Promise<{ readonly baseline: Outcomes; readonly decisions: readonly Decision[] }> => {
  const { context, measurement } = stage;
  const announcer = new Announcer(stage, candidates, pairs);
  const unpruned = evaluationStep(measurement, null);
  const stored = await unpruned.read(context.steps);
  const begun = stored === null ? [] : await begunSteps(context, measurement, stored, announcer.steps);
  const found: Outcomes[] = [];
  const waiting: (readonly [EvaluationStep, Outcomes])[] = [];
  const take = async (step: EvaluationStep, outcomes: Outcomes): Promise<void> => {
    if (step.key === unpruned.key) {
      found.push(outcomes);
      await announceUnpruned(stage, step, outcomes);
    }
    waiting.push([step, outcomes]);
    const [baseline] = found;
    if (baseline !== undefined)
      for (const [early, own] of waiting.splice(0)) await announcer.measured(baseline, early, own);
  };
  const whole = announcer.steps.filter((step) => step.key !== unpruned.key && !begun.includes(step));
  await evaluate(context, measurement, [unpruned, ...whole], take, (missing) =>
    bracketsFirst(stage, candidates, (candidate) => announcer.decisionOf(candidate), missing),
  );
  const [baseline] = found;
  if (baseline === undefined) throw new Error('the unpruned model gave no outcomes');
  await evaluateEarly(context, measurement, baseline, begun, (step, outcomes) =>
    announcer.measured(baseline, step, outcomes),
  );
  return { baseline, decisions: decisionsOf(announcer, candidates) };
};

/**
 * Measures candidates beside a known unpruned model, in their order: on as many items as their decisions need, or on
 * all items without a design.
 */
export const decideCandidates = async (
  stage: Stage,
  baseline: Outcomes,
  candidates: readonly SweepCandidate[],
  design: PairedDesign | null,
  pairs?: RecoveryPairs,
): Promise<readonly Decision[]> => {
  const { context, measurement, settings } = stage;
  const announcer = new Announcer(stage, candidates, pairs);
  const done = (step: EvaluationStep, outcomes: Outcomes): Promise<void> =>
    announcer.measured(baseline, step, outcomes);
  if (design === null) await evaluate(context, measurement, announcer.steps, done);
  else {
    const stopped = (step: EvaluationStep, counts: CountsSoFar): Promise<void> =>
      announcer.stopped(design, step, counts);
    await evaluateEarly(context, measurement, baseline, announcer.steps, done, {
      design,
      delta: settings.delta,
      stopped,
    });
  }
  return decisionsOf(announcer, candidates);
};
