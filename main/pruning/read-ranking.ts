import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { MAX_PLAN_CHARACTERS } from './read-plan.ts';

/** Experts of every MoE layer, the best first. */
export type Ranking = readonly (readonly number[])[];

const expertList = z.array(z.number().int().nonnegative());
const byName = z.record(z.string().regex(/^\d+$/), expertList);
const lists = z.union([z.array(expertList), byName]);
const rankingFile = z.union([lists, z.object({ ranking: lists }).transform(({ ranking }) => ranking)]);

/**
 * A ranking from its JSON text: `{"0": [3, 1, ...], "1": [...]}` or a list of lists, the best expert first, one per MoE
 * layer (counted from 0, dense layers left out). Experts that are not named rank last, by index. `where` names the
 * source in messages.
 *
 * @throws WorkbenchError `ranking-unreadable`, or `ranking-invalid` naming layer and expert.
 */
export const readRanking = (
  text: string,
  where: string,
  target: { readonly moeLayers: number; readonly experts: number },
): Ranking => {
  if (text.length > MAX_PLAN_CHARACTERS)
    throw unreadable(where, `it has ${text.length} characters and at most ${MAX_PLAN_CHARACTERS} are read`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw unreadable(where, `it is no JSON (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
  const parsed = rankingFile.safeParse(json);
  if (!parsed.success) throw unreadable(where, 'it holds no lists of experts by layer', parsed.error);
  const content = parsed.data;
  const ranked = Array.isArray(content) ? content : inOrder(content, target.moeLayers, where);
  if (ranked.length !== target.moeLayers) {
    throw invalid(where, `names ${ranked.length} layers; the model has ${target.moeLayers} MoE layers`);
  }
  return ranked.map((list, layer) => complete(list, layer, target.experts, where));
};

const inOrder = (
  named: Readonly<Record<string, readonly number[]>>,
  layers: number,
  where: string,
): (readonly number[])[] =>
  Array.from({ length: Math.max(layers, Object.keys(named).length) }, (_, layer) => {
    const list = named[String(layer)];
    if (list === undefined) {
      throw invalid(
        where,
        `has no layer ${layer}: MoE layers are numbered 0 to ${layers - 1} without gaps (dense layers do not count)`,
      );
    }
    return list;
  });

const complete = (list: readonly number[], layer: number, experts: number, where: string): number[] => {
  const seen = new Set<number>();
  for (const expert of list) {
    if (expert >= experts)
      throw invalid(where, `names expert ${expert} in layer ${layer}; experts are numbered 0 to ${experts - 1}`);
    if (seen.has(expert)) throw invalid(where, `names expert ${expert} twice in layer ${layer}`);
    seen.add(expert);
  }
  return [...list, ...Array.from({ length: experts }, (_, expert) => expert).filter((expert) => !seen.has(expert))];
};

/** Scores that rank as the lists do, [L][E]. */
export const rankingScores = (ranking: Ranking): Float64Array[] =>
  ranking.map((list) => {
    const scores = new Float64Array(list.length);
    list.forEach((expert, place) => (scores[expert] = list.length - place));
    return scores;
  });

const unreadable = (where: string, why: string, cause?: unknown): Error =>
  refuse(
    'ranking-unreadable',
    `The ranking in ${where} cannot be read: ${why}.`,
    'Write {"0": [experts, best first], "1": [...]}.',
    cause,
  );

const invalid = (where: string, what: string): Error =>
  refuse('ranking-invalid', `The ranking in ${where} ${what}.`, 'Name each expert of each MoE layer at most once.');
