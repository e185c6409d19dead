import { join } from 'node:path';
import { at, fail, refuse } from '../../contract/errors.ts';
import type { CallParsed } from '../../contract/calls.ts';
import { type CallScore, fitChoice, type FitDocument, fitDocument, recordedFitSettings } from '../../contract/fit.ts';
import type { RunManifest } from '../../contract/run.ts';
import { isSameContent } from '../../contract/recorded.ts';
import { checkedCalls } from '../../evaluation/written-forecast.ts';
import { exportTypes } from '../../export/export-bytes.ts';
import { isStoredGguf } from '../../export/gguf/stored-gguf.ts';
import { canonicalJson } from '../../files/canonical-json.ts';
import { readTextIfThere } from '../../files/regular-file.ts';
import {
  checkFit,
  CHOICE_FILE,
  choiceHashOf,
  FIT_FILE,
  fitJob,
  type FitInput,
  MOST_FIT_BYTES,
  predictFit,
} from '../../jobs/fit-job.ts';
import { roundedOf } from '../../jobs/fit-candidates.ts';
import { proveOrder } from '../../jobs/fit-proof.ts';
import { identify } from '../../jobs/source-gate.ts';
import type { RunModel, RunTask } from '../../jobs/job-context.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { fitPage } from '../../report/fit-page.ts';
import { reportName } from '../../report/page.ts';
import { readResult } from '../../runs/read-result.ts';
import { requireRoom } from '../../tasks/generation/stop-rule.ts';
import { requireKind, runKinds } from '../../contract/run-kinds.ts';
import { candidateNamed, limitWords } from '../../words/fit.ts';
import { recordedPath } from '../../workspace/library.ts';
import { codeToConfirm } from '../approved-run.ts';
import { type AnswersTo, type EngineContext, withProvenance } from '../engine-context.ts';
import { exportDestination, exportRun } from './exports.ts';
import {
  finishRun,
  modelNames,
  onlyModel,
  requireDone,
  type StartedRun,
  type RunOrder,
  startRun,
} from '../run-kind.ts';
import { openSubjects, reopenModel, reopenSubjects } from '../run-subjects.ts';

/** The model, and the tasks: the first decides. */
export const fitInputOf = ({ spec, models, tasks }: RunOrder<FitInput['settings']>): FitInput => {
  const [task, ...elsewhere] = tasks;
  if (task === undefined) throw refuse('bad-spec', 'A search needs a task.', 'Start a new run.');
  return { model: onlyModel({ models }), task, elsewhere, settings: spec };
};

/** A search for the best model that fits. */
export const fitRun: StartedRun<'fit', typeof recordedFitSettings> = {
  kind: 'fit',
  schema: recordedFitSettings,
  order: (context, asked) => orderOf(context, asked),
  check: async (context, order) => {
    const input = fitInputOf(order);
    const { checkpoint } = input.model;
    await requireTokenizer(checkpoint);
    for (const { name, task } of order.tasks) requireRoom(task.test, name, checkpoint.descriptor);
    await checkFit(input, context.workspace.steps.overlays, new Date(context.now()));
  },
  title: (_, order) => {
    const { task, settings } = fitInputOf(order);
    return `Best of ${modelNames(order)} on ${task.name} in ${limitWords(settings.limit)}`;
  },
  job: (_, order) => fitJob(fitInputOf(order)),
};

/** Runs of the workspace that looked at the test items of a task with a model: those that reached some result. */
const earlierLooks = async (
  { workspace, bundled }: EngineContext,
  { checkpoint }: RunModel,
  { task }: RunTask,
): Promise<number> => {
  const { known } = checkpoint.content;
  // A large model that was not hashed yet is known by its path.
  const isModel = (model: RunManifest['models'][number]): boolean =>
    known === null
      ? model.path === recordedPath(checkpoint.folder, bundled.models)
      : isSameContent(model, { fingerprint: known.fingerprint, sha256: known.identity });
  return (await workspace.runs.list()).filter(
    ({ kind, state, tasks, models }) =>
      runKinds[kind].looksAtTest === true &&
      state !== 'queued' &&
      tasks.some(({ hash }) => hash === task.hash) &&
      models.some(isModel),
  ).length;
};

/** What is read of earlier searches, so that other fields of an older version do not matter. */
const foretold = fitDocument.pick({ task: true, forecast: true, tested: true, elsewhere: true });

/** What became of the forecasts of searches that this workspace measured; a model on a task counts once. */
const earlierCalls = async (context: EngineContext): Promise<CallScore> => {
  const { runs } = context.workspace;
  const finished = (await runs.list()).filter(({ kind, state }) => kind === 'fit' && state === 'done');
  const found = new Map<string, boolean>();
  for (const { id, models } of finished) {
    if ((await context.provenanceOf(id))?.state !== 'here') continue;
    const document = await readResult(join(runs.folder(id), FIT_FILE), foretold);
    for (const { name, task, held } of document === null ? [] : checkedCalls(document))
      if (held !== null) found.set(canonicalJson([models[0]?.fingerprint ?? '', task, name]), held);
  }
  return { tested: found.size, held: [...found.values()].filter((held) => held).length };
};

