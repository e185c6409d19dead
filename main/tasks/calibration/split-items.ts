import { refuse } from '../../contract/errors.ts';
import type { TaskItem } from '../../contract/task.ts';
import { seededRandom } from '../../statistics/random.ts';
import { isChoiceItem, profiledText } from '../task.ts';

/** Items that must stay on one side, by their positions in the order of the file. */
type Bundle = readonly number[];

/** What holds an item to others: its group, and its text, which a profile must not read of a test item. */
const tiesOf = (item: TaskItem): readonly string[] => {
  const text = `text\0${profiledText(item)}`;
  return isChoiceItem(item) && item.group !== undefined ? [`group\0${item.group}`, text] : [text];
};

/**
 * Positions of items in bundles: those of one group and those of one text stand together, also where a third one holds
 * two of them together. In the order of their first items.
 */
export const bundlesOf = (items: readonly TaskItem[]): readonly Bundle[] => {
  const leader = items.map((_, position) => position);
  const leaderOf = (position: number): number => {
    let at = position;
    while (leader[at] !== at) at = leader[at] ?? at;
    return at;
  };
  const firstWith = new Map<string, number>();
  items.forEach((item, position) => {
    for (const tie of tiesOf(item)) {
      const first = firstWith.get(tie);
      if (first === undefined) firstWith.set(tie, position);
      else {
        const [low, high] = [leaderOf(first), leaderOf(position)].sort((a, b) => a - b);
        if (low !== undefined && high !== undefined) leader[high] = low;
      }
    }
    // The way to the leader is kept short: a million items of one group would make it long.
    leader[position] = leaderOf(position);
  });
  const bundles = new Map<number, number[]>();
  items.forEach((_, position) => {
    const at = leaderOf(position);
    const known = bundles.get(at);
    if (known === undefined) bundles.set(at, [position]);
    else known.push(position);
  });
  return [...bundles.values()];
};

export interface SplitPositions {
  /** Positions of the calibration items and of the test items, each in the order of the file. */
  readonly calibration: readonly number[];
  readonly test: readonly number[];
  /** How many bundles there are; null where every item stands alone. */
  readonly groups: number | null;
}

/**
 * Draws `share` of the items for calibration, the same for the same items, share and seed on every machine. Bundles
 * (one group, one text) are never cut: they are taken in a drawn order as long as they fit in the share, and the
 * smallest one where none fits. Refuses items that cannot be divided, at `location`.
 */
export const splitItems = (
  items: readonly TaskItem[],
  { share, seed }: { readonly share: number; readonly seed: number },
  location: string,
): SplitPositions => {
  const bundles = bundlesOf(items);
  if (bundles.length < 2)
    throw refuse(
      'cannot-split',
      `${location} cannot be split: its ${String(items.length)} ` +
        `${items.length === 1 ? 'item stands' : 'items stand'} together (one group or one text).`,
      'Give a second file with calibration items, or take those of another task.',
    );
  const wanted = Math.min(items.length - 1, Math.max(1, Math.round(share * items.length)));
  const drawn = seededRandom(seed).shuffle(bundles);
  const taken = new Set<number>();
  for (const bundle of drawn) {
    if (taken.size + bundle.length > wanted) continue;
    for (const position of bundle) taken.add(position);
  }
  if (taken.size === 0) {
    const smallest = drawn.reduce((least, bundle) => (bundle.length < least.length ? bundle : least));
    for (const position of smallest) taken.add(position);
  }
  const positions = items.map((_, position) => position);
  return {
    calibration: positions.filter((position) => taken.has(position)),
    test: positions.filter((position) => !taken.has(position)),
    groups: bundles.length === items.length ? null : bundles.length,
  };
};
