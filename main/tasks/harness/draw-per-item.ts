import { refuse } from '../../contract/errors.ts';
import { MAX_EXAMPLES, type FewShot } from '../few-shot.ts';
import { pythonRandom } from '../python/python-random.ts';

/** Source of the examples of each item. */
export interface ExamplePool<T> {
  /** The documents of the few-shot split, in order. */
  readonly documents: readonly T[];
  /** Whether the items are documents of this split: then one more is drawn and the item itself left out. */
  readonly holdsItems: boolean;
  readonly isSame: (one: T, other: T) => boolean;
  /** File and split, for error messages. */
  readonly location: string;
}

/**
 * Draws examples for every item as lm-evaluation-harness 0.4.13 does (api/samplers.py): one generator
 * `random.Random(seed)`, one sample per item in the order of the items. If fewer than `count` are left without the item
 * (the split contains it several times), it draws again from all documents that differ. `order: 'first'` takes the
 * first ones.
 *
 * Refuses more examples than the split has.
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
