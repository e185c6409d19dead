import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../../contract/bounds.ts';
import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import { at, expected, refuse, WorkbenchError } from '../../contract/errors.ts';
import { recordedExport } from '../../contract/command-parts.ts';
import { verification } from '../../contract/export.ts';
import { fitDocument } from '../../contract/fit.ts';
import { curveLabel } from '../../contract/method.ts';
import { type Plan, plan as planSchema } from '../../contract/plan.ts';
import { isSameContent } from '../../contract/recorded.ts';
import { byNewest } from '../../contract/run.ts';
import { isSameFactor, pointNameKey, type SweepResult } from '../../contract/sweep.ts';
import { checkExport, planInForm } from '../../export/check-export.ts';
import type { ExportMachine } from '../../export/export-progress.ts';
import type { CardFacts } from '../../export/model-card.ts';
import { makeFolder } from '../../files/file-errors.ts';
import { meanKept } from '../../jobs/file-methods.ts';
import { canonicalJson } from '../../files/canonical-json.ts';
import { exportJob, VERIFICATION_FILE, verifyJob } from '../../jobs/export-job.ts';
import { FIT_FILE } from '../../jobs/fit-job.ts';
import { planContent } from '../../jobs/step.ts';
import { validatePlan } from '../../pruning/validate-plan.ts';
import { readResult } from '../../runs/read-result.ts';
import { readPointIndex, readRunPlans } from '../../runs/sweep-record.ts';
import { EXPORTS_FOLDER } from '../../workspace/open-workspace.ts';
import { provenanceHeading } from '../../words/provenance.ts';
import { truncationNotes } from '../../words/truncation.ts';
import { thenAndNow } from '../changed-since.ts';
import { type AnswersTo, type EngineContext, withProvenance } from '../engine-context.ts';
import { engineVersion } from '../machine.ts';
import { modelNames, noResult, onlyModel, refuseDone, type StartedRun } from '../run-kind.ts';
import { openRunModels } from '../run-subjects.ts';

/** Points of the curve that a plan lies on: the same model, task, method and (for random methods) seed. */
const curveOf = (
  results: readonly SweepResult[],
  model: string,
  { method: name, tasks = [], seed, factor, recovery }: Plan,
): readonly SweepResult[] => {
  if (name === undefined || factor === undefined) return [];
  const method = curveLabel(name, recovery === undefined ? null : (recovery.refit ?? 'experts'));
  const curve = results.filter(
    (result) =>
      result.model === model &&
      tasks.includes(result.task) &&
      result.method === method &&
      (result.seed ?? 0) === (seed ?? 0),
  );
  return curve.some((result) => isSameFactor(result.factor, factor)) ? curve : [];
};

/** A workspace, and how its runs are read. */
type MeasuredRunsSource = Pick<EngineContext, 'workspace' | 'reader'>;

/** Results of sweeps for a plan, and why others were left out. */
interface PlanResults {
  readonly results: readonly SweepResult[];
  /** A sentence for each sweep that has results, but was not measured here. */
  readonly leftOut: readonly string[];
  /** A sentence for each task of a result where truncation was measured. */
  readonly truncation: readonly string[];
}

/**
 * Results of sweeps for exactly this plan of a model, whichever method made it; of each task those of the newest sweep.
 * Sweeps that are unfinished or damaged are left out, and those that were not measured here are named.
 */
