import { refuse } from '../../contract/errors.ts';
import type { TaskItem } from '../../contract/task.ts';
import { describeLeftOut, hashTask, leaveOutTestTexts } from '../items.ts';
import type { PromptTurns, TaskTurns } from '../few-shot.ts';
import { turnsOf } from '../load-task-folder.ts';
import { KIND_WORDS, kindOf, profiledText, type Task } from '../task.ts';
import { splitItems } from './split-items.ts';

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
    `${path} has ${String(calibration.length)} calibration items of its own.`,
    'Use it unchanged.',
  );
};

const at = <T>(list: readonly T[], positions: readonly number[]): readonly T[] =>
  positions.flatMap((position) => list.slice(position, position + 1));

const percent = (share: number): string => `${String(Number((share * 100).toFixed(2)))} %`;

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
  description: [base.description, note].filter((sentence) => sentence !== '').join(' '),
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
      `${String(drawn.length)} of ${String(base.test.length)} items (${percent(source.share)} asked for) are drawn ` +
      `with seed ${String(source.seed)} for calibration and not tested.`;
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
  const from = `Calibration items: ${String(kept.length)} of ${source.name}.`;
  const note = [from, source.note ?? '', describeLeftOut(leftOut)].filter((sentence) => sentence !== '').join(' ');
  return {
    task: assembled(base, { ...splits, turns: bothTurns(calibrationTurns, turns, splits) }, note),
    leftOut,
    groups: null,
  };
};
