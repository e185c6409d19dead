import type { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { recordedCandidates, type SweepRequest } from '../contract/sweep.ts';
import type { RunModel, RunTask } from '../jobs/job-context.ts';
import { checkCandidate } from '../jobs/sweep-folders.ts';
import { recordedSpec } from '../runs/recorded-spec.ts';
import { recordedPath } from '../workspace/library.ts';
import type { EngineContext } from './engine-context.ts';
import { reopenModel } from './run-subjects.ts';

/** Opens the candidates of a request. Refuses those that cannot be paired with its model. */
export const openCandidates = async (
  context: EngineContext,
  { candidates }: Pick<SweepRequest, 'candidates'>,
  models: readonly RunModel[],
  tasks: readonly RunTask[],
): Promise<RunModel[]> => {
  const [model] = models;
  if (candidates.length === 0 || model === undefined) return [];
  if (models.length > 1)
    throw refuse(
      'bad-usage',
      `Candidates are paired with one model, but ${String(models.length)} are named.`,
      'Sweep one model at a time.',
    );
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

/** The candidates as recorded in a manifest. */
export const candidatesToRecord = (
  context: EngineContext,
  candidates: readonly RunModel[],
): z.infer<typeof recordedCandidates> => ({
  candidates: candidates.map(({ name, checkpoint }) => ({
    name,
    path: recordedPath(checkpoint.folder, context.bundled.models),
    fingerprint: checkpoint.fingerprint,
  })),
});

/** Reopens the candidates of a recorded sweep. Refuses those that have changed; `unconfirmed` as for a model. */
export const reopenCandidates = async (
  context: EngineContext,
  manifest: RunManifest,
  unconfirmed: string | null,
): Promise<RunModel[]> =>
  Promise.all(
    recordedSpec(manifest, recordedCandidates).candidates.map(async (entry) => ({
      name: entry.name,
      checkpoint: await reopenModel(context, entry, unconfirmed),
    })),
  );

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
