import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { boundedList } from '../contract/bounds.ts';
import type { ModelHashes } from '../checkpoint/model-content.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { at, refuse, type WorkbenchError } from '../contract/errors.ts';
import type { PathHandle } from '../contract/model.ts';
import type { RunManifest } from '../contract/run.ts';
import { isSameContent, type RecordedModel, recordedModel, UNHASHED } from '../contract/recorded.ts';
import { recordedCandidates, type SweepRequest } from '../contract/sweep.ts';
import { candidatesOfSeveral, enforce } from '../contract/start-rules.ts';
import { isFile } from '../files/file-errors.ts';
import type { JobResult, RunModel, RunTask } from '../jobs/job-context.ts';
import type { CarryOut, RunToCarryOut } from '../jobs/job-queue.ts';
import { identify } from '../jobs/source-gate.ts';
import { checkCandidate } from '../jobs/sweep-folders.ts';
import { namedTasks, uniqueNames } from '../jobs/write-sweep-files.ts';
import { recordedSpec } from '../runs/recorded-spec.ts';
import type { Task } from '../tasks/task.ts';
import { actualPath, recordedPath } from '../workspace/library.ts';
import { bindRun } from './approved-run.ts';
import { isModelGone } from './calls/models.ts';
import { contentThenAndNow, thenAndNow } from './changed-since.ts';
import type { TaskFacts } from '../tasks/kept-facts.ts';
import type { EngineContext } from './engine-context.ts';

/** Refuses a model that is listed as unsupported. */
const requireSupported = ({ name, checkpoint }: RunModel): void => {
  if (checkpoint.info.supported) return;
  throw refuse(
    'model-unsupported',
    `${name} cannot run here: ${checkpoint.info.reasons.join(' ')}`,
    'Choose another model.',
  );
};

/** What is at the paths of handles, each path once. */
const opened = <T>(
  { handles: paths }: EngineContext,
  handles: readonly PathHandle[],
  open: (path: string) => Promise<T>,
): Promise<T[]> => Promise.all([...new Set(handles.map((handle) => paths.resolve(handle)))].map((path) => open(path)));

/** Opens the models of a request under unique names; duplicates are merged. */
export const openRunModels = async (context: EngineContext, handles: readonly PathHandle[]): Promise<RunModel[]> => {
  const checkpoints = await opened(context, handles, context.checkpoint);
  const names = uniqueNames(
    checkpoints.map(({ name, folder, content }) => ({ name, hash: content.known?.fingerprint ?? hashOfPath(folder) })),
  );
  const models = checkpoints.map((checkpoint, index) => ({ name: at(names, index), checkpoint }));
  models.forEach(requireSupported);
  return models;
};

/** Tells two models of one name apart that were not hashed yet. */
const hashOfPath = (folder: string): string => createHash('sha256').update(folder).digest('hex');

/** A model as a manifest records it; without a fingerprint where it was not hashed yet. */
export const recordOf = ({ bundled }: EngineContext, { name, checkpoint, recorded }: RunModel): RecordedModel => {
  const { known } = checkpoint.content;
  const hashes =
    known === null
      ? { fingerprint: recorded?.fingerprint ?? UNHASHED, ...(recorded?.sha256 && { sha256: recorded.sha256 }) }
      : { fingerprint: known.fingerprint, sha256: known.identity };
  const commit = checkpoint.published?.commit;
  return {
    name,
    path: recordedPath(checkpoint.folder, bundled.models),
    ...hashes,
    ...(commit === undefined ? {} : { commit }),
  };
};

/** Loads the tasks of a request under unique names; duplicates are merged. */
export const openRunTasks = async (context: EngineContext, handles: readonly PathHandle[]): Promise<RunTask[]> => {
  return namedTasks(await opened(context, handles, context.task));
};

