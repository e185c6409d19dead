import { z } from 'zod';
import { type DamageDocument, damageSettings, type ExpertDamage } from '../../../main/contract/damage.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';

/** Only the newest runs are searched; single experts from older ones are quickly measured again. */
const MOST_RUNS = 24;

const specOf = z.object(damageSettings.shape);

/** Finished runs, newest first, that measured experts of this layer on this task with the current prompt settings. */
export const damageRuns = (
  runs: readonly RunManifest[],
  model: Pick<ModelEntry, 'fingerprint'>,
  task: Pick<TaskEntry, 'hash'>,
  layer: number,
  chat: boolean,
): readonly RunManifest[] =>
  runs
    .filter(({ kind, state, models, tasks, spec }) => {
      const known = specOf.safeParse(spec);
      return (
        kind === 'damage' &&
        state === 'done' &&
        known.success &&
        known.data.layer === layer &&
        (known.data.chat ?? false) === chat &&
        models.some(({ fingerprint }) => fingerprint === model.fingerprint) &&
        tasks.some(({ hash }) => hash === task.hash)
      );
    })
    .sort((left, right) => right.createdAt.localeCompare(left.createdAt))
    .slice(0, MOST_RUNS);

/** The damage of a layer's experts by number; earlier documents take precedence. */
export const knownDamage = (documents: readonly DamageDocument[]): ReadonlyMap<number, ExpertDamage> => {
  const known = new Map<number, ExpertDamage>();
  for (const { results } of documents)
    for (const result of results) if (!known.has(result.expert)) known.set(result.expert, result);
  return known;
};
