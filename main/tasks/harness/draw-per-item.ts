import { refuse } from '../../contract/errors.ts';
import { MAX_EXAMPLES, type FewShot } from '../few-shot.ts';
import { pythonRandom } from '../python/python-random.ts';

/** Where the examples of each item come from. */
export interface ExamplePool<T> {
  /** The documents of the few-shot split, in their order. */
  readonly documents: readonly T[];
  /** Whether items are documents of this very split: one more is drawn then, and the item itself left out. */
  readonly holdsItems: boolean;
  readonly isSame: (one: T, other: T) => boolean;
  /** File and split, for refusals. */
  readonly location: string;
}

/**
 * Examples for every item, as lm-evaluation-harness 0.4.13 draws them (api/samplers.py): one generator
 * `random.Random(seed)`, one sample an item in the order of the items. Where fewer than `count` are left without the
 * item (the split holds it several times), it draws again from all that differ. `order: 'first'` takes the first ones.
 *
 * Refuses more examples than the split can give.
 */
export const drawPerItem = <T>(
  items: readonly T[],
  pool: ExamplePool<T>,
  { count, seed, order }: FewShot,
): readonly (readonly T[])[] => {
  const { documents, holdsItems, isSame, location } = pool;
  if (count === 0) return items.map(() => []);
  const needed = holdsItems ? count + 1 : count;
  if (count > MAX_EXAMPLES)
    throw refuse(
      'bad-task',
      `${location}: ${String(count)} few-shot examples are asked for (limit ${String(MAX_EXAMPLES)}).`,
      'Ask for fewer.',
    );
  if (needed > documents.length) {
    throw refuse(
      'bad-task',
      `${location}: ${String(count)} few-shot examples are asked ` +
        `for${holdsItems ? ' beside the item itself' : ''}, and their split has ${String(documents.length)} items.`,
      'Ask for fewer, or give the split more items.',
    );
  }
  const random = pythonRandom(seed);
  const others = (item: T): readonly T[] => documents.filter((document) => !isSame(document, item));
  return items.map((item) => {
    if (order === 'first') return (holdsItems ? others(item) : documents).slice(0, count);
    const drawn = random.sample(documents, needed);
    if (!holdsItems) return drawn;
    const kept = drawn.filter((document) => !isSame(document, item)).slice(0, count);
    if (kept.length === count) return kept;
    const rest = others(item);
    if (rest.length < count)
      throw refuse(
        'bad-task',
        `${location}: ${String(count)} few-shot examples are asked for, and only ${String(rest.length)} differ ` +
          `from an item.`,
        'Ask for fewer.',
      );
    return random.sample(rest, count);
  });
};
