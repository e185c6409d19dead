import { calls } from '../../contract/calls.ts';
import { refuse, WorkbenchError } from '../../contract/errors.ts';
import { methodOfLabel } from '../../contract/method.ts';
import type { Plan } from '../../contract/plan.ts';
import type { RunManifest } from '../../contract/run.ts';
import type { SizeTrendDocument } from '../../contract/size-trend.ts';
import type { SweepDocument } from '../../contract/sweep.ts';
import { compareMethods, type MeasuredMethods } from '../../evaluation/comparison/document.ts';
import { comparePoints, type ComparePoints } from '../../evaluation/comparison/points.ts';
import type { MeasuredPairs } from '../../evaluation/size-trend/document.ts';
import { type AskedReading, withThresholds } from '../../evaluation/threshold-family.ts';
import { evaluationRecord } from '../../jobs/evaluation-record.ts';
import { checkSweep } from '../../jobs/check-sweep.ts';
import { type Job, jobOn } from '../../jobs/job-context.ts';
import { type SweepInput, sweepJob } from '../../jobs/sweep-job.ts';
import { curveNames } from '../../jobs/sweep-work.ts';
import { planCost } from '../../pruning/plan-cost.ts';
import { reportName, reportPage } from '../../report/report-page.ts';
import {
  readMeasuredMethods,
  readRecordedTrainings,
  readReportComparisons,
  readRunProfiles,
  readSizePairs,
  sizeTrendOf,
  sweepDelta,
} from '../../runs/read-run.ts';
import { findPointStep, readRunPlans, readSweepDocument, SweepRecord } from '../../runs/sweep-record.ts';
import { readSweepsComparison } from '../../runs/read-sweeps-comparison.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { openRunModels, openRunTasks, reopenModel } from '../run-subjects.ts';
import { nameList, startRun } from '../start-run.ts';
import { openCandidates, recordedCandidates, refuseCandidatePlan } from '../sweep-candidates.ts';

type SweepCall = 'sweep.start' | 'sweep.read' | 'sweep.plan';

/** The job of a sweep, whose points can be read while it runs. */
export const liveSweepJob = (context: EngineContext, input: SweepInput): Job => {
  const order = {
    models: input.models.map(({ name }) => name),
    tasks: input.tasks.map(({ name }) => name),
    methods: [...curveNames(input.settings), ...(input.candidates ?? []).map(({ name }) => name)],
  };
  const { sources, work } = sweepJob(input, (place, notes) => {
    const record = new SweepRecord(place, order, input.settings.delta, notes);
    context.liveSweeps.set(place.run, record);
    return record;
  });
  return jobOn(sources, async (job) => {
    try {
      return await work(job);
    } finally {
      context.liveSweeps.delete(job.run);
    }
  });
};

export const sweepManifest = async (context: EngineContext, run: string): Promise<RunManifest> => {
  const manifest = await context.workspace.runs.read(run);
  if (manifest.kind !== 'sweep')
    throw refuse('not-a-sweep', `${run} is a ${manifest.kind}, not a sweep.`, 'Choose a sweep.');
  return manifest;
};

/** Results and thresholds of a sweep as they are now, finished or running. */
export const currentDocument = async (
  context: EngineContext,
  run: string,
  { delta, familywise }: AskedReading,
): Promise<SweepDocument> => {
  const used = { delta: delta ?? sweepDelta(await sweepManifest(context, run)), familywise };
  const live = context.liveSweeps.get(run);
  if (live !== undefined) return live.document(used);
  const stored = await readSweepDocument(context.workspace.runs.folder(run));
  return withThresholds(stored ?? { run, results: [], thresholds: [], rule: '', notes: [] }, used);
};

/** The plan of the unpruned model: every expert stays. */
const identityPlan = (moeLayers: number, experts: number): Plan => ({
  kept: Array.from({ length: moeLayers }, () => Array.from({ length: experts }, (_, expert) => expert)),
});

/**
 * A step's plan under the name of a point that shares it: methods that keep the same experts share a step, whose plan
 * tells of the first one only.
 */
const planOfPoint = (
  plan: Plan,
  { method, seed, factor }: { readonly method: string; readonly seed: number | null; readonly factor: number },
): Plan => {
  const own = methodOfLabel(method).method ?? method;
  if (plan.method === own && (plan.seed ?? null) === seed) return plan;
  const { options: _options, seed: _seed, ...rest } = plan;
  return { ...rest, method: own, factor, ...(seed === null ? {} : { seed }) };
};

/** The plan of a step, from the step itself or from what the finished run kept; undefined where neither is there. */
const storedPlan = async (
  { workspace }: EngineContext,
  run: string,
  step: string,
): Promise<Plan | null | undefined> => {
  const stored = await workspace.steps.readJson(step, evaluationRecord);
  return stored === null ? (await readRunPlans(workspace.runs.folder(run)))?.get(step) : stored.plan;
};