/** What is known of the tasks of a request without their items, under the same names. */
export const namedFacts = async (context: EngineContext, handles: readonly PathHandle[]): Promise<TaskFacts[]> => {
  const facts = await opened(context, handles, context.taskFacts);
  const names = uniqueNames(facts);
  return facts.map((task, index) => ({ ...task, name: at(names, index) }));
};

/** Opens the models and tasks of a request. */
export const openSubjects = async (
  context: EngineContext,
  models: readonly PathHandle[],
  tasks: readonly PathHandle[],
): Promise<{ readonly models: RunModel[]; readonly tasks: RunTask[] }> => ({
  models: await openRunModels(context, models),
  tasks: await openRunTasks(context, tasks),
});

/** A run's record of a model or task, and how to find it again. */
interface Search<T> {
  readonly what: 'model' | 'task';
  /** Its path when the run was made. */
  readonly path: string;
  readonly hash: string;
  readonly isGone: (path: string) => Promise<boolean>;
  /** `isSame` null: its content is not known yet. */
  readonly open: (
    path: string,
  ) => Promise<{ readonly isSame: boolean | null; readonly now: string; readonly value: T }>;
  /** The code that confirms the run, before which its paths may not be read; null where they may. */
  readonly unconfirmed: string | null;
}

/** Refuses to read a path that a run names which was made elsewhere; `code` confirms the run. */
export const notOpened = (path: string, code: string, first = ''): WorkbenchError =>
  refuse(
    'not-opened',
    `${path} is named by a run that was not made here, so it is not read.`,
    `${first}On the command line, "uncurl reproduce" reads what the run names if you confirm it: --confirm ${code}.`,
  );

/**
 * Finds a model or task of a run: at its recorded path, or at a remembered path with the same content (it was moved).
 *
 * @throws WorkbenchError `moved` if it is gone, `changed-since` if its content differs, `not-opened` if the run was not
 * made here and nobody opened it in this workspace.
 */
const findAgain = async <T>(
  context: EngineContext,
  { what, path, hash, isGone, open, unconfirmed }: Search<T>,
): Promise<T> => {
  const remembered = await context.workspace.library.list(`${what}s`);
  const mayLook = unconfirmed === null || remembered.some((entry) => entry.path === path);
  const here = mayLook && !(await isGone(path)) ? await open(path) : null;
  // What is not hashed yet is compared when the run begins.
  if (here !== null && here.isSame !== false) return here.value;
  const elsewhere = remembered.filter((entry) => entry.hash === hash && entry.path !== path);
  for (const entry of elsewhere) {
    if (await isGone(entry.path)) continue;
    const found = await open(entry.path);
    if (found.isSame === true) return found.value;
  }
  if (!mayLook) throw notOpened(path, unconfirmed, `Open the ${what} yourself. `);
  if (here === null)
    throw refuse(
      'moved',
      `${path} was moved or deleted: it was the ${what} of this run.`,
      `Open the ${what} where it is now, then try again.`,
    );
  throw changedSince(path, what, here.now);
};

const changedSince = (path: string, what: 'model' | 'task', hashes: string): WorkbenchError =>
  refuse(
    'changed-since',
    `${path} has changed since this run (${hashes}): it is now another ${what}.`,
    'Restore it, or start a new run.',
  );

/** For example "header hash a1b2c3d4 then, c3d4e5f6 now"; of all files where configuration and weights are the same. */
const modelThenAndNow = (then: Pick<RecordedModel, 'fingerprint' | 'sha256'>, now: ModelHashes): string =>
  then.fingerprint === now.fingerprint && then.sha256 !== undefined
    ? contentThenAndNow(then.sha256, now.identity)
    : thenAndNow(then.fingerprint, now.fingerprint);

const asRecorded = ({ fingerprint, identity }: ModelHashes): Pick<RecordedModel, 'fingerprint' | 'sha256'> => ({
  fingerprint,
  sha256: identity,
});

/**
 * Reopens the model of a recorded run. `unconfirmed` is null if the run was made here or its user confirmed what it
 * names (`codeToConfirm`); otherwise only what was opened in this workspace is read.
 */
