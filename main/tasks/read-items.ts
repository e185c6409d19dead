import { refuse } from '../contract/errors.ts';
import type { TaskItem } from '../contract/task.ts';
import { DEFAULT_STOP, type StopRule } from './generation/stop-rule.ts';
import { type DataRow, EXPECTED_ITEM, itemOfRow } from './items.ts';
import { readJsonLines, readParquetRows } from './read-rows.ts';
import { KIND_WORDS, kindOf } from './task.ts';

/**
 * Reads the items of a JSONL or Parquet file. Refuses, naming file, line or row, and id: invalid items, answers outside
 * their choices, duplicate ids, a mix of kinds, and a file without items. `stop` is the rule for written items.
 */
export const readItems = async (file: string, stop: StopRule = DEFAULT_STOP): Promise<readonly TaskItem[]> => {
  const isParquet = file.endsWith('.parquet');
  const rows = isParquet
    ? (await readParquetRows(file)).rows.map(itemColumns)
    : await readJsonLines(file, EXPECTED_ITEM);
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
