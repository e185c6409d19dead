import { dirname, isAbsolute, join, normalize, sep } from 'node:path';
import { refuse } from '../../contract/errors.ts';
import { type DataRow, MAX_ITEMS } from '../items.ts';
import { Decimal, type PythonDict, pythonValue, type PythonValue, withDecimals } from '../python/python-value.ts';
import { readJsonLines, readParquetRows } from '../read-rows.ts';
import type { HarnessConfig } from './harness-config.ts';
import { parseForeignJson } from '../../files/parse-json.ts';

/** Private key that marks a decimal number during JSON.parse; it begins with a Unicode noncharacter. */
const MARK = '\uFFFFdecimal';
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * JSON.parse that distinguishes 1.0 from 1, like Python's reader: numbers with a point or an exponent become Decimals.
 */
export const parseJsonWithDecimals = (text: string): unknown => {
  // Invalid JSON must fail with an error about the original text, not about the rewritten one.
  const plain = parseForeignJson(text);
  if (!/\d[.eE]/.test(text) || text.includes(MARK)) return plain;
  const marked = text.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || !/[.eE]/.test(token) ? token : `{${JSON.stringify(MARK)}:${token}}`,
  );
  return JSON.parse(marked, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || !(MARK in value)) return value;
    return new Decimal(Number(value[MARK]));
  });
};

/** A row as templates see it: every column of the split, None for missing values. */
export interface HarnessRow {
  readonly location: string;
  readonly values: PythonDict;
}

export interface HarnessSplit {
  readonly name: string;
  readonly rows: readonly HarnessRow[];
  readonly columns: ReadonlySet<string>;
}

/** Only files beside the YAML file (or in folders beside it) may be read. */
const pathBeside = (yamlFile: string, name: string): string => {
  const key = 'dataset_kwargs.data_files';
  if (name.includes('://'))
    throw refuse(
      'unsupported-task',
      `${yamlFile}: ${key}: ${name} is an address.`,
      'Download the file and put it beside the YAML file.',
    );
  if (/[*?[\]{}]/.test(name))
    throw refuse('unsupported-task', `${yamlFile}: ${key}: ${name} is a pattern.`, 'Name the files one by one.');
  const inside = normalize(name);
  if (isAbsolute(name) || inside === '..' || inside.startsWith(`..${sep}`))
    throw refuse(
      'unsupported-task',
      `${yamlFile}: ${key}: ${name} is not beside the YAML file.`,
      'Put the data into the folder of the YAML file.',
    );
  return join(dirname(yamlFile), inside);
};

const filesOf = (config: HarnessConfig, split: string, yamlFile: string): readonly string[] => {
  const files = config.dataset_kwargs.data_files;
  // Files without a split's name form the split "train", as in the datasets library.
  const named = typeof files === 'string' || Array.isArray(files) ? { train: files } : files;
  const found = new Map(Object.entries(named)).get(split);
  if (found === undefined)
    throw refuse(
      'bad-task',
      `${yamlFile}: the split "${split}" has no file under dataset_kwargs.data_files.`,
      `There are: ${Object.keys(named).join(', ')}.`,
    );
  return (typeof found === 'string' ? [found] : found).map((name) => pathBeside(yamlFile, name));
};

const readFileRows = async (
  file: string,
  format: HarnessConfig['dataset_path'],
): Promise<{ readonly rows: readonly DataRow[]; readonly decimalColumns: ReadonlySet<string> }> => {
  if (format === 'parquet') return readParquetRows(file);
  return {
    rows: await readJsonLines(file, 'Each line is one JSON object, the columns of a row.', parseJsonWithDecimals),
    decimalColumns: new Set(),
  };
};

interface RawSplit {
  readonly name: string;
  readonly rows: readonly HarnessRow[];
}

/**
 * Reads splits like the datasets library, with the same columns in all of them and one kind of number per column: if
 * one row has a float, the integers of that column become floats. Missing values are None.
 */
export const readHarnessSplits = async (
  config: HarnessConfig,
  names: readonly string[],
  yamlFile: string,
): Promise<ReadonlyMap<string, HarnessSplit>> => {
  const decimals = new Set<string>();
  const raw: RawSplit[] = [];
  for (const name of new Set(names)) {
    const rows: HarnessRow[] = [];
    for (const file of filesOf(config, name, yamlFile)) {
      const read = await readFileRows(file, config.dataset_path);
      for (const column of read.decimalColumns) decimals.add(column);
      for (const { location, values } of read.rows) rows.push({ location, values: rowValues(values) });
      if (rows.length > MAX_ITEMS)
        throw refuse(
          'task-too-large',
          `${yamlFile}: the split "${name}" has more than ${String(MAX_ITEMS)} rows.`,
          'Split the task into several.',
        );
    }
    if (rows.length === 0)
      throw refuse('empty-task', `${yamlFile}: the split "${name}" contains no rows.`, 'Give it at least one.');
    raw.push({ name, rows });
  }
  const columns = new Set<string>();
  for (const { values } of raw.flatMap(({ rows }) => rows)) {
    for (const [column, value] of values) {
      columns.add(column);
      if (value instanceof Decimal) decimals.add(column);
    }
  }
  const filled = ({ location, values }: HarnessRow): HarnessRow => {
    const whole = Array.from(columns, (column): readonly [string, PythonValue] => {
      const value = values.get(column) ?? null;
      return [column, decimals.has(column) ? withDecimals(value) : value];
    });
    return { location, values: new Map(whole) };
  };
  return new Map(raw.map(({ name, rows }) => [name, { name, rows: rows.map(filled), columns }]));
};

const rowValues = (values: DataRow['values']): PythonDict =>
  new Map(Object.entries(values).map(([name, value]) => [name, pythonValue(value)]));