export const sweepCalls = (context: EngineContext): Pick<Answers, SweepCall> => ({
  'sweep.start': answer(
    calls['sweep.start'],
    async ({ models: modelHandles, tasks: taskHandles, settings, candidates: named, later }) => {
      const models = await openRunModels(context, modelHandles);
      const tasks = await openRunTasks(context, taskHandles);
      const candidates = await openCandidates(context, { candidates: named }, models, tasks);
      const input: SweepInput = { models, tasks, settings, candidates };
      await checkSweep(input);
      const title = `Sweep of ${nameList(
        models.map(({ name }) => name),
        'models',
      )} on ${nameList(
        tasks.map(({ name }) => name),
        'tasks',
      )}`;
      return startRun(
        context,
        {
          kind: 'sweep',
          title,
          spec: { ...settings, ...recordedCandidates(context, candidates) },
          models,
          tasks,
          later,
        },
        liveSweepJob(context, input),
      );
    },
  ),
  'sweep.read': answer(calls['sweep.read'], ({ run, ...reading }) => currentDocument(context, run, reading)),
  'sweep.plan': answer(calls['sweep.plan'], async ({ run, ...name }) => {
    const manifest = await sweepManifest(context, run);
    refuseCandidatePlan(manifest, name.method);
    const live = context.liveSweeps.get(run);
    await live?.write();
    const stored = await storedPlan(context, run, await findPointStep(context.workspace.runs.folder(run), name));
    if (stored === undefined) {
      throw new WorkbenchError(
        'step-missing',
        'failed',
        `The step of this point is gone from ${context.workspace.path}.`,
        'Resume the run: the step will be computed again.',
      );
    }
    const model = manifest.models.find((entry) => entry.name === name.model);
    if (model === undefined)
      throw refuse(
        'no-such-model',
        `${run} does not hold the model ${name.model}.`,
        'Choose a point that is on the chart.',
      );
    const { info } = await reopenModel(context, model, await context.bindings.isBound(manifest));
    const plan = stored === null ? identityPlan(info.moeLayers, info.experts) : planOfPoint(stored, name);
    return { plan, cost: planCost(info, plan) };
  }),
});

/** Measured points of finished runs that are kept: one per model and factor that was lately looked at. */
const MAX_KEPT = 6;

/**
 * Answers about a sweep's methods against each other. Neither reference nor delta asks for outcomes to be read again.
 */
export const sweepCompareCalls = (context: EngineContext): Pick<Answers, 'sweep.compare' | 'sweeps.compare'> => {
  const kept = new Map<string, MeasuredMethods>();

  const measure = async (manifest: RunManifest, points: ComparePoints): Promise<MeasuredMethods> => {
    const key = JSON.stringify([manifest.id, manifest.finishedAt, points.model, points.factor, points.answers]);
    const known = kept.get(key);
    if (known !== undefined) return known;
    await context.liveSweeps.get(manifest.id)?.write();
    const [measured] = await readMeasuredMethods(context.workspace, manifest.id, [points]);
    if (measured === undefined) throw new Error('points without an answer');
    if (manifest.state === 'done') kept.set(key, measured);
    for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size - MAX_KEPT))) kept.delete(oldest);
    return measured;
  };

  return {
    'sweeps.compare': answer(calls['sweeps.compare'], async ({ runs }) => {
      for (const run of runs) await context.liveSweeps.get(run)?.write();
      return readSweepsComparison(context.workspace, runs);
    }),
    'sweep.compare': answer(calls['sweep.compare'], async ({ run, model, factor, answers, reference, ...reading }) => {
      const manifest = await sweepManifest(context, run);
      const document = await currentDocument(context, run, reading);
      const points = comparePoints(document, { model, factor, answers });
      return compareMethods(document, await measure(manifest, points), reference);
    }),
  };
};

type SizeTrendCall = 'sweep.sizeTrend' | 'report.make';

interface SweepSizeTrend {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
  readonly sizeTrend: SizeTrendDocument;
}

/**
 * Answers about a sweep over the sizes of its models. Pairs do not depend on delta: those of a finished run are kept.
 */
export const sizeTrendCalls = (context: EngineContext): Pick<Answers, SizeTrendCall> => {
  const measured = new Map<string, MeasuredPairs>();
  let recorded: ReturnType<typeof readRecordedTrainings> | null = null;
  const bundled = {
    folders: [...context.bundled.models.values()],
    open: context.checkpoint,
    recorded: () => (recorded ??= readRecordedTrainings(context.resources)),
  };

  const pairsOf = async (manifest: RunManifest, document: SweepDocument): Promise<MeasuredPairs> => {
    const key = `${manifest.id} ${manifest.finishedAt ?? ''}`;
    const known = measured.get(key);
    if (known !== undefined) return known;
    await context.liveSweeps.get(manifest.id)?.write();
    const pairs = await readSizePairs(context.workspace, document);
    if (manifest.state === 'done') measured.set(key, pairs);
    return pairs;
  };

  const read = async (run: string, given: AskedReading): Promise<SweepSizeTrend> => {
    const manifest = await sweepManifest(context, run);
    const reading = { ...given, delta: given.delta ?? sweepDelta(manifest) };
    const document = await currentDocument(context, run, reading);
    const sizeTrend = await sizeTrendOf(manifest, document, reading, await pairsOf(manifest, document), bundled);
    return { manifest, document, sizeTrend };
  };

  return {
    'sweep.sizeTrend': answer(
      calls['sweep.sizeTrend'],
      async ({ run, ...reading }) => (await read(run, reading)).sizeTrend,
    ),
    'report.make': answer(calls['report.make'], async ({ run, ...reading }) => {
      const source = await read(run, reading);
      const profiles = await readRunProfiles(context.workspace.runs.folder(run), source.manifest);
      return {
        name: reportName(source.manifest),
        html: reportPage({
          ...source,
          comparisons: await readReportComparisons(context.workspace, source.document),
          profiles,
        }),
      };
    }),
  };
};