export const reopenModel = (
  context: EngineContext,
  model: RecordedModel,
  unconfirmed: string | null,
): Promise<Checkpoint> => {
  const path = actualPath(model.path, context.bundled.models);
  return findAgain(context, {
    what: 'model',
    path,
    hash: model.fingerprint,
    // Bundled models may always be read.
    unconfirmed: [...context.bundled.models.values()].includes(path) ? null : unconfirmed,
    isGone: isModelGone,
    open: async (folder) => {
      const checkpoint = await context.checkpoint(folder);
      const { known } = checkpoint.content;
      const isPending = known === null || model.fingerprint === UNHASHED;
      return {
        isSame: isPending ? null : isSameContent(model, asRecorded(known)),
        now: isPending ? '' : modelThenAndNow(model, known),
        value: checkpoint,
      };
    },
  });
};

const reopenModels = (
  context: EngineContext,
  models: readonly RecordedModel[],
  unconfirmed: string | null,
): Promise<RunModel[]> =>
  Promise.all(
    models.map(async (recorded) => ({
      name: recorded.name,
      checkpoint: await reopenModel(context, recorded, unconfirmed),
      recorded,
    })),
  );

/** Reopens the task of a recorded run; `unconfirmed` as for a model. */
export const reopenTask = (
  context: EngineContext,
  { path: recorded, hash }: RunManifest['tasks'][number],
  unconfirmed: string | null,
): Promise<Task> => {
  const path = actualPath(recorded, context.bundled.tasks);
  return findAgain(context, {
    what: 'task',
    path,
    hash,
    unconfirmed: [...context.bundled.tasks.values()].includes(path) ? null : unconfirmed,
    isGone: async (path) => !(await isFile(path)),
    open: async (path) => {
      const task = await context.task(path);
      return { isSame: task.hash === hash, now: contentThenAndNow(hash, task.hash), value: task };
    },
  });
};

/**
 * Reopens the models and tasks of a recorded run: refuses those that have changed and finds moved ones at remembered
 * paths. `unconfirmed` as for a model.
 */
export const reopenSubjects = async (
  context: EngineContext,
  manifest: RunManifest,
  unconfirmed: string | null,
): Promise<{ models: RunModel[]; tasks: RunTask[] }> => ({
  models: await reopenModels(context, manifest.models, unconfirmed),
  tasks: await Promise.all(
    manifest.tasks.map(async (task) => ({ name: task.name, task: await reopenTask(context, task, unconfirmed) })),
  ),
});

/** Opens the candidates of a request. Refuses those that cannot be paired with its model. */
export const openCandidates = async (
  context: EngineContext,
  { candidates }: Pick<SweepRequest, 'candidates'>,
  models: readonly RunModel[],
  tasks: readonly RunTask[],
): Promise<RunModel[]> => {
  const [model] = models;
  if (candidates.length === 0 || model === undefined) return [];
  enforce(candidatesOfSeveral(models.length, candidates.length));
  if (new Set(candidates.map(({ name }) => name)).size < candidates.length)
    throw refuse('candidate-name', 'Two candidates have the same name.', 'Give each a different name.');
  const opened = await Promise.all(
    candidates.map(async ({ name, folder }): Promise<RunModel> => ({
      name,
      checkpoint: await context.checkpoint(context.handles.resolve(folder)),
    })),
  );
  for (const candidate of opened) await checkCandidate(model.checkpoint, candidate, tasks);
  return opened;
};

export const candidatesToRecord = (
  context: EngineContext,
  candidates: readonly RunModel[],
): z.infer<typeof recordedCandidates> => ({
  candidates: candidates.map((candidate) => recordOf(context, candidate)),
});

/** Reopens the candidates of a recorded sweep. Refuses those that have changed; `unconfirmed` as for a model. */
export const reopenCandidates = async (
  context: EngineContext,
  manifest: RunManifest,
  unconfirmed: string | null,
): Promise<RunModel[]> => reopenModels(context, recordedSpec(manifest, recordedCandidates).candidates, unconfirmed);

