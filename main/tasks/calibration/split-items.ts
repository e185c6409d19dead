import { refuse } from '../../contract/errors.ts';
import type { TaskItem } from '../../contract/task.ts';
import { seededRandom } from '../../statistics/random.ts';
import { isChoiceItem, profiledText } from '../task.ts';

/** Items that must stay on one side, by their positions in the file. */
type Bundle = readonly number[];

/** Keys that bundle an item with others: its group and its text (a profile must not read the text of a test item). */
const tiesOf = (item: TaskItem): readonly string[] => {
  const text = `text\0${profiledText(item)}`;
  return isChoiceItem(item) && item.group !== undefined ? [`group\0${item.group}`, text] : [text];
};

/**
 * Bundles items with the same group or the same text, transitively, in the order of their first items. Returns their
 * positions.
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
    // Path compression: a million items of one group would make the path long.
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
  /** Positions of the calibration items and of the test items, each in file order. */
  readonly calibration: readonly number[];
  readonly test: readonly number[];
  /** Number of bundles; null if every item is on its own. */
  readonly groups: number | null;
}

/**
 * Draws `share` of the items for calibration, reproducibly for the same items, share and seed. Bundles (one group, one
 * text) are never cut: they are taken in a drawn order while they fit in the share, or else the smallest one. Refuses
 * items that cannot be divided; `location` names them.
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
        `${items.length === 1 ? 'item belongs' : 'items belong'} together (one group or one text).`,
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
