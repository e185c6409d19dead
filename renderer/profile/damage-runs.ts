import { z } from 'zod';
import { type DamageDocument, damageSettings, type ExpertDamage } from '../../main/contract/damage.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import { byNewest, type RunManifest } from '../../main/contract/run.ts';
import { isSameContent } from '../../main/contract/recorded.ts';
import type { TaskEntry } from '../../main/contract/task.ts';
import type { Cell } from '../charts/heatmap-geometry.ts';
import { useFacts } from '../engine/facts.ts';
import { useQueries } from '../engine/engine-context.tsx';
import { useChatOf } from '../plan/chat.tsx';

/** Only the newest runs are searched; single experts from older ones are quickly measured again. */
const MOST_RUNS = 24;

const specOf = z.object(damageSettings.shape);

/** Finished runs, newest first, that measured experts of this layer on this task with the current prompt settings. */
export const damageRuns = (
  runs: readonly RunManifest[],
  model: Pick<ModelEntry, 'fingerprint' | 'sha256'>,
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
        models.some((recorded) => isSameContent(recorded, model)) &&
        tasks.some(({ hash }) => hash === task.hash)
      );
    })
    .sort(byNewest)
    .slice(0, MOST_RUNS);

/** The damage of a layer's experts by number; earlier documents take precedence. */
export const knownDamage = (documents: readonly DamageDocument[]): ReadonlyMap<number, ExpertDamage> => {
  const known = new Map<number, ExpertDamage>();
  for (const { results } of documents)
    for (const result of results) if (!known.has(result.expert)) known.set(result.expert, result);
  return known;
};

/** Experts of an area that were removed one at a time, and the largest loss among them; null: none was. */
export const areaDamage = (
  cells: readonly Cell[],
  documents: readonly DamageDocument[],
): { readonly measured: number; readonly worst: ExpertDamage; readonly metric: DamageDocument['metric'] } | null => {
  const found = cells.flatMap(({ layer, expert }) => {
    const matchingDocuments = documents.filter((document) => document.layer === layer);
    return knownDamage(matchingDocuments).get(expert) ?? [];
  });
  const [first, ...others] = found;
  const metric = documents[0]?.metric;
  if (first === undefined || metric === undefined) return null;
  // A perplexity rises where an accuracy falls.
  const loss = ({ difference }: ExpertDamage): number => (metric === 'perplexity' ? difference : -difference);
  const worst = others.reduce((most, other) => (loss(other) > loss(most) ? other : most), first);
  return { measured: found.length, worst, metric };
};

/** What was measured of the experts of some layers, with the current prompt settings. */
export const useDamage = (
  model: ModelEntry | null,
  task: TaskEntry | null,
  layers: readonly number[],
): readonly DamageDocument[] => {
  const { runs } = useFacts();
  const isChat = useChatOf(model) === true;
  const measured = layers.flatMap((layer) =>
    model === null || task === null ? [] : damageRuns(runs, model, task, layer, isChat),
  );
  const inputs = measured.map(({ id }) => ({ run: id }));
  return useQueries('damage.read', inputs).flatMap(({ data }) => data ?? []);
};
