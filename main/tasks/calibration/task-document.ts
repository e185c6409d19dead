import { basename, dirname, extname, join, resolve } from 'node:path';
import { z } from 'zod';
import {
  calibrationAt,
  recordedCalibration,
  type RecordedCalibration,
  type WritingRule,
} from '../../contract/calibration.ts';
import { assertNever, refuse } from '../../contract/errors.ts';
import { contentHash } from '../../files/checksums.ts';
import { makeFolder } from '../../files/file-errors.ts';
import { parseForm } from '../../files/parse-json.ts';
import { readTextIfThere } from '../../files/regular-file.ts';
import { writeFileAtomically } from '../../files/write-atomically.ts';
import type { TaskItem } from '../../contract/task.ts';
import { describedBy, isWrittenItem, KIND_WORDS, kindOf, profiledText, type Task } from '../task.ts';
import { type CalibratedTask, type CalibrationSource, withCalibration } from './calibrated-task.ts';
import { seededRandom } from '../../statistics/random.ts';
import type { PromptTurns } from '../few-shot.ts';
import { turnsOf } from '../load-task-folder.ts';

/** One source of a mix. */
interface MixPart {
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
  const totals = lengths.map((groupLengths) => groupLengths.reduce((sum, length) => sum + length, 0));
  const scale = parts.reduce((least, { weight }, index) => Math.min(least, (totals[index] ?? 0) / weight), Infinity);
  const taken = parts.map(({ items, weight, path }, index) => {
    const wanted = scale * weight;
    let characters = 0;
    const positions: number[] = [];
    for (const position of seededRandom(seed).shuffle(items.map((_, index) => index))) {
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
      const calibrationItem = { ...item, id: `${basename(path, extname(path))}:${item.id}` };
      return [{ item: calibrationItem, turns: (turns ?? turnsOf(items, []))[position] }];
    }),
  );
  const shares = taken.map(
    ({ path, positions, characters }) =>
      `${basename(path)} ${((100 * characters) / Math.max(1, all)).toFixed(1)} % (${positions.length} items)`,
  );
  return {
    items: chosen.map(({ item }) => item),
    turns: hasTurns ? chosen.flatMap(({ turns }) => turns ?? []) : null,
    note: `Mixed by characters: ${shares.join(', ')}, for the weights ${parts.map(({ weight }) => weight).join(':')}.`,
  };
};

/** Suffix of files that name the calibration items for a file of test items. */
export const DOCUMENT_SUFFIX = '.task.json';

/** A document has a few paths and numbers. */
const MAX_DOCUMENT_BYTES = 65_536;

const FORMAT = 'uncurl-task';

const taskDocument = z.object({
  format: z.literal(FORMAT),
  version: z.literal(1),
  /** File or folder of test items; like every path here absolute or relative to the document's folder. */
  items: z.string().min(1).max(4096),
  calibration: recordedCalibration,
});

/** Content of a task document, with its paths unresolved. */
export type TaskDocument = Pick<z.infer<typeof taskDocument>, 'items' | 'calibration'>;

export const isTaskDocument = (path: string): boolean => path.toLowerCase().endsWith(DOCUMENT_SUFFIX);

/** Reads a task document; refuses other files, naming file and key. */
export const readTaskDocument = async (file: string): Promise<TaskDocument> => {
  const text = await readTextIfThere(file, { mostBytes: MAX_DOCUMENT_BYTES });
  if (text === null) throw refuse('missing-task', `${file} does not exist.`, 'Open the file of its items again.');
  return parseForm(text, taskDocument, {
    whole: 'document',
    notJson: (reason, cause) =>
      refuse('bad-task', `${file} is not JSON (${reason}).`, 'Open the file of its items again.', cause),
    otherForm: (issue) =>
      refuse(
        'bad-task',
        `${file}: ${issue}.`,
        `It is {"format": "${FORMAT}", "version": 1, "items": FILE, "calibration": {"from": "split", "share": 0.2, ` +
          '"seed": 0}}, or "from" is "file" or "task" with a path of that name.',
      ),
  });
};

/**
 * The document with absolute paths; `named` resolves names without a path (bundled tasks) and returns other paths
 * unchanged.
 */
export const resolvedDocument = (
  file: string,
  { items, calibration }: TaskDocument,
  named: (path: string) => string,
): TaskDocument => {
  const resolved = (path: string): string => resolve(dirname(file), named(path));
  return {
    items: resolved(items),
    calibration: calibrationAt(calibration, resolved),
  };
};

/** Files and folders, beside the document itself, from which its task is read. */
export const pathsOf = ({ items, calibration }: TaskDocument): readonly string[] => {
  switch (calibration.from) {
    case 'split':
      return [items];
    case 'file':
      return [items, calibration.file];
    case 'task':
      return [items, calibration.task];
    case 'mix':
      return [items, ...calibration.parts.map(({ path }) => path)];
    default:
      return assertNever(calibration);
  }
};

/** The task's name: that of the file of items. */
export const nameOfItems = (items: string): string => basename(items, extname(items));

/**
 * Writes the document of a choice into `folder`, under a name derived from items and choice, so that equal choices
 * share a file; returns its path.
 */
export const writeTaskDocument = async (
  folder: string,
  document: { readonly items: string; readonly calibration: RecordedCalibration },
  temporaryFolder: string,
): Promise<string> => {
  const whole = { format: FORMAT, version: 1, ...document };
  const hash = contentHash(whole).slice(0, 12);
  const file = join(folder, `${nameOfItems(document.items)}-${hash}${DOCUMENT_SUFFIX}`);
  await makeFolder(folder);
  await writeFileAtomically(file, `${JSON.stringify(whole, null, 2)}\n`, temporaryFolder);
  return file;
};

/** Reads a task of any other form. */
type Load = (path: string) => Promise<Task>;

/** Reads the calibration items of a choice with absolute paths. */
const sourceOf = async (
  calibration: RecordedCalibration,
  tested: readonly TaskItem[],
  load: Load,
): Promise<CalibrationSource> => {
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
    case 'mix': {
      const texts = new Set(tested.map(profiledText));
      const parts = await Promise.all(
        calibration.parts.map(async ({ path, weight }): Promise<MixPart> => {
          const task = await load(path);
          const split = task.calibration.length > 0 ? 'calibration' : 'test';
          const turns = task.turns?.[split] ?? null;
          const kept = task[split].flatMap((item, index) => (texts.has(profiledText(item)) ? [] : [index]));
          if (kept.length === 0)
            throw refuse('no-calibration', `${path} has no items that are not tested.`, 'Leave it out of the mix.');
          const at = <T>(list: readonly T[]): T[] => kept.flatMap((index) => list.slice(index, index + 1));
          return { path, weight, items: at(task[split]), turns: turns === null ? null : at(turns) };
        }),
      );
      const { items, turns, note } = mixItems(parts, calibration.seed);
      return { from: 'items', name: parts.map(({ path }) => path).join(' and '), items, turns, note };
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
  const source = await sourceOf(calibration, base.test, load);
  const { writing } = calibration;
  if (writing === undefined) return withCalibration(base, source);
  const stops = writing.until.map((stop) => JSON.stringify(stop)).join(' or ');
  const note = `Answers end at ${stops}, or after ${writing.maxNewTokens} tokens.`;
  const description = describedBy(base.description, note);
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
