import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { readParquet } from '../../integration/read-parquet.ts';
import { type OutcomeRow, writeOutcomeRows } from '../../../main/runs/outcomes-parquet.ts';

/** One edit of one field in one of a run's files. `at` and `how` choose among the positions and the kinds of edits. */
export interface Edit {
  readonly file: 'results.json' | 'outcomes.parquet' | 'experiment.json';
  readonly at: number;
  readonly how: number;
}

export const anyEdit = (...files: readonly Edit['file'][]): fc.Arbitrary<Edit> =>
  fc.record({
    file: fc.constantFrom(...files),
    at: fc.nat({ max: 2 ** 30 }),
    how: fc.nat({ max: 2 ** 30 }),
  });

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Another value of the same kind, so that the file still parses. */
const otherNumber = (value: number, how: number): number => {
  const ways = [value + 0.5, value === 0 ? 1 : -value, value * 1.01 + 0.001, 1e-9, 1, 0, value + 1];
  for (let way = 0; way < ways.length; way += 1) {
    const other = ways[(how + way) % ways.length] ?? 0;
    if (Math.abs(other - value) > 2e-3 * Math.max(1, Math.abs(value))) return other;
  }
  return value + 7;
};

const otherValue = (value: unknown, how: number): unknown => {
  if (typeof value === 'number') return otherNumber(value, how);
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string')
    return /^[01]+$/.test(value)
      ? value.replace(/./g, (bit, digit: number) => (digit === how % value.length ? (bit === '1' ? '0' : '1') : bit))
      : `${value}x`;
  return 1;
};

interface Leaf {
  readonly path: string;
  readonly set: (value: unknown) => void;
  readonly value: unknown;
}

const leavesOf = (value: unknown, path: string, found: Leaf[], set: Leaf['set']): void => {
  if (Array.isArray(value))
    value.forEach((one: unknown, index) =>
      leavesOf(one, path, found, (other) => {
        value[index] = other;
      }),
    );
  else if (typeof value === 'object' && value !== null)
    for (const name of Object.keys(value))
      leavesOf(Reflect.get(value, name), path === '' ? name : `${path}.${name}`, found, (other) => {
        Reflect.set(value, name, other);
      });
  else found.push({ path, set, value });
};

interface EditedText {
  /** Path of the field. */
  readonly path: string;
  readonly edited: string;
}

/** A JSON text with each of its leaves changed in turn, null as well; it stays JSON. `isWanted`: only of these paths. */
export const everyLeafEdit = function* (
  text: string,
  isWanted: (path: string) => boolean = () => true,
): Generator<EditedText> {
  const document = JSON.parse(text) as Json;
  const leaves: Leaf[] = [];
  leavesOf(document, '', leaves, () => undefined);
  for (const [index, { path, set, value }] of leaves.entries()) {
    if (!isWanted(path)) continue;
    set(otherValue(value, index));
    yield { path, edited: JSON.stringify(document) };
    set(value);
  }
};

/** One edit of each kind of field of a JSON text, the first of its path. */
export const everyEdit = (text: string): readonly EditedText[] => {
  const byPath = new Map<string, EditedText>();
  for (const edit of everyLeafEdit(text, (path) => !byPath.has(path))) byPath.set(edit.path, edit);
  return [...byPath.values()];
};

const editJson = async (file: string, { at, how }: Edit): Promise<string> => {
  const document = JSON.parse(await readFile(file, 'utf8')) as Json;
  const leaves: Leaf[] = [];
  leavesOf(document, '', leaves, () => undefined);
  // Kinds of fields first, so that rare ones are edited as often as those of every point.
  const paths = [...new Set(leaves.map(({ path }) => path))].sort();
  const path = paths[at % paths.length] ?? '';
  const own = leaves.filter((leaf) => leaf.path === path);
  const leaf = own[how % own.length];
  if (leaf === undefined) throw new Error('nothing to edit');
  leaf.set(otherValue(leaf.value, how));
  await writeFile(file, `${JSON.stringify(document, null, 1)}\n`);
  return path;
};

const rowsOf = async function* (rows: readonly OutcomeRow[]): AsyncGenerator<readonly OutcomeRow[]> {
  yield await Promise.resolve(rows);
};

/** Changes rows of an outcomes file, which stays readable. */
export const editOutcomes = async (
  file: string,
  change: (rows: readonly OutcomeRow[]) => readonly OutcomeRow[],
): Promise<void> => {
  const rows = change(await readParquet(file));
  await rm(file);
  await writeOutcomeRows(file, rowsOf(rows));
};

const editParquet = async (file: string, { at, how }: Edit): Promise<string> => {
  let edited = '';
  await editOutcomes(file, (rows) => {
    const rowIndex = at % rows.length;
    const row = { ...rows[rowIndex] };
    const columns = Object.keys(row).filter((name) => name !== 'run' && row[name] !== null && row[name] !== undefined);
    edited = columns[how % columns.length] ?? '';
    const value = row[edited];
    row[edited] = Array.isArray(value)
      ? value.map((one: unknown, index) => (index === how % value.length ? otherValue(one, how) : one))
      : edited === 'stopped'
        ? value === 'end'
          ? 'length'
          : 'end'
        : typeof value === 'number' && edited !== 'logprob' && edited !== 'factor' && edited !== 'kept'
          ? value + 1
          : otherValue(value, how);
    if (isDeepStrictEqual(row[edited], value)) throw new Error(`${edited} was not changed`);
    return rows.map((one, index) => (index === rowIndex ? row : one));
  });
  return edited;
};

/** Makes the edit in a run's folder; returns the path or column that it changed. */
export const makeEdit = (folder: string, edit: Edit): Promise<string> => {
  const file = join(folder, edit.file);
  return edit.file === 'outcomes.parquet' ? editParquet(file, edit) : editJson(file, edit);
};