/** A run's models beside those of its manifest's list: the candidates of a sweep, the teacher of a training. */
const furtherModels = z.looseObject({
  candidates: boundedList(recordedModel).optional().catch(undefined),
  teacher: recordedModel.nullable().optional().catch(undefined),
});

/**
 * Hashes the models of a run before its work begins, and returns the parts of its manifest that name them, with their
 * hashes. On file systems whose times do not tell of every change they are hashed anew.
 *
 * @throws WorkbenchError refused: `changed-since` where the manifest has another hash; failed: `model-changed`;
 * CancelledError.
 */
export const identifyModels = async (
  { bundled }: Pick<EngineContext, 'bundled'>,
  sources: readonly Checkpoint[],
  { models, spec }: Pick<RunManifest, 'models' | 'spec'>,
  control: Parameters<typeof identify>[1],
): Promise<Pick<RunManifest, 'models' | 'spec'>> => {
  for (const checkpoint of sources) await identify(checkpoint, { ...control, anew: true });
  const withHashes = (model: RecordedModel): RecordedModel => {
    const path = actualPath(model.path, bundled.models);
    const found =
      sources.find(({ folder }) => folder === path) ??
      sources.find((checkpoint) => isSameContent(model, asRecorded(checkpoint.content.required)));
    if (found === undefined) return model;
    const now = found.content.required;
    if (model.fingerprint !== UNHASHED && !isSameContent(model, asRecorded(now)))
      throw changedSince(path, 'model', modelThenAndNow(model, now));
    return { ...model, ...asRecorded(now) };
  };
  const { candidates, teacher } = furtherModels.parse(spec);
  return {
    models: models.map(withHashes),
    spec: {
      ...spec,
      ...(candidates === undefined ? {} : { candidates: candidates.map(withHashes) }),
      ...(teacher === undefined || teacher === null ? {} : { teacher: withHashes(teacher) }),
    },
  };
};

/** Hashes the models of a run whose turn has come, writes their hashes into its manifest, and lets its work begin. */
export const withModelsKnown = async (
  context: EngineContext,
  run: RunToCarryOut,
  carryOut: CarryOut,
): Promise<JobResult> => {
  const { manifest, job, meter, signal, recordModels } = run;
  const describe = (text: string): void => meter.describe(text);
  const isNew = job.sources.some(({ content }) => content.known === null);
  const known = await identifyModels(context, job.sources, manifest, { signal, describe });
  // The list shows their hashes now.
  if (isNew) context.emit({ type: 'models.changed' });
  const record = async (before: RunManifest, changes: Pick<RunManifest, 'models' | 'spec'>): Promise<RunManifest> => {
    const { models, spec } = before;
    if (recordModels === undefined || isDeepStrictEqual(changes, { models, spec })) return before;
    // A mark is for one content, so it is made again; a run of others that the user confirmed gets none.
    if (await context.bindings.isBound(before)) await bindRun(context, { ...before, ...changes });
    return recordModels(changes);
  };
  const begun = await record(manifest, known);
  const result = await carryOut({ ...run, manifest: begun });
  // The work compared them, where a Python is configured.
  const models = await Promise.all(
    begun.models.map(async (model) => {
      const check = model.sha256 === undefined ? null : await context.checks.find(model.sha256);
      return check === null ? model : { ...model, transformers: check };
    }),
  );
  await record(begun, { models, spec: begun.spec });
  return result;
};

/** Refuses to give a plan for a candidate's point: its experts are those of its own folder. */
export const refuseCandidatePlan = (manifest: RunManifest, method: string): void => {
  const found = recordedSpec(manifest, recordedCandidates).candidates.find(({ name }) => name === method);
  if (found !== undefined)
    throw refuse(
      'no-plan',
      `${method} is a separate checkpoint (${found.path}): no plan made it.`,
      'Open that folder as a model.',
    );
};