const orderOf = async (
  context: EngineContext,
  { model, task, elsewhere, ...settings }: CallParsed<'fit.start'>,
): Promise<RunOrder<FitInput['settings']>> => {
  const { models, tasks } = await openSubjects(context, [model], [task, ...elsewhere]);
  const first = at(tasks, 0, 'a handle without a task');
  const looks = await earlierLooks(context, onlyModel({ models }), first);
  const { checkpoint } = onlyModel({ models });
  const format = settings.format ?? (isStoredGguf(checkpoint) ? 'gguf' : 'hf');
  const spec = { ...settings, format, earlierLooks: looks, earlierCalls: await earlierCalls(context) };
  return { spec, models, tasks };
};

/**
 * Whether the choice came before the test: the file with it has the hash that the result names, and what was tested is
 * what it names.
 *
 * @throws WorkbenchError `choice-differs`.
 */
const requireChoiceFirst = async (folder: string, document: FitDocument): Promise<void> => {
  const { choiceHash, tested, recommended, finalists } = document;
  if (choiceHash === null && tested.length === 0) return;
  const choice = await readResult(join(folder, CHOICE_FILE), fitChoice);
  const text = await readTextIfThere(join(folder, CHOICE_FILE), { mostBytes: MOST_FIT_BYTES });
  const named = choice === null ? [] : [choice.recommended, ...choice.finalists];
  const isSame =
    text !== null &&
    choiceHashOf(text) === choiceHash &&
    canonicalJson(named) === canonicalJson([recommended, ...finalists]) &&
    tested.every(({ name }) => named.includes(name));
  if (isSame) return;
  throw fail(
    'choice-differs',
    `The result in ${folder} was not tested by the choice that was stored before it.`,
    'Start a new search: this one proves nothing.',
  );
};

export const fitCalls = (context: EngineContext): AnswersTo<'fit'> => {
  const { runs } = context.workspace;
  const stored = async (run: string): Promise<{ readonly manifest: RunManifest; readonly document: FitDocument }> => {
    const manifest = requireKind(await runs.read(run), 'fit');
    const folder = runs.folder(run);
    const document = await readResult(join(folder, FIT_FILE), fitDocument);
    if (document === null)
      throw refuse(
        'no-fit',
        `${manifest.title} has no result yet (${manifest.state}).`,
        'Wait until it has scored something, or resume it.',
      );
    await requireChoiceFirst(folder, document);
    return { manifest, document };
  };
  return {
    'fit.predict': async (request, signal) => {
      const order = await orderOf(context, request);
      await fitRun.check(context, order);
      return predictFit(fitInputOf(order), {
        overlays: context.workspace.steps.overlays,
        threads: context.device.threads,
        now: new Date(context.now()),
        signal,
      });
    },
    'fit.stop': ({ run }) => finishRun(context, run, 'fit'),
    'fit.read': async ({ run }) => withProvenance(context, run, (await stored(run)).document),
    'fit.plan': async ({ run, name }) => {
      const { document } = await stored(run);
      if (name === document.recommended && document.plan !== null) return { plan: document.plan };
      const choice = await readResult(join(runs.folder(run), CHOICE_FILE), fitChoice);
      const plan = choice?.plans[[choice.recommended, ...choice.finalists].indexOf(name)];
      if (plan === undefined)
        throw refuse('no-plan', `The search keeps no plan of ${name}.`, 'Choose the recommended model or a finalist.');
      return { plan };
    },
    'fit.verify': async ({ run }, signal) => {
      const { manifest, document } = await stored(run);
      const choice = await readResult(join(runs.folder(run), CHOICE_FILE), fitChoice);
      if (choice === null)
        return { ok: false, answers: 0, problems: ['Nothing was chosen: the search was stopped, or goes on.'] };
      const subjects = await reopenSubjects(context, manifest, await codeToConfirm(context, manifest));
      const model = onlyModel(subjects);
      await identify(model.checkpoint, { signal });
      const [task] = subjects.tasks;
      if (task === undefined) throw refuse('bad-spec', `${run} names no task.`, 'Start a new search.');
      const { numerics } = context;
      const subject = { model, task, numerics, madeAt: new Date(manifest.createdAt) };
      return proveOrder(context.workspace.steps, subject, document, choice);
    },
    'fit.export': async ({ run, into, name }, signal) => {
      const { manifest, document } = await stored(run);
      const { plan, recommended, settings } = document;
      if (plan === null || recommended === null)
        throw refuse('no-fit', `${manifest.title} recommends nothing.`, 'Start a new search.');
      // A search that was stopped is done too, and says that its model is not tested.
      requireDone(manifest);
      const { format } = settings;
      if (format === 'plan')
        throw refuse(
          'not-exportable',
          'The search was for a plan that the workbench runs, and other programs cannot.',
          'Save the plan: "uncurl export RUN --out PLAN.json".',
        );
      const [recorded] = manifest.models;
      if (recorded === undefined) throw refuse('bad-spec', `${run} names no model.`, 'Start a new search.');
      const checkpoint = await reopenModel(context, recorded, await codeToConfirm(context, manifest));
      const { weights } = candidateNamed(document, recommended);
      const types = exportTypes(checkpoint, format, roundedOf(weights));
      const destination = await exportDestination(context, into, name);
      const spec = { plan, destination, format, ...types, fit: run };
      return startRun(context, exportRun, { spec, models: [{ name: recorded.name, checkpoint }], tasks: [] }, signal);
    },
    'fit.report': async ({ run }) => {
      const { manifest, document } = await stored(run);
      return { name: reportName(manifest), html: fitPage(await withProvenance(context, run, manifest), document) };
    },
  };
};