export const planResults = async (
  { workspace, reader }: MeasuredRunsSource,
  subject: { readonly fingerprint: string | null; readonly sha256?: string | undefined },
  plan: Plan,
  signal?: AbortSignal,
): Promise<PlanResults> => {
  // A plan that keeps every expert is never exported, so their number does not matter.
  const contentOf = (one: Plan): string => canonicalJson(planContent(one, Infinity));
  const [wanted, kept] = [contentOf(plan), meanKept(plan)];
  const found = new Map<string, SweepResult>();
  const leftOut: string[] = [];
  const truncation: string[] = [];
  const sweeps = (await workspace.runs.list()).filter(({ kind, state }) => kind === 'sweep' && state === 'done');
  for (const { id, models } of sweeps.sort(byNewest)) {
    const model = models.find((known) => isSameContent(known, subject));
    if (model === undefined) continue;
    try {
      const folder = workspace.runs.folder(id);
      const points = (await readPointIndex(folder)).filter(
        (point) => point.model === model.name && isSameFactor(point.kept, kept),
      );
      const plans = points.length === 0 ? null : await readRunPlans(folder);
      const matchingPoints = points.filter(({ step }) => {
        const stored = plans?.get(step) ?? null;
        return stored !== null && contentOf(stored) === wanted;
      });
      if (matchingPoints.length === 0) continue;
      const names = new Set(matchingPoints.map(pointNameKey));
      const { results, provenance } = await reader.read({ read: 'sweep', run: id }, signal);
      const heading = provenanceHeading(provenance);
      if (heading !== null) {
        leftOut.push(`${id} has results of this plan, which are not shown. ${heading}`);
        continue;
      }
      const added = new Set<string>();
      for (const result of results) {
        if (!names.has(pointNameKey(result)) || found.has(result.task)) continue;
        found.set(result.task, result);
        added.add(result.task);
      }
      const ownResults = results.filter((result) => result.model === model.name && added.has(result.task));
      for (const note of truncationNotes(ownResults)) truncation.push(note);
    } catch (error) {
      // A damaged sweep is listed as such; it says nothing about a plan.
      if (!(error instanceof WorkbenchError) || error.kind === 'cancelled') throw error;
    }
  }
  return { results: [...found.values()], leftOut, truncation };
};

/** Results of the newest sweep in the workspace that measured a plan, for the model card of its export. */
export const curveFacts = async (
  context: MeasuredRunsSource,
  checkpoint: Checkpoint,
  plan: Plan,
): Promise<CardFacts> => {
  const { runs } = context.workspace;
  const subject = { fingerprint: checkpoint.fingerprint, sha256: checkpoint.identity };
  const { results: measured, leftOut, truncation } = await planResults(context, subject, plan);
  for (const { id, kind, models } of await runs.list()) {
    const model = models.find((known) => isSameContent(known, subject));
    if (kind !== 'sweep' || model === undefined) continue;
    // A sweep with damaged results is listed as damaged; the card gets nothing from it.
    const document = await context.reader.read({ read: 'sweep', run: id }).catch(expected(() => null));
    if (provenanceHeading(document?.provenance) !== null) continue;
    const curve = curveOf(document?.results ?? [], model.name, plan);
    if (curve.length > 0) return { curve, measured, leftOut, truncation, version: engineVersion };
  }
  return { curve: [], measured, leftOut, truncation, version: engineVersion };
};

export const exportMachine = ({ device, memory }: EngineContext): ExportMachine => ({
  threads: device.threads,
  memoryBudgetBytes: memory.budgetBytes,
});

/** Refuses a plan for another model at the same path before a run is made. */
const requireSameModel = ({ name, content: { known } }: Checkpoint, { model }: Plan): void => {
  // A model that was not hashed yet is compared by the job.
  if (model === undefined || known === null || model.fingerprint === known.fingerprint) return;
  throw refuse(
    'plan-other-model',
    `The plan was made for ${model.name}, and ${name} is another model ` +
      `(${thenAndNow(model.fingerprint, known.fingerprint)}).`,
    'Make the plan for this model, or restore the one that it was made for.',
  );
};

const openOne = async (context: EngineContext, handle: Parameters<typeof openRunModels>[1][number], plan: Plan) => {
  const model = at(await openRunModels(context, [handle]), 0, 'a handle without a model');
  requireSameModel(model.checkpoint, plan);
  return { model, plan: validatePlan(plan, model.checkpoint.info) };
};

/** No run has measured it: it was not hashed yet. */
const NO_MODEL = { fingerprint: null };

const exportSpec = recordedExport.extend({
  plan: planSchema,
  /** The search for the best model that fits that recommended it. */
  fit: boundedText.optional(),
});

/** What a search measured of the model that it recommended, for the card of its export. */
const withFit = async (
  { workspace }: MeasuredRunsSource,
  facts: CardFacts,
  run: string | undefined,
): Promise<CardFacts> => {
  if (run === undefined) return facts;
  const document = await readResult(join(workspace.runs.folder(run), FIT_FILE), fitDocument);
  const tested = document?.tested.find(({ name }) => name === document.recommended);
  const elsewhere = document?.elsewhere.map(({ result }) => result) ?? [];
  return { ...facts, measured: [...facts.measured, ...(tested === undefined ? [] : [tested.result]), ...elsewhere] };
};

