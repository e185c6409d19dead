import { refuse, WorkbenchError } from '../contract/errors.ts';
import { hasMoreLinesOfBytes } from '../files/count-lines.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { openParquet } from '../files/parquet-reader.ts';
import { explainReadError, readRegularFile } from '../files/regular-file.ts';
import { type DataRow, EXPECTED_ITEM, itemOfRow, MAX_ITEMS } from './items.ts';
import type { TaskItem } from '../contract/task.ts';
import { DEFAULT_STOP, type StopRule } from './generation/stop-rule.ts';
import { KIND_WORDS, kindOf } from './task.ts';

/** The whole file becomes one string, and V8's strings are limited to 512 MiB. */
const MAX_FILE_BYTES = 256 * 2 ** 20;

/** A million items, with up to three other lines each. */
const MAX_LINES = 4_000_000;
/** Reads a UTF-8 file without its byte order mark. Refuses files that are missing, larger than 256 MiB or not UTF-8. */
export const readTextFile = async (file: string): Promise<string> => {
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(file, { mostBytes: MAX_FILE_BYTES });
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === 'file-too-large')
      throw refuse('task-too-large', error.message, 'Split the task into several.', error);
    throw explainReadError(error, file);
  }
  if (hasMoreLinesOfBytes(bytes, MAX_LINES))
    throw refuse(
      'task-too-large',
      `${file} has more than ${MAX_LINES} lines.`,
      'Split the task into several, or remove empty lines.',
    );
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refuse('bad-encoding', `${file} is not UTF-8.`, 'Save it as UTF-8.', cause);
  }
};

/** An item longer than this would not fit any model's positions. */
const MAX_LINE_CHARACTERS = 4 * 2 ** 20;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads the objects of a JSONL file, one per line, ignoring blank lines. `expected` describes a valid line in errors.
 * Refuses, naming file and line, lines that are too long or not a JSON object, and more than a million of them.
 */
export const readJsonLines = async (file: string, expected: string): Promise<readonly DataRow[]> => {
  const lines = (await readTextFile(file)).split('\n');
  // Before any is parsed: a million objects take far more memory than their lines.
  let items = 0;
  for (const line of lines) if (line.trim() !== '') items += 1;
  if (items > MAX_ITEMS)
    throw refuse('task-too-large', `${file} has more than ${MAX_ITEMS} items.`, 'Split the task into several.');
  const rows: DataRow[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const location = `${file}, line ${index + 1}`;
    if (line.length > MAX_LINE_CHARACTERS) {
      throw refuse(
        'bad-item',
        `${location}: ${line.length} characters long (limit ${MAX_LINE_CHARACTERS}).`,
        'Shorten the item.',
      );
    }
    let values: unknown;
    try {
      values = parseForeignJson(line);
    } catch (cause) {
      throw refuse(
        'bad-item',
        `${location}: not JSON (${cause instanceof Error ? cause.message : String(cause)}).`,
        expected,
        cause,
      );
    }
    if (!isObject(values)) throw refuse('bad-item', `${location}: not an object.`, expected);
    rows.push({ location, values });
  }
  return rows;
};

/** Rows are held in memory as objects. */
const MAX_UNCOMPRESSED_BYTES = 2 ** 30;

/**
 * Reads the rows of a Parquet file (uncompressed, snappy, gzip or brotli). Refuses, naming the file: damaged files,
 * other formats and compressions, more than a million rows or 1 GiB of data, and files that cannot be read in time.
 */
export const readParquetRows = async (file: string, answerMs?: number): Promise<readonly DataRow[]> => {
  const limits = { mostRows: MAX_ITEMS, mostBytes: MAX_UNCOMPRESSED_BYTES };
  const reader = await openParquet(file, answerMs === undefined ? limits : { ...limits, answerMs });
  try {
    const objects = await reader.rows(0, reader.facts.rows);
    return objects.map((values, index) => ({ location: `${file}, row ${index + 1}`, values }));
  } finally {
    await reader.close();
  }
};

/**
 * Reads the items of a JSONL or Parquet file. Refuses, naming file, line or row, and id: invalid items, answers outside
 * their choices, duplicate ids, a mix of kinds, and a file without items. `stop` is the rule for written items.
 */
export const readItems = async (file: string, stop: StopRule = DEFAULT_STOP): Promise<readonly TaskItem[]> => {
  const isParquet = file.endsWith('.parquet');
  const rows = isParquet ? (await readParquetRows(file)).map(itemColumns) : await readJsonLines(file, EXPECTED_ITEM);
  const items: TaskItem[] = [];
  const seen = new Map<string, string>();
  for (const { location, values } of rows) {
    const item = itemOfRow(values, location, stop);
    const before = seen.get(item.id);
    if (before !== undefined) {
      throw refuse(
        'duplicate-id',
        `${location}: id "${item.id}" was already used in ${before}.`,
        'Give every item a different id.',
      );
    }
    seen.set(item.id, location.slice(file.length + 2));
    const first = items[0];
    if (first !== undefined && kindOf(first) !== kindOf(item)) {
      throw refuse(
        'mixed-items',
        `${location} (id "${item.id}"): a ${KIND_WORDS[kindOf(item)]} after a ${KIND_WORDS[kindOf(first)]}.`,
        'Give each kind of items a file of its own.',
      );
    }
    items.push(item);
  }
  if (items.length === 0) throw refuse('empty-task', `${file} contains no items.`, EXPECTED_ITEM);
  return items;
};

/** Parquet has integers as bigints, and null in every column that a row does not use. */
const itemColumns = ({ location, values }: DataRow): DataRow => {
  const used = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  return {
    location,
    values: Object.fromEntries(used.map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value])),
  };
};
