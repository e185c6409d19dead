import { CancelledError } from '../contract/errors.ts';
import type { SweepResult } from '../contract/sweep.ts';
import { nextKeptCount, nextToConfirm } from '../evaluation/kept-counts.ts';
import { CURTAILED_NOTE } from '../evaluation/curtailed-points.ts';
import { isSafe } from '../evaluation/verdicts.ts';
import { waveOrder } from '../evaluation/wave-order.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { SweepRecord } from '../runs/sweep-record.ts';
import { readEvaluation } from './evaluation-record.ts';
import { ownCounts } from './file-methods.ts';
import { evaluationSteps } from './evaluation-step.ts';
import { type Job, type JobContext, jobOn, type RunModel } from './job-context.ts';
import type { KeyedPlan } from './measurement.ts';
import { RecoveryPairs } from './recovery-pairs.ts';
import { stepSummary } from './step-key.ts';
import { measureFolders } from './sweep-folders.ts';
import { type SweepInput, sweepPlaces, sweepSources } from './sweep-places.ts';
import {
  announce,
  announceUnpruned,
  type Candidate,
  candidateOf,
  candidatesByKey,
  isSameCurve,
  keyOf,
  resultOf,
  speedOf,
  type Stage,
} from './sweep-stage.ts';
import { type CountedCurve, type Curve, fallingCounts, planWork } from './sweep-work.ts';
import { hasPart, curtailedSteps } from './curtailed-step.ts';
import {
  leaveUndecided,
  decideCandidates,
  decideCurves,
  type TestedCurveCount,
  decisionModeOf,
} from './curtailed-work.ts';
import { type ModelProfiles, writeSweepFiles } from './write-sweep-files.ts';

export type { SweepInput } from './sweep-places.ts';

/** Candidates as plans to measure, those with the same kept experts once, and how the points of a plan are told. */
const pointsOf = (stage: Stage, candidates: readonly Candidate[], pairs?: RecoveryPairs) => {
  const { context, measurement } = stage;
  const byKey = candidatesByKey(candidates);
  const results = new Map<Candidate, SweepResult>();
  const plans = [...byKey].flatMap(([key, [first]]) => (first === undefined ? [] : [{ key, plan: first.plan }]));
  const tell = async (
    baseline: readonly ItemOutcome[],
    key: string,
    outcomes: readonly ItemOutcome[],
  ): Promise<void> => {
    for (const [place, twin] of (byKey.get(key) ?? []).entries()) {
      if (place > 0) context.meter.reuse(measurement.work, 0);
      const result = await resultOf(stage, twin, baseline, outcomes);
      results.set(twin, result);
      pairs?.add({ ...twin, factor: result.factor }, outcomes);
      await announce(stage, { result, step: key });
    }
  };
  return {
    plans,
    tell,
    results: () => candidates.flatMap((candidate) => results.get(candidate) ?? []),
    resultOf: (candidate: Candidate) => results.get(candidate),
  };
};

/**
 * Plans that are left, in the order in which they say most: those inside each curve's bracket of what was measured so
 * far, all curves side by side.
 */
const bracketsFirst = (
  { settings, measurement }: Stage,
  candidates: readonly Candidate[],
  resultOf: (candidate: Candidate) => SweepResult | undefined,
  missing: readonly KeyedPlan[],
): readonly KeyedPlan[] => {
  const left = new Map(missing.map((keyed) => [keyed.key, keyed]));
  const curves: Candidate[][] = [];
  for (const candidate of candidates) {
    const curve = curves.find(([first]) => first !== undefined && isSameCurve(first, candidate));
    if (curve === undefined) curves.push([candidate]);
    else curve.push(candidate);
  }
  const open = curves.map((own) => ({
    missing: own.filter(({ key }) => left.has(key)).map(({ keep }) => keep),
    tested: own.flatMap((candidate) => {
      const result = resultOf(candidate);
      return result === undefined ? [] : [{ kept: candidate.keep, safe: isSafe(result, settings.delta) }];
    }),
  }));
  const wanted = waveOrder(open, measurement.model.checkpoint.info.experts).flatMap(
    ([curve, kept]) => curves[curve]?.find(({ keep }) => keep === kept)?.key ?? [],
  );
  // The unpruned model is on no curve, and comes before all.
  const ownCandidates = new Set(candidates.map(({ key }) => key));
  const others = missing.filter(({ key }) => !ownCandidates.has(key)).map(({ key }) => key);
  return [...new Set([...others, ...wanted])].flatMap((key) => left.get(key) ?? []);
};

interface Together {
  readonly baseline: readonly ItemOutcome[];
  readonly results: readonly SweepResult[];
}

/** The unpruned model's outcomes of a stage, told before anything else. */
export const measureUnpruned = async (stage: Stage): Promise<readonly ItemOutcome[]> => {
  const known: (readonly ItemOutcome[])[] = [];
  const unpruned = { key: keyOf(stage, null), plan: null };
  await evaluationSteps(stage.context, stage.measurement, [unpruned], stage.sizer, async (key, outcomes) => {
    known.push(outcomes);
    await announceUnpruned(stage, key, outcomes);
  });
  const [baseline] = known;
  if (baseline === undefined) throw new Error('the unpruned model gave no outcomes');
  return baseline;
};

