import { readFile, stat } from 'node:fs/promises';
import { refuse } from '../contract/errors.ts';
import { choiceItem, textItem, type TaskItem } from '../contract/task.ts';
import { explainFileError, fileErrorCode } from '../workspace/file-errors.ts';

/** The whole file is held as one string, and V8's strings end at 512 MiB. */
const MAX_FILE_BYTES = 256 * 2 ** 20;
/** An item longer than this would not fit any model's positions. */
const MAX_LINE_CHARACTERS = 4 * 2 ** 20;
/** More items than any published benchmark; their outcomes must be held per candidate. */
const MAX_ITEMS = 1_000_000;
/** Every choice is a sequence of its own; published tasks have at most a few dozen. */
const MAX_CHOICES = 1_000;

const EXPECTED = 'Each line is {"id","context","choices":[...],"answer":0} or {"id","text"}.';

const parseItem = (line: string, place: string): TaskItem => {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw refuse('bad-item', `${place}: not JSON (${cause instanceof Error ? cause.message : String(cause)}).`, EXPECTED, cause);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw refuse('bad-item', `${place}: not an object.`, EXPECTED);
  }
  const named = 'id' in json && typeof json.id === 'string' ? `${place} (id "${json.id}")` : place;
  const isText = 'text' in json;
  if (isText && ('choices' in json || 'context' in json)) {
    throw refuse('bad-item', `${named}: has both a text and a context with choices.`, EXPECTED);
  }
  const parsed = (isText ? textItem : choiceItem).safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const what = issue === undefined ? 'not an item' : `${issue.path.join('.') || 'item'}: ${issue.message}`;
    throw refuse('bad-item', `${named}: ${what}.`, EXPECTED);
  }
  const item = parsed.data;
  if ('text' in item) return item;
  if (item.choices.length > MAX_CHOICES) {
    throw refuse('bad-item', `${named}: has ${String(item.choices.length)} choices (limit ${String(MAX_CHOICES)}).`, 'Leave some out.');
  }
  if (item.answer >= item.choices.length) {
    throw refuse(
      'bad-item',
      `${named}: answer ${String(item.answer)} is outside its ${String(item.choices.length)} choices.`,
      `The answer counts from 0 and must be at most ${String(item.choices.length - 1)}.`,
    );
  }
  const empty = item.choices.indexOf('');
  if (empty >= 0) {
    throw refuse('bad-item', `${named}: choice ${String(empty)} is empty, so it has no log-probability.`, 'Give every choice at least one character.');
  }
  return item;
};

const readText = async (file: string): Promise<string> => {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) {
      throw refuse('task-too-large', `${file} has ${String(size)} bytes (limit ${String(MAX_FILE_BYTES)}).`, 'Split the task into several.');
    }
    bytes = await readFile(file);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') throw refuse('missing-file', `${file} does not exist.`, 'Check the path.', error);
    throw explainFileError(error, file);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refuse('bad-encoding', `${file} is not UTF-8.`, 'Save it as UTF-8.', cause);
  }
};

/**
 * The items of a JSONL file, one a line (blank lines do not count). Refuses, naming file, line and id: lines that are no
 * item, answers outside their choices, a second use of an id, a file of both kinds, a file without items.
 */
export const readItems = async (file: string): Promise<readonly TaskItem[]> => {
  const lines = (await readText(file)).split('\n');
  const items: TaskItem[] = [];
  const seen = new Map<string, number>();
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const place = `${file}, line ${String(index + 1)}`;
    if (line.length > MAX_LINE_CHARACTERS) {
      throw refuse('bad-item', `${place}: ${String(line.length)} characters long (limit ${String(MAX_LINE_CHARACTERS)}).`, 'Shorten the item.');
    }
    const item = parseItem(line, place);
    const before = seen.get(item.id);
    if (before !== undefined) {
      throw refuse('duplicate-id', `${place}: id "${item.id}" was already used in line ${String(before)}.`, 'Give every item an id of its own.');
    }
    seen.set(item.id, index + 1);
    const first = items[0];
    if (first !== undefined && 'text' in first !== 'text' in item) {
      throw refuse('mixed-items', `${place} (id "${item.id}"): a ${'text' in item ? 'text' : 'multiple-choice item'} among items of the other kind.`, 'Make two tasks of them.');
    }
    items.push(item);
    if (items.length > MAX_ITEMS) throw refuse('task-too-large', `${file} has more than ${String(MAX_ITEMS)} items.`, 'Split the task into several.');
  }
  if (items.length === 0) throw refuse('empty-task', `${file} holds no items.`, EXPECTED);
  return items;
};
