import { refuse } from '../contract/errors.ts';
import { MAX_ITEMS, type DataRow } from './data-row.ts';
import { readTextFile } from './read-text-file.ts';

/** An item longer than this would not fit any model's positions. */
const MAX_LINE_CHARACTERS = 4 * 2 ** 20;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The objects of a JSONL file, one a line (blank lines do not count). `expected` tells, in refusals, what a line should
 * be. Refuses, naming file and line: lines that are too long, no JSON or no object, and more than a million of them.
 */
export const readJsonLines = async (file: string, expected: string, parse: (line: string) => unknown = JSON.parse): Promise<readonly DataRow[]> => {
  const rows: DataRow[] = [];
  for (const [index, line] of (await readTextFile(file)).split('\n').entries()) {
    if (line.trim() === '') continue;
    const place = `${file}, line ${String(index + 1)}`;
    if (line.length > MAX_LINE_CHARACTERS) {
      throw refuse('bad-item', `${place}: ${String(line.length)} characters long (limit ${String(MAX_LINE_CHARACTERS)}).`, 'Shorten the item.');
    }
    let values: unknown;
    try {
      values = parse(line);
    } catch (cause) {
      throw refuse('bad-item', `${place}: not JSON (${cause instanceof Error ? cause.message : String(cause)}).`, expected, cause);
    }
    if (!isObject(values)) throw refuse('bad-item', `${place}: not an object.`, expected);
    rows.push({ place, values });
    if (rows.length > MAX_ITEMS) throw refuse('task-too-large', `${file} has more than ${String(MAX_ITEMS)} items.`, 'Split the task into several.');
  }
  return rows;
};
