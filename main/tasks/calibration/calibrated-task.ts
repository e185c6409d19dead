import { refuse } from '../../contract/errors.ts';
import type { TaskItem } from '../../contract/task.ts';
import { describeLeftOut, hashTask, leaveOutTestTexts } from '../items.ts';
import type { PromptTurns, TaskTurns } from '../few-shot.ts';
import { turnsOf } from '../load-task-folder.ts';
import { describedBy, isChoiceItem, KIND_WORDS, kindOf, profiledText, type Task } from '../task.ts';
import { seededRandom } from '../../statistics/random.ts';

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
  return [...Map.groupBy(items.keys(), leaderOf).values()];
};

interface SplitPositions {
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
      `${location} cannot be split: its ${items.length} ` +
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

/** Source of calibration items, once read. */
export type CalibrationSource =
  | { readonly from: 'split'; readonly share: number; readonly seed: number }
  /** `items`: the test items of a file, or the calibration items of another task; `name` is shown to the user. */
  | {
      readonly from: 'items';
      readonly name: string;
      readonly items: readonly TaskItem[];
      readonly turns: Turns;
      /** How they were chosen, for the task's description. */
      readonly note?: string;
    };

/** Null: every item is one text, which a chat receives as a single user turn. */
type Turns = readonly PromptTurns[] | null;

export interface CalibratedTask {
  readonly task: Task;
  readonly leftOut: number;
  readonly groups: number | null;
}

/** Refuses a task with its own calibration items: replacing them would make another task. */
export const requireNoCalibration = ({ calibration, path }: Task): void => {
  if (calibration.length === 0) return;
  throw refuse(
    'has-calibration',
    `${path} has ${calibration.length} calibration items of its own.`,
    'Use it unchanged.',
  );
};

const at = <T>(list: readonly T[], positions: readonly number[]): readonly T[] =>
  positions.flatMap((position) => list.slice(position, position + 1));

const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;

const bothTurns = (calibration: Turns, test: Turns, task: Pick<Task, 'calibration' | 'test'>): TaskTurns | null =>
  calibration === null && test === null
    ? null
    : { calibration: calibration ?? turnsOf(task.calibration, []), test: test ?? turnsOf(task.test, []) };

/** Renames calibration items whose id a test item has too, since ids name items in tables. */
const withOwnIds = (items: readonly TaskItem[], test: readonly TaskItem[]): readonly TaskItem[] => {
  const taken = new Set(test.map(({ id }) => id));
  return items.map((item) => (taken.has(item.id) ? { ...item, id: `calibration:${item.id}` } : item));
};

const assembled = (base: Task, splits: Pick<Task, 'calibration' | 'test' | 'turns'>, note: string): Task => ({
  ...base,
  ...splits,
  description: describedBy(base.description, note),
  hash: hashTask(base.metric, splits.calibration, splits.test, base.judging?.rule),
});

/**
 * Adds calibration items to a task that has test items only: a share of its own items, or those of another source
 * without items that are also tested. The hash covers the result, so another choice is another task.
 *
 * @throws WorkbenchError `has-calibration`, `cannot-split`, `metric-does-not-fit`, `shared-splits`.
 */
export const withCalibration = (base: Task, source: CalibrationSource): CalibratedTask => {
  requireNoCalibration(base);
  const turns = base.turns?.test ?? null;
  if (source.from === 'split') {
    const { calibration: drawn, test: kept, groups } = splitItems(base.test, source, base.path);
    const splits = { calibration: at(base.test, drawn), test: at(base.test, kept) };
    const splitTurns = turns === null ? null : { calibration: at(turns, drawn), test: at(turns, kept) };
    const note =
      `${drawn.length} of ${base.test.length} items (${percent(source.share)} asked for) are drawn ` +
      `with seed ${source.seed} for calibration and not tested.`;
    return { task: assembled(base, { ...splits, turns: splitTurns }, note), leftOut: 0, groups };
  }
  const [first] = source.items;
  const [tested] = base.test;
  if (first !== undefined && tested !== undefined && kindOf(first) !== kindOf(tested))
    throw refuse(
      'metric-does-not-fit',
      `${source.name} contains ${KIND_WORDS[kindOf(first)]}s, but ${base.path} ${KIND_WORDS[kindOf(tested)]}s.`,
      'Take calibration items of the same kind.',
    );
  const numbered = (items: readonly TaskItem[]) => items.map((item, position) => ({ item, position }));
  const { kept, leftOut } = leaveOutTestTexts(numbered(source.items), numbered(base.test), ({ item }) =>
    profiledText(item),
  );
  if (kept.length === 0)
    throw refuse(
      'shared-splits',
      `${source.name} has no item whose text is not tested in ${base.path}.`,
      'Take calibration items that are not tested.',
    );
  const splits = {
    calibration: withOwnIds(
      kept.map(({ item }) => item),
      base.test,
    ),
    test: base.test,
  };
  const other = source.turns;
  const calibrationTurns =
    other === null
      ? null
      : at(
          other,
          kept.map(({ position }) => position),
        );
  const from = `Calibration items: ${kept.length} of ${source.name}.`;
  const note = describedBy(from, source.note ?? '', describeLeftOut(leftOut));
  return {
    task: assembled(base, { ...splits, turns: bothTurns(calibrationTurns, turns, splits) }, note),
    leftOut,
    groups: null,
  };
};
