import { basename, join, sep } from 'node:path';
import { expected, refuse, requireAsked, serialiseError, WorkbenchError } from '../../contract/errors.ts';
import { exportFormat } from '../../contract/export.ts';
import type { ModelEntry } from '../../contract/model.ts';
import { isMergePlan, type Plan } from '../../contract/plan.ts';
import type { RunManifest } from '../../contract/run.ts';
import { GGUF_FILE } from '../../export/gguf/gguf-file.ts';
import { carriedPlan } from '../../export/prepare-plan.ts';
import { isFile } from '../../files/file-errors.ts';
import { identify } from '../../jobs/source-gate.ts';
import { isGgufPath } from '../../files/list-folder.ts';
import { modelPathOf } from '../../checkpoint/published.ts';
import { modelsInCache } from '../../hub/hub-cache.ts';
import { hubSettings } from '../../hub/hub-settings.ts';
import { runKinds } from '../../contract/run-kinds.ts';
import { type LibraryEntry, recordedPath } from '../../workspace/library.ts';
import { changedSinceRun, thenAndNow } from '../changed-since.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { forget } from '../forget.ts';

/** Whether a model folder was removed or emptied. */
export const isModelGone = async (path: string): Promise<boolean> =>
  !(await isFile(isGgufPath(path) ? path : join(path, 'config.json')));

/** A folder's entry in the list; it says so if the folder is gone or cannot be opened. */
const entryOf = async (
  context: EngineContext,
  { path, hash }: LibraryEntry,
  runs: readonly RunManifest[],
): Promise<ModelEntry> => {
  const bundled = [...context.bundled.models.values()].includes(path);
  const common = { handle: context.handles.issue(path), path, bundled };
  const unusable = { ...common, name: basename(path), fingerprint: null, info: null };
  if (await isModelGone(path)) {
    return {
      ...unusable,
      error: `Moved or deleted: ${path}. Locate it, or forget it.`,
      missing: { fingerprint: hash },
    };
  }
  try {
    const { name, content, info } = await context.checkpoint(path);
    const entry = { ...common, name, info, error: null };
    const { known } = content;
    // A large model is hashed by the first run that stores a number of it.
    if (known === null) return { ...entry, fingerprint: null };
    const { fingerprint, identity: sha256 } = known;
    const changed = changedSinceRun(runs, 'models', recordedPath(path, context.bundled.models), {
      fingerprint,
      sha256,
    });
    return { ...entry, fingerprint, sha256, ...(changed === undefined ? {} : { changed }) };
  } catch (error) {
    const { message, remedy } = serialiseError(error);
    return { ...unusable, error: `${message} ${remedy}` };
  }
};

/** The header hash that distinguishes a moved model from another one. */
const rememberedHash = ({ path, hash }: LibraryEntry): string => {
  if (hash !== null) return hash;
  throw refuse(
    'never-seen',
    `It is unknown which model was at ${path}: its header hash was never recorded.`,
    'Open the new folder as another model, and forget this one.',
  );
};

/** For each remaining expert, the source expert that it is or was aligned to; constants keep every position. */
const standsFor = (plan: Plan, experts: number): readonly (readonly number[])[] => {
  if (isMergePlan(plan)) return plan.groups.map((groups) => groups.map(({ reference }) => reference));
  return plan.constants === undefined
    ? plan.kept
    : plan.kept.map(() => Array.from({ length: experts }, (_, expert) => expert));
};

interface ShelfModel {
  readonly path: string;
  readonly fingerprint: string;
  /** Fingerprint of the source model and the source expert of each expert; null: not a known copy. */
  readonly from: { readonly fingerprint: string; readonly standsFor: number[][] } | null;
}

const shelfModel = async (context: EngineContext, path: string): Promise<ShelfModel | null> => {
  try {
    const { content, info } = await context.checkpoint(path);
    if (content.known === null) return null;
    const { fingerprint } = content.known;
    // A folder with a foreign plan file is still a model, just not a known copy.
    const foreign = ['plan-unreadable', 'file-too-large', 'not-a-file'];
    const plan = await carriedPlan(path).catch(expected(() => null, foreign));
    const source = plan?.model?.fingerprint;
    if (plan === null || source === undefined) return { path, fingerprint, from: null };
    const stands = standsFor(plan, plan.experts ?? info.experts).map((layer) => [...layer]);
    const fits = stands.length === info.moeLayers && stands.every((layer) => layer.length === info.experts);
    return { path, fingerprint, from: fits ? { fingerprint: source, standsFor: stands } : null };
  } catch (error) {
    // A model that cannot be opened says so in the list, and is nobody's copy.
    if (error instanceof WorkbenchError) return null;
    throw error;
  }
};