/**
 * Measures candidates beside the unpruned model: where answers are written, all of them write in one batch. Those that
 * a search for the threshold has begun go on from what is on disk.
 */
export const measureTogether = async (
  stage: Stage,
  candidates: readonly Candidate[],
  pairs?: RecoveryPairs,
): Promise<Together> => {
  const { context, measurement, sizer } = stage;
  const { plans, tell, results, resultOf } = pointsOf(stage, candidates, pairs);
  const unpruned = keyOf(stage, null);
  const known: (readonly ItemOutcome[])[] = [];
  const waiting: (readonly [string, readonly ItemOutcome[]])[] = [];
  const begun = (await context.steps.has(unpruned, 'json')) ? await begunPlans(stage, plans) : new Set<string>();
  const all = [{ key: unpruned, plan: null }, ...plans.filter(({ key }) => !begun.has(key))];
  const take = async (key: string, outcomes: readonly ItemOutcome[]): Promise<void> => {
    if (key === unpruned) {
      known.push(outcomes);
      await announceUnpruned(stage, key, outcomes);
      for (const [early, own] of waiting) await tell(outcomes, early, own);
      return;
    }
    const [baseline] = known;
    if (baseline === undefined) waiting.push([key, outcomes]);
    else await tell(baseline, key, outcomes);
  };
  await evaluationSteps(context, measurement, all, sizer, take, (missing) =>
    bracketsFirst(stage, candidates, resultOf, missing),
  );
  const [baseline] = known;
  if (baseline === undefined) throw new Error('the unpruned model gave no outcomes');
  const others = plans.filter(({ key }) => begun.has(key));
  await curtailedSteps(context, measurement, baseline, others, { sizer, delta: null }, async (key, outcome) => {
    if (outcome.kind === 'full') await tell(baseline, key, outcome.outcomes);
  });
  return { baseline, results: results() };
};

/** Keys of the plans that a search for the threshold has answered a part of the items with, and no more. */
const begunPlans = async (
  { context, measurement, ...stage }: Stage,
  plans: readonly KeyedPlan[],
): Promise<ReadonlySet<string>> => {
  const asked = { key: keyOf({ context, measurement, ...stage }, null), plan: null };
  const unpruned = await readEvaluation(context.steps, measurement, asked);
  const begun = new Set<string>();
  if (unpruned === null) return begun;
  for (const keyed of plans) {
    if (await context.steps.has(keyed.key, 'json')) continue;
    if (await hasPart(context, measurement, unpruned, keyed)) begun.add(keyed.key);
  }
  return begun;
};

const TEXTS_NOTE =
  'a perplexity has no exact bounds before the last text, so candidates were measured on all of them, up to the ' +
  'first factor that is not safe.';
const PAIRS_NOTE =
  'Recovery is compared with the same plan without it only where both answered every item: the search for ' +
  'thresholds stops the others early.';

const ADAPTIVE_NOTE =
  'Searched counts of kept experts: what bisection found was confirmed by testing every larger count from the ' +
  'largest down, until the first that is not safe. A count that is called safe so is wrong with a chance of at most ' +
  '5 % for its curve at the margin of the sweep; bisection alone would allow 5 % for every unsafe count it visits. ' +
  'At another margin, counts below the confirmed ones have gaps, and that guarantee does not hold for them.';

/**
 * Bisects the number of kept experts of one curve until its threshold is exact, then tests every larger count that was
 * not, from the largest down, until one is unsafe: only that sequence tells the threshold at 5 % (nextToConfirm).
 */
const bisect = async (
  stage: Stage,
  curve: Curve,
  known: readonly TestedCurveCount[],
  isSafeAt: (candidate: Candidate) => Promise<boolean>,
): Promise<void> => {
  const { settings, measurement, context, record } = stage;
  const { experts, topK } = measurement.model.checkpoint.info;
  const tested = known.filter((one) => isSameCurve(one.curve, curve)).map(({ kept, safe }) => ({ kept, safe }));
  const next = (): number | null => nextKeptCount(tested, experts, Math.max(1, topK)) ?? nextToConfirm(tested, experts);
  record.note(ADAPTIVE_NOTE);
  for (;;) {
    const keep = next();
    if (keep === null) return;
    context.meter.addToTotal(measurement.work + planWork(settings, curve, stage.calibration));
    const candidate = await candidateOf(stage, curve, keep);
    await speedOf(stage, candidate.plan);
    tested.push({ kept: keep, safe: await isSafeAt(candidate) });
  }
};

