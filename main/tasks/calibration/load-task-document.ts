import type { RecordedCalibration, WritingRule } from '../../contract/calibration.ts';
import { assertNever, refuse } from '../../contract/errors.ts';
import type { TaskItem } from '../../contract/task.ts';
import { isWrittenItem, type Task } from '../task.ts';
import { type CalibrationSource, type CalibratedTask, withCalibration } from './calibrated-task.ts';
import { isTaskDocument, resolvedDocument, readTaskDocument } from './task-document.ts';

/** Reads a task of any other form. */
type Load = (path: string) => Promise<Task>;

/** Reads the calibration items of a choice with absolute paths. */
const sourceOf = async (calibration: RecordedCalibration, load: Load): Promise<CalibrationSource> => {
  switch (calibration.from) {
    case 'split':
      return calibration;
    case 'file': {
      const { calibration: first, test, turns = null } = await load(calibration.file);
      return {
        from: 'items',
        name: calibration.file,
        items: [...first, ...test],
        turns: turns === null ? null : [...turns.calibration, ...turns.test],
      };
    }
    case 'task': {
      const task = await load(calibration.task);
      if (task.calibration.length === 0)
        throw refuse(
          'no-calibration',
          `${calibration.task} has no calibration items to take.`,
          'Name a task that has some, or use its items as a second file.',
        );
      return { from: 'items', name: task.name, items: task.calibration, turns: task.turns?.calibration ?? null };
    }
    default:
      return assertNever(calibration);
  }
};

/** Written items with another rule for where their texts end. */
const withRule = (items: readonly TaskItem[], { until, maxNewTokens }: WritingRule, source: string): TaskItem[] =>
  items.map((item) => {
    if (isWrittenItem(item)) return { ...item, until, maxNewTokens };
    throw refuse(
      'metric-does-not-fit',
      `${source}: item "${item.id}" is not answered by writing, so no stop strings or new tokens apply.`,
      'Leave them out.',
    );
  });

/** Gives a task of test items the calibration items, and rule for written answers, of a choice (absolute paths). */
export const calibrate = async (base: Task, calibration: RecordedCalibration, load: Load): Promise<CalibratedTask> => {
  const source = await sourceOf(calibration, load);
  const { writing } = calibration;
  if (writing === undefined) return withCalibration(base, source);
  const stops = writing.until.map((stop) => JSON.stringify(stop)).join(' or ');
  const note = `Answers end at ${stops}, or after ${String(writing.maxNewTokens)} tokens.`;
  const description = [base.description, note].filter((sentence) => sentence !== '').join(' ');
  return withCalibration(
    { ...base, description, test: withRule(base.test, writing, base.path) },
    source.from === 'split' ? source : { ...source, items: withRule(source.items, writing, source.name) },
  );
};

/** Loads the task that a document describes. Its items must be in a file, not in another document. */
export const loadTaskDocument = async (file: string, named: (path: string) => string, load: Load): Promise<Task> => {
  const { items, calibration } = resolvedDocument(file, await readTaskDocument(file), named);
  if (isTaskDocument(items))
    throw refuse('bad-task', `${file}: "items" names another task document.`, 'Name the file of the items themselves.');
  const { task } = await calibrate(await load(items), calibration, load);
  return { ...task, path: file };
};
