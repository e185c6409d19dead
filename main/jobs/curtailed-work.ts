import type { ItemOutcome } from '../contract/outcome.ts';
import { curveLabel } from '../contract/method.ts';
import type { CurtailedPoint, UnneededPoint } from '../contract/curtailed-point.ts';
import {
  type CountsSoFar,
  independentAtLeast,
  isDecidable,
  lowAtMost,
  type PairedDesign,
  pairedDesign,
} from '../evaluation/curtailment.ts';
import { isSafe, itemsNeeded } from '../evaluation/verdicts.ts';
import { evaluationSteps } from './evaluation-step.ts';
import {
  announce,
  type Candidate,
  candidateOf,
  candidatesByKey,
  namedPoint,
  resultOf,
  speedOf,
  type Stage,
} from './sweep-stage.ts';
import type { RecoveryPairs } from './recovery-pairs.ts';
import { type CountedCurve, type Curve, curveWork, fallingCounts, planWork, sum } from './sweep-work.ts';
import { type CandidateOutcome, curtailedSteps } from './curtailed-step.ts';

/** How candidates of a model on a task are measured where only the threshold is wanted. */
export type DecisionMode =
  /** They stop when their verdict is told. */
  | { readonly how: 'curtailed'; readonly design: PairedDesign }
  /** On all items (texts have no exact bounds), but no further than to the first unsafe factor. */
  | { readonly how: 'in full' }
  /** Not at all: the items are too few to tell anything. */
  | { readonly how: 'not' };

export const decisionModeOf = ({ settings, measurement }: Stage, baseline: readonly ItemOutcome[]): DecisionMode => {
  const { delta } = settings;
  const { metric } = measurement.task.task;
  const design = pairedDesign(metric, baseline);
  if (design === null) return baseline.length < itemsNeeded(delta, metric) ? { how: 'not' } : { how: 'in full' };
  return isDecidable({ metric, delta }, design) ? { how: 'curtailed', design } : { how: 'not' };
};

const recordCurtailed = async (
  stage: Stage,
  candidate: Candidate,
  design: PairedDesign,
  counts: CountsSoFar,
): Promise<void> => {
  const { context, record, measurement } = stage;
  const { n, evaluated, lost, gained, wrongLeft } = counts;
  const low = lowAtMost(counts);
  const point: CurtailedPoint = {
    ...namedPoint(stage, candidate),
    n,
    evaluated,
    metric: measurement.task.task.metric,
    lost,
    gainedAtMost: gained + wrongLeft,
    independentAtLeast: independentAtLeast(design),
    ...(low === null ? {} : { lowAtMost: low }),
    verdict: 'unsafe',
  };
  await record.addCurtailed(point);
  context.emit({ type: 'sweep.curtailed', run: context.run, point });
};

/** Whether a candidate is safe, and which part of its items that took. */
export interface Decision {
  readonly safe: boolean;
  readonly share: number;
}

/** Measures candidates as far as their verdicts need. Answers in their order. */
export const decideCandidates = async (
  stage: Stage,
  baseline: readonly ItemOutcome[],
  candidates: readonly Candidate[],
  design: PairedDesign | null,
  pairs?: RecoveryPairs,
): Promise<readonly Decision[]> => {
  const { context, measurement, settings, sizer } = stage;
  const byKey = candidatesByKey(candidates);
  const decisions = new Map<Candidate, Decision>();
  const tell = async (key: string, outcome: CandidateOutcome): Promise<void> => {
    for (const [place, twin] of (byKey.get(key) ?? []).entries()) {
      const share = outcome.kind === 'full' ? 1 : outcome.counts.evaluated / outcome.counts.n;
      if (place > 0) context.meter.reuse(measurement.work * share, 0);
      if (outcome.kind === 'full') {
        const result = await resultOf(stage, twin, baseline, outcome.outcomes);
        decisions.set(twin, { safe: isSafe(result, settings.delta), share });
        pairs?.add({ ...twin, factor: result.factor }, outcome.outcomes);
        await announce(stage, { result, step: key });
      } else if (design !== null) {
        decisions.set(twin, { safe: false, share });
        await recordCurtailed(stage, twin, design, outcome.counts);
      }
    }
  };
  const plans = [...byKey].flatMap(([key, [first]]) => (first === undefined ? [] : [{ key, plan: first.plan }]));
  if (design === null)
    await evaluationSteps(context, measurement, plans, sizer, (key, outcomes) => tell(key, { kind: 'full', outcomes }));
  else await curtailedSteps(context, measurement, baseline, plans, { sizer, delta: settings.delta }, tell);
  return candidates.map((candidate) => {
    const own = decisions.get(candidate);
    if (own === undefined) throw new Error('a candidate was not decided');
    return own;
  });
};

