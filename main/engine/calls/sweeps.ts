import { AnswerText } from '../../contract/calls.ts';
import { fail, refuse } from '../../contract/errors.ts';
import { methodOfLabel } from '../../contract/method.ts';
import { withOptimiser } from '../../contract/optimiser.ts';
import type { Plan } from '../../contract/plan.ts';
import { sweepSettings, type SweepSettings } from '../../contract/sweep.ts';
import { comparedSizes, frontierWords } from '../../evaluation/frontier.ts';
import { checkSweep } from '../../jobs/check-sweep.ts';
import { jobOn } from '../../jobs/job-context.ts';
import { sweepJob } from '../../jobs/sweep-job.ts';
import type { SweepInput } from '../../jobs/sweep-stages.ts';
import { planCost } from '../../pruning/plan-cost.ts';
import { keptSweepText } from '../../reading/kept-reading.ts';
import { evaluationRecord } from '../../runs/evaluation-record.ts';
import { sweepManifestOf } from '../../runs/read-run.ts';
import { findPointStep, readRunPlans, SweepRecord } from '../../runs/sweep-record.ts';
import { requireKind } from '../../contract/run-kinds.ts';
import { requireAsWritten } from '../../workspace/sealed-files.ts';
import { type ApprovedManifest, codeToConfirm } from '../approved-run.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { modelNames, recordedOrder, requireItsDevice, type StartedRun, type RunOrder, taskNames } from '../run-kind.ts';
import { candidatesToRecord, openCandidates, openSubjects, refuseCandidatePlan, reopenModel } from '../run-subjects.ts';

const inputOf = ({ spec, models, tasks, candidates = [] }: RunOrder<SweepSettings>): SweepInput => ({
  models,
  tasks,
  settings: spec,
  candidates,
});

export const sweepRun: StartedRun<'sweep', typeof sweepSettings> = {
  kind: 'sweep',
  onTorch: true,
  schema: sweepSettings,
  order: async (context, { settings, later, ...named }) => {
    const { models, tasks } = await openSubjects(context, named.models, named.tasks);
    const candidates = await openCandidates(context, named, models, tasks);
    const spec = { ...settings, options: withOptimiser(settings.options, settings.methods) };
    return { spec, models, tasks, candidates, later };
  },
  recorded: (context, { spec, candidates = [] }) => ({ ...spec, ...candidatesToRecord(context, candidates) }),
  check: ({ device }, order) => checkSweep(inputOf(order), device),
  title: (_, order) => `Sweep of ${modelNames(order)} on ${taskNames(order)}`,
  /** Its points can be read while it runs. */
  job: (context, order) => {
    const { sources, work } = sweepJob(inputOf(order), (jobContext, begun) => {
      const record = new SweepRecord(jobContext, begun);
      context.liveSweeps.set(jobContext.run, record);
      return record;
    });
    return jobOn(sources, (job) => work(job).finally(() => context.liveSweeps.delete(job.run)));
  },
  checkAgain: (_, order, { device }) => checkSweep(inputOf(order), device),
};

/** Inputs of a recorded sweep. Refuses models, tasks and devices that have changed. */
export const sweepInputOf = async (context: EngineContext, manifest: ApprovedManifest): Promise<SweepInput> => {
  requireKind(manifest, 'sweep');
  await requireItsDevice(context, manifest);
  return inputOf(await recordedOrder(context, sweepSettings, manifest));
};

/** Plan of the unpruned model: keeps every expert. */
const identityPlan = (moeLayers: number, experts: number): Plan => ({
  kept: Array.from({ length: moeLayers }, () => Array.from({ length: experts }, (_, expert) => expert)),
});

/**
 * A step's plan under the name of one of its points: methods that keep the same experts share a step, whose plan names
 * only the first.
 */
const planOfPoint = (
  plan: Plan,
  { method, seed, factor }: { readonly method: string; readonly seed: number | null; readonly factor: number },
): Plan => {
  const bare = methodOfLabel(method).method ?? method;
  if (plan.method === bare && (plan.seed ?? null) === seed) return plan;
  const { options: _options, seed: _seed, ...rest } = plan;
  return { ...rest, method: bare, factor, ...(seed === null ? {} : { seed }) };
};

/** The plan of a step, from the step or from the finished run; undefined where neither contains it. */
const storedPlan = async (
  { workspace }: EngineContext,
  run: string,
  step: string,
): Promise<Plan | null | undefined> => {
  const stored = await workspace.steps.readJson(step, evaluationRecord);
  return stored === null ? (await readRunPlans(workspace.runs.folder(run)))?.get(step) : stored.plan;
};

/** Brings the files of a running sweep up to date. */
const writeLive = async (context: EngineContext, run: string): Promise<void> => {
  await context.liveSweeps.get(run)?.write();
};

export const sweepCalls = (context: EngineContext): AnswersTo<'sweep' | 'sweeps' | 'report'> => ({
  'sweep.read': async ({ run, ...reading }, signal) => {
    const live = context.liveSweeps.get(run);
    if (live !== undefined) return live.document(reading);
    const kept = await keptSweepText(await context.runSource(), { read: 'sweep', run, ...reading });
    if (kept !== null) return new AnswerText(kept);
    return new AnswerText(await context.reader.read({ read: 'sweep-text', run, ...reading }, signal));
  },
  'sweep.plan': async ({ run, ...name }) => {
    const manifest = await sweepManifestOf(context.workspace, run);
    refuseCandidatePlan(manifest, name.method);
    const live = context.liveSweeps.get(run);
    await live?.write();
    const folder = context.workspace.runs.folder(run);
    // A running sweep has no checksums yet.
    if (live === undefined) for (const file of ['points.json', 'plans.json']) await requireAsWritten(folder, file);
    const stored = await storedPlan(context, run, await findPointStep(folder, name));
    if (stored === undefined) {
      throw fail(
        'step-missing',
        `The step of this point is gone from ${context.workspace.path}.`,
        'Resume the run to compute the step again.',
      );
    }
    const model = manifest.models.find((entry) => entry.name === name.model);
    if (model === undefined)
      throw refuse('no-such-model', `${run} does not contain the model ${name.model}.`, 'Choose a point on the chart.');
    const { info } = await reopenModel(context, model, await codeToConfirm(context, manifest));
    const plan = stored === null ? identityPlan(info.moeLayers, info.experts) : planOfPoint(stored, name);
    return { plan, cost: planCost(info, plan) };
  },
  'sweeps.compare': async ({ runs }, signal) => {
    for (const run of runs) await writeLive(context, run);
    return context.reader.read({ read: 'sweeps', runs }, signal);
  },
  'sweep.compare': async (asked, signal) => {
    await writeLive(context, asked.run);
    return context.reader.read({ read: 'comparison', ...asked }, signal);
  },
  'sweep.frontier': async ({ run }, signal) => {
    await writeLive(context, run);
    const frontier = await context.reader.read({ read: 'frontier', run }, signal);
    const models = [...new Set(frontier.points.map(({ result }) => result.model))];
    return {
      models: models.map((model) => ({
        model,
        summary: [...frontierWords(frontier, model).summary],
        pairs: [...comparedSizes(frontier.pairs, model)],
      })),
    };
  },
  'sweep.sizeTrend': async (asked, signal) => {
    await writeLive(context, asked.run);
    return context.reader.read({ read: 'size-trend', ...asked }, signal);
  },
  'report.make': async (asked, signal) => {
    await writeLive(context, asked.run);
    const { name, html } = await context.reader.read({ read: 'report', ...asked }, signal);
    return { name, html };
  },
});