/** Measures every candidate of every curve on every item. */
const measureCurves = async (
  stage: Stage,
  curves: readonly CountedCurve[],
  pairs?: RecoveryPairs,
): Promise<{ readonly baseline: readonly ItemOutcome[]; readonly tested: readonly TestedCurveCount[] }> => {
  const candidates: Candidate[] = [];
  for (const keep of fallingCounts(curves))
    for (const curve of curves.filter(({ counts }) => counts.includes(keep)))
      candidates.push(await candidateOf(stage, curve, keep));
  for (const plan of [null, ...candidates.map((candidate) => candidate.plan)]) await speedOf(stage, plan);
  const { baseline, results } = await measureTogether(stage, candidates, pairs);
  const tested = candidates.flatMap((candidate, place): TestedCurveCount[] => {
    const result = results[place];
    return result === undefined
      ? []
      : [{ curve: candidate, kept: candidate.keep, safe: isSafe(result, stage.settings.delta) }];
  });
  return { baseline, tested };
};

/** Measures a part of a model on a task, or all of it: its curves, then the checkpoints beside them. */
export const measurePlace = async (
  stage: Stage,
  curves: readonly CountedCurve[],
  folders: readonly RunModel[],
): Promise<void> => {
  const { context, measurement, settings, record, sizer } = stage;
  if (context.signal.aborted) throw new CancelledError('The sweep');
  const { model, task } = measurement;
  const pairs = settings.recovery === 'both' ? new RecoveryPairs(task.task.metric) : undefined;
  const place = `${model.name} on ${task.name}`;
  const early = settings.stop === 'early' ? await measureUnpruned(stage) : null;
  const decisionMode = early === null ? null : decisionModeOf(stage, early);
  let measured: { readonly baseline: readonly ItemOutcome[]; readonly tested: readonly TestedCurveCount[] };
  const design = decisionMode?.how === 'curtailed' ? decisionMode.design : null;
  if (early === null || decisionMode === null) {
    measured = await measureCurves(stage, curves, pairs);
  } else if (decisionMode.how === 'not') {
    await leaveUndecided(stage, early, curves);
    measured = { baseline: early, tested: [] };
  } else {
    if (decisionMode.how === 'in full') record.note(`${place}: ${TEXTS_NOTE}`);
    measured = { baseline: early, tested: await decideCurves(stage, early, curves, design, pairs) };
  }
  const pairsNote = pairs?.note() ?? null;
  if (pairsNote !== null) record.note(`${place}: ${pairsNote}`);
  if (pairs !== undefined && settings.stop === 'early') record.note(PAIRS_NOTE);
  await measureFolders(
    { ...stage, delta: settings.delta, announce: (point) => announce(stage, point) },
    measured.baseline,
    folders,
  );
  if (!settings.adaptive || decisionMode?.how === 'not') return;
  if (decisionModeOf(stage, measured.baseline).how === 'not') {
    record.note(`${task.name}: too few items to tell a threshold, so nothing was bisected.`);
    return;
  }
  const isSafeAt = async (candidate: Candidate): Promise<boolean> => {
    if (decisionMode !== null) {
      const [decision] = await decideCandidates(stage, measured.baseline, [candidate], design);
      if (decision === undefined) throw new Error('a candidate was not decided');
      context.meter.addToTotal(measurement.work * (decision.share - 1));
      return decision.safe;
    }
    const { plans, tell, results } = pointsOf(stage, [candidate]);
    await evaluationSteps(context, measurement, plans, sizer, (key, outcomes) =>
      tell(measured.baseline, key, outcomes),
    );
    const [result] = results();
    if (result === undefined) throw new Error('a candidate gave no result');
    return isSafe(result, settings.delta);
  };
  const free = curves.filter(({ method }) => ownCounts(settings, method, model.checkpoint) === null);
  for (const curve of free) await bisect(stage, curve, measured.tested, isSafeAt);
};

/**
 * A sweep: for every model and task its profile (where a method needs one), the unpruned model and the candidates made
 * from that task's own profile, on that task's test items. Everything is a step under a content key: what is on disk is
 * not computed again, and a point is announced when its step is on disk.
 */
export const sweepJob = (
  input: SweepInput,
  createRecord: (context: JobContext, notes: readonly string[]) => SweepRecord,
): Job =>
  jobOn(sweepSources(input), async (context) => {
    const { models, tasks, candidates = [] } = input;
    context.meter.describe('Reading tasks');
    const { places, work, curvesWork, notes } = await sweepPlaces(context, input);
    const record = createRecord(context, notes);
    context.meter.setTotal(work);
    if (input.settings.stop === 'early') {
      record.note(CURTAILED_NOTE);
      context.meter.expectSavings(curvesWork);
    }
    const opened: Stage[] = [];
    try {
      for (const place of places) {
        const stage = await place.open(record);
        opened.push(stage);
        await measurePlace(stage, place.curves, candidates);
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
        if (stage === undefined || stage.statistics === null) return [];
        return [{ task: stage.measurement.task, statistics: stage.statistics }];
      }),
    }));
    context.meter.describe('Writing outcomes');
    await writeSweepFiles(context, record, profiles);
    const summary = stepSummary(context.meter);
    record.note(summary);
    await record.write();
    return { output: null, summary };
  });
