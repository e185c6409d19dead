import { basename, extname } from 'node:path';
import { refuse } from '../../contract/errors.ts';
import type { TaskItem } from '../../contract/task.ts';
import { seededRandom } from '../../statistics/random.ts';
import type { PromptTurns } from '../few-shot.ts';
import { turnsOf } from '../load-task-folder.ts';
import { KIND_WORDS, kindOf, profiledText } from '../task.ts';

/** One source of a mix. */
export interface MixPart {
  readonly path: string;
  readonly weight: number;
  readonly items: readonly TaskItem[];
  /** Null: every item is one text. */
  readonly turns: readonly PromptTurns[] | null;
}

interface MixedItems {
  readonly items: readonly TaskItem[];
  readonly turns: readonly PromptTurns[] | null;
  /** What was taken of each source. */
  readonly note: string;
}

const charactersOf = (item: TaskItem): number => Array.from(profiledText(item)).length;

/**
 * Mixes sources so that their texts have the lengths of their weights, as far as whole items allow: the source that is
 * shortest for its weight is taken whole, and others up to their part, drawn by the seed. Characters stand for tokens,
 * whose number depends on the model. Refuses sources of several kinds of items.
 */
export const mixItems = (parts: readonly MixPart[], seed: number): MixedItems => {
  const [first] = parts.flatMap(({ items }) => items);
  const other = parts.find(({ items }) => items.some((item) => first !== undefined && kindOf(item) !== kindOf(first)));
  if (first !== undefined && other !== undefined)
    throw refuse(
      'metric-does-not-fit',
      `${other.path} has other items than the rest of the mix, which are ${KIND_WORDS[kindOf(first)]}s.`,
      'Mix sources of one kind of items.',
    );
  const lengths = parts.map(({ items }) => items.map(charactersOf));
  const totals = lengths.map((own) => own.reduce((sum, length) => sum + length, 0));
  const scale = parts.reduce((least, { weight }, index) => Math.min(least, (totals[index] ?? 0) / weight), Infinity);
  const taken = parts.map(({ items, weight, path }, index) => {
    const wanted = scale * weight;
    let characters = 0;
    const positions: number[] = [];
    for (const position of seededRandom(seed).shuffle(items.map((_, own) => own))) {
      const length = lengths[index]?.[position] ?? 0;
      // Half an item more or less is nearer to the weight than none.
      if (positions.length > 0 && characters + length / 2 > wanted) continue;
      positions.push(position);
      characters += length;
    }
    return { path, positions: positions.sort((a, b) => a - b), characters };
  });
  const all = taken.reduce((sum, { characters }) => sum + characters, 0);
  const hasTurns = parts.some(({ turns }) => turns !== null);
  const chosen = parts.flatMap(({ items, turns, path }, index) =>
    (taken[index]?.positions ?? []).flatMap((position) => {
      const item = items[position];
      if (item === undefined) return [];
      // Ids of one file may be those of another.
      const own = { ...item, id: `${basename(path, extname(path))}:${item.id}` };
      return [{ item: own, turns: (turns ?? turnsOf(items, []))[position] }];
    }),
  );
  const shares = taken.map(
    ({ path, positions, characters }) =>
      `${basename(path)} ${((100 * characters) / Math.max(1, all)).toFixed(1)} % (${String(positions.length)} items)`,
  );
  return {
    items: chosen.map(({ item }) => item),
    turns: hasTurns ? chosen.flatMap(({ turns }) => turns ?? []) : null,
    note: `Mixed by characters: ${shares.join(', ')}, for the weights ${parts.map(({ weight }) => weight).join(':')}.`,
  };
};