export const modelCalls = (context: EngineContext): AnswersTo<'models'> => {
  const { workspace, handles, bundled } = context;
  const bundledPaths = new Set(bundled.models.values());
  const entryNow = async (path: string, hash: string | null): Promise<ModelEntry> =>
    entryOf(context, { path, hash }, await workspace.runs.list());
  const opened = async (path: string, signal: AbortSignal): Promise<ModelEntry> => {
    const { content } = await context.checkpoint(path);
    const fingerprint = content.known?.fingerprint ?? null;
    requireAsked(signal);
    if (!bundledPaths.has(path) && (await workspace.library.add('models', path, fingerprint)))
      context.emit({ type: 'models.changed' });
    return entryNow(path, fingerprint);
  };
  return {
    'models.list': async () => {
      const [library, runs] = await Promise.all([workspace.library.list('models'), workspace.runs.list()]);
      const remembered = library.filter(({ path }) => !bundledPaths.has(path));
      const shipped = [...bundledPaths].map((path) => ({ path, hash: null }));
      const entries = await Promise.all([...shipped, ...remembered].map((entry) => entryOf(context, entry, runs)));
      const seen = entries.flatMap(({ path, fingerprint, bundled: ships }) =>
        fingerprint === null || ships ? [] : [{ path, hash: fingerprint }],
      );
      await workspace.library.see('models', seen);
      return entries;
    },
    'models.cached': async () => {
      const { cache } = hubSettings();
      // A page that may browse some folders only is not shown what lies in others.
      const isShown =
        context.roots.length === 0 || context.roots.some((root) => cache === root || cache.startsWith(root + sep));
      const [paths, runs] = await Promise.all([isShown ? modelsInCache(cache) : [], workspace.runs.list()]);
      return Promise.all(paths.map((path) => entryOf(context, { path, hash: null }, runs)));
    },
    'models.open': async ({ handle }, signal) => opened(await modelPathOf(handles.resolve(handle)), signal),
    'models.openMade': async ({ run }, signal) => {
      const manifest = await workspace.runs.read(run);
      const { kind, state, output } = manifest;
      if (runKinds[kind].makesModel !== true || state !== 'done' || output === null)
        throw refuse(
          'nothing-made',
          `${run} is ${runKinds[kind].words} (${state}) and made no model.`,
          'Choose a finished export, training or download.',
        );
      if (!(await context.bindings.isBound(manifest)))
        throw refuse(
          'made-elsewhere',
          `${run} was not made here, so the output that it names (${output}) is not opened.`,
          'Open that folder as a model.',
        );
      const model = manifest.spec['format'] === exportFormat.enum.gguf ? join(output, GGUF_FILE) : output;
      if (await isModelGone(model))
        throw refuse('model-gone', `${output} no longer contains a model.`, 'Open it at its present path.');
      return opened(model, signal);
    },
    'models.forget': ({ handle }) => forget(context, 'models', handles.resolve(handle)),
    'models.locate': async ({ handle, at }, signal) => {
      const [from, to] = [handles.resolve(handle), handles.resolve(at)];
      const entry = (await workspace.library.list('models')).find(({ path }) => path === from);
      if (entry === undefined)
        throw refuse('not-remembered', `${from} is not among the remembered models.`, 'Open the folder as a model.');
      const then = rememberedHash(entry);
      const { fingerprint: now } = await identify(await context.checkpoint(to), { signal });
      if (now !== then) {
        throw refuse(
          'another-model',
          `${to} contains another model than ${from} did (${thenAndNow(then, now)}).`,
          'Choose the folder that it was moved to, or open this one as another model.',
        );
      }
      requireAsked(signal);
      if (bundledPaths.has(to)) await workspace.library.remove('models', from);
      else await workspace.library.move('models', from, to, now);
      context.emit({ type: 'models.changed' });
      return entryNow(to, now);
    },
    /** The copies that a map of experts can be compared with. */
    'models.pruned': async ({ model }) => {
      const opened = await shelfModel(context, handles.resolve(model));
      if (opened === null) return { copies: [], source: null };
      const remembered = (await workspace.library.list('models')).map(({ path }) => path);
      const paths = new Set([...bundled.models.values(), ...remembered]);
      const shelf = (await Promise.all([...paths].map((path) => shelfModel(context, path)))).flatMap(
        (entry) => entry ?? [],
      );
      const source = shelf.find(({ fingerprint }) => fingerprint === opened.from?.fingerprint);
      return {
        copies: shelf.flatMap(({ path, from }) =>
          from?.fingerprint === opened.fingerprint ? [{ model: handles.issue(path), standsFor: from.standsFor }] : [],
        ),
        source:
          source === undefined || opened.from === null
            ? null
            : { model: handles.issue(source.path), standsFor: opened.from.standsFor },
      };
    },
  };
};