/** An export of a smaller checkpoint. */
export const exportRun: StartedRun<'export', typeof exportSpec> = {
  kind: 'export',
  schema: exportSpec,
  onCpu: true,
  order: async (context, { model: handle, plan: given, into, name, format, ggufType: type, hfType, mtp, referee }) => {
    if (type !== undefined && format !== 'gguf')
      throw refuse('bad-usage', `${type} is a type of GGUF files, and the export is ${format}.`, 'Omit it.');
    const { model, plan } = await openOne(context, handle, given);
    const destination = await exportDestination(context, into, name);
    const spec = { plan, destination, format, ggufType: type, hfType, mtp, referee };
    return { spec, models: [model], tasks: [] };
  },
  check: async (_, { spec: { plan, destination, format, hfType, ggufType, mtp }, models }) => {
    const { checkpoint } = onlyModel({ models });
    if (existsSync(destination))
      throw refuse(
        'destination-exists',
        `${destination} exists.`,
        'Choose another name: existing files are never overwritten.',
      );
    await planInForm(checkpoint, plan, [format, mtp, hfType, ggufType]);
  },
  title: (_, { spec, models }) => `Export of ${modelNames({ models })} to ${basename(spec.destination)}`,
  job: (context, { spec, models }) => {
    const { checkpoint } = onlyModel({ models });
    const { fit, ...order } = spec;
    const card = async (): Promise<CardFacts> =>
      withFit(context, await curveFacts(context, checkpoint, spec.plan), fit);
    return exportJob({ checkpoint, ...order, machine: exportMachine(context), card });
  },
  checkAgain: (_, __, manifest) => refuseDone(manifest, 'Start a new export.'),
};

const verifySpec = z.object({ plan: planSchema, exported: boundedText });

/** A comparison of an export with its original and plan. */
export const verifyRun: StartedRun<'verify', typeof verifySpec> = {
  kind: 'verify',
  schema: verifySpec,
  onCpu: true,
  order: async (context, { exported: exportedHandle, against, plan: given }) => {
    const { model, plan } = await openOne(context, against, given);
    const exported = context.handles.resolve(exportedHandle);
    return { spec: { plan, exported }, models: [model], tasks: [] };
  },
  check: () => undefined,
  title: (_, { spec, models }) => `Verification of ${basename(spec.exported)} against ${modelNames({ models })}`,
  job: (context, { spec, models }) =>
    verifyJob({ checkpoint: onlyModel({ models }).checkpoint, ...spec, machine: exportMachine(context) }),
};

/** The folder that is proposed for exports; it need not exist yet. */
const exportsFolder = ({ workspace }: Pick<EngineContext, 'workspace'>): string => join(workspace.path, EXPORTS_FOLDER);

/** The path of an export in a chosen folder; makes the proposed one. */
export const exportDestination = async (
  context: EngineContext,
  into: Parameters<EngineContext['handles']['resolve']>[0],
  name: string,
): Promise<string> => {
  const folder = context.handles.resolve(into);
  if (folder === exportsFolder(context)) await makeFolder(folder);
  return join(folder, name);
};

const answered = ({ results, leftOut }: PlanResults) => ({ results: [...results], leftOut: [...leftOut] });

export const exportCalls = (context: EngineContext): AnswersTo<'export' | 'verify'> => ({
  'export.check': async ({ model: handle, plan, format, hfType, ggufType, mtp }) => {
    const { refusal, notes } = await checkExport(
      await context.checkpoint(context.handles.resolve(handle)),
      plan,
      format,
      mtp,
      hfType,
      ggufType,
    );
    return { refusal, notes: [...notes] };
  },
  'export.measured': async (asked, signal) => {
    if ('run' in asked) {
      const { spec, models } = await context.workspace.runs.read(asked.run);
      const { plan } = exportSpec.parse(spec);
      return answered(await planResults(context, models[0] ?? NO_MODEL, plan, signal));
    }
    const { known } = (await context.checkpoint(context.handles.resolve(asked.model))).content;
    const subject = known === null ? NO_MODEL : { fingerprint: known.fingerprint, sha256: known.identity };
    return answered(await planResults(context, subject, asked.plan, signal));
  },
  'export.place': () => {
    const path = exportsFolder(context);
    return { handle: context.handles.issue(path), path };
  },
  'verify.read': async ({ run }) => {
    const manifest = await context.workspace.runs.read(run);
    const found = await readResult(join(context.workspace.runs.folder(run), VERIFICATION_FILE), verification);
    if (found === null) throw noResult('no-verification', manifest);
    return withProvenance(context, run, found);
  },
});