/** Work of curves of a stage, as it counts in the sweep's total. */
export const stageCurvesWork = (
  { settings, measurement, calibration }: Stage,
  curves: readonly CountedCurve[],
): number => sum(curves.map((curve) => curveWork(settings, curve, calibration, measurement.work)));

/** A count of kept experts of a curve that was tested, and whether it is safe. */
export interface TestedCurveCount {
  readonly curve: Curve;
  readonly kept: number;
  readonly safe: boolean;
}

const unneeded = (
  { measurement: { model, task } }: Stage,
  { method, refit, seed }: Curve,
  keep: number,
): UnneededPoint => ({
  model: model.name,
  task: task.name,
  method: curveLabel(method, refit),
  seed,
  factor: model.checkpoint.info.experts / keep,
  kept: keep,
});

/**
 * Tests the curves of a model on a task by rising factor, all curves of one factor side by side; a curve ends at its
 * first unsafe factor.
 */
export const decideCurves = async (
  stage: Stage,
  baseline: readonly ItemOutcome[],
  curves: readonly CountedCurve[],
  design: PairedDesign | null,
  pairs?: RecoveryPairs,
): Promise<readonly TestedCurveCount[]> => {
  const { context, settings, measurement, calibration, record } = stage;
  const tested: TestedCurveCount[] = [];
  const ended = new Set<CountedCurve>();
  for (const keep of fallingCounts(curves)) {
    const alive = curves.filter((curve) => !ended.has(curve) && curve.counts.includes(keep));
    const candidates: Candidate[] = [];
    for (const curve of alive) candidates.push(await candidateOf(stage, curve, keep));
    for (const { plan } of candidates) await speedOf(stage, plan);
    const decisions = await decideCandidates(stage, baseline, candidates, design, pairs);
    for (const [place, curve] of alive.entries()) {
      const { safe, share } = decisions[place] ?? { safe: false, share: 1 };
      const { counts } = curve;
      const left = counts.filter((count) => count < keep);
      tested.push({ curve, kept: keep, safe });
      if (!safe) {
        ended.add(curve);
        record.addUnneeded(left.map((kept) => unneeded(stage, curve, kept)));
      }
      if (!safe || left.length === 0) {
        const plans = planWork(settings, curve, calibration);
        const before = counts.length - left.length - 1;
        context.meter.saved(
          stageCurvesWork(stage, [curve]),
          (before + share) * measurement.work + (before + 1) * plans,
        );
      }
    }
  }
  return tested;
};

/** Says of every curve that its items are too few: the candidate of its smallest factor stands for it, unmeasured. */
export const leaveUndecided = async (
  stage: Stage,
  baseline: readonly ItemOutcome[],
  curves: readonly CountedCurve[],
): Promise<void> => {
  const { context, measurement, record } = stage;
  const { model, task } = measurement;
  const { metric } = task.task;
  context.meter.leftOut(stageCurvesWork(stage, curves));
  const design = pairedDesign(metric, baseline);
  const wrong = design === null ? 0 : design.right.filter((right) => !right).length;
  for (const curve of curves) {
    const { counts } = curve;
    const [first, ...others] = counts;
    if (first === undefined) continue;
    const point: CurtailedPoint = {
      ...unneeded(stage, curve, first),
      n: baseline.length,
      evaluated: 0,
      metric,
      lost: 0,
      gainedAtMost: wrong,
      independentAtLeast: design === null ? baseline.length : independentAtLeast(design),
    };
    await record.addCurtailed(point);
    context.emit({ type: 'sweep.curtailed', run: context.run, point });
    record.addUnneeded(others.map((kept) => unneeded(stage, curve, kept)));
  }
  record.note(
    `${model.name} on ${task.name}: ${String(baseline.length)} items are too few to tell a threshold, so no ` +
      'candidate was measured.',
  );
};
