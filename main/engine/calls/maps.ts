import { join } from 'node:path';
import { WorkbenchError } from '../../contract/errors.ts';
import { PLAN_FILE } from '../../contract/export.ts';
import { isMergePlan, type Plan } from '../../contract/plan.ts';
import { readTextIfThere } from '../../files/regular-file.ts';
import { MAX_PLAN_CHARACTERS, readPlan } from '../../pruning/read-plan.ts';
import { profiledHash } from '../../tasks/kept-facts.ts';
import type { Answers, EngineContext } from '../engine-context.ts';
import { openRunTasks } from '../run-subjects.ts';
import { askableTasks, fileOfProfile } from './profiles.ts';

/** The plan in an exported folder; null if it contains no readable one. */
const carriedPlan = async (folder: string): Promise<Plan | null> => {
  const file = join(folder, PLAN_FILE);
  try {
    const text = await readTextIfThere(file, { mostBytes: 4 * MAX_PLAN_CHARACTERS });
    return text === null ? null : readPlan(text, file);
  } catch (error) {
    // A folder with a foreign plan file is still a model, just not a known copy.
    const isNone = ['plan-unreadable', 'file-too-large', 'not-a-file'];
    if (error instanceof WorkbenchError && isNone.includes(error.code)) return null;
    throw error;
  }
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
    const plan = await carriedPlan(path);
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

type MapCall = 'models.pruned' | 'profile.likeness';

/** Orders of experts for maps, and the copies that a map can be compared with. */
export const mapCalls = (context: EngineContext): Pick<Answers, MapCall> => ({
  'models.pruned': async ({ model }) => {
    const opened = await shelfModel(context, context.handles.resolve(model));
    if (opened === null) return { copies: [], source: null };
    const remembered = (await context.workspace.library.list('models')).map(({ path }) => path);
    const paths = new Set([...context.bundled.models.values(), ...remembered]);
    const shelf = (await Promise.all([...paths].map((path) => shelfModel(context, path)))).flatMap(
      (entry) => entry ?? [],
    );
    const source = shelf.find(({ fingerprint }) => fingerprint === opened.from?.fingerprint);
    return {
      copies: shelf.flatMap(({ path, from }) =>
        from?.fingerprint === opened.fingerprint
          ? [{ model: context.handles.issue(path), standsFor: from.standsFor }]
          : [],
      ),
      source:
        source === undefined || opened.from === null
          ? null
          : { model: context.handles.issue(source.path), standsFor: opened.from.standsFor },
    };
  },
  'profile.likeness': async ({ model, task, chat }, signal) => {
    const checkpoint = await context.checkpoint(context.handles.resolve(model));
    const [asked] = await askableTasks(context, checkpoint, await openRunTasks(context, [task]), chat);
    const profile = asked === undefined ? null : await fileOfProfile(context, checkpoint, profiledHash(asked.task));
    return { order: profile === null ? null : await context.reader.read({ read: 'likeness', profile }, signal) };
  },
});
