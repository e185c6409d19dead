import { constants, zstdCompressSync } from 'node:zlib';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import { type ItemOutcome, kindFields, outcomeFields, type ValueType } from '../contract/outcome.ts';
import { isRightChoice } from '../evaluation/right-choices.ts';

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number];

/** Outcomes of one candidate on one task. */
export interface OutcomeBlock {
  readonly run: string;
  readonly model: string;
  readonly task: string;
  readonly method: string;
  readonly seed: number | null;
  readonly factor: number;
  readonly kept: number;
  readonly outcomes: readonly ItemOutcome[];
}

/** Rows collected before a row group is written, which limits memory use. */
const ROWS_PER_GROUP = 65_536;

const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const;
/** Columns of values by their type; entries of lists are a column within others. */
const valueColumns: Readonly<
  Record<ValueType, Omit<SchemaElement, 'name'> & { readonly element?: 'DOUBLE' | 'INT32' }>
> = {
  whole: { type: 'INT32' },
  real: { type: 'DOUBLE' },
  truth: { type: 'BOOLEAN' },
  text,
  ending: text,
  wholes: { element: 'INT32' },
  reals: { element: 'DOUBLE' },
};
const column = (
  name: string,
  type: ValueType,
  repetition: SchemaElement['repetition_type'] = 'OPTIONAL',
): readonly SchemaElement[] => {
  const { element, ...own } = valueColumns[type];
  if (element === undefined) return [{ name, ...own, repetition_type: repetition }];
  return [
    { name, repetition_type: repetition, num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', type: element, repetition_type: 'REQUIRED' },
  ];
};

/** Columns that only some kinds of items fill are null for the others. */
const COLUMNS: readonly SchemaElement[] = [
  ...['run', 'model', 'task', 'method'].flatMap((name) => column(name, 'text', 'REQUIRED')),
  ...column('seed', 'whole'),
  ...['factor', 'kept'].flatMap((name) => column(name, 'real', 'REQUIRED')),
  ...column('item', 'text', 'REQUIRED'),
  ...Object.values(outcomeFields).flatMap(({ columns }) =>
    Object.entries<ValueType>(columns).flatMap(([name, type]) => column(name, type)),
  ),
];
const TOP_LEVEL = COLUMNS.filter(({ name }) => name !== 'list' && name !== 'element').map(({ name }) => name);

/**
 * Log-probabilities are sums of few float32 numbers, so the low bytes of their float64 are mostly zero: split by byte
 * they compress to two thirds, without loss.
 */
const BY_BYTE: ReadonlySet<string> = new Set(['logprob', 'logprobs']);

/** Zstandard makes the sample's file a seventh smaller than Snappy; pandas, Arrow and DuckDB read both. */
const ZSTD_LEVEL = 9;
const zstd = (bytes: Uint8Array): Uint8Array =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });

/** A row of the file, by column; missing values are null. */
export type OutcomeRow = Readonly<Record<string, unknown>>;

const rowsOf = ({ outcomes, ...candidate }: OutcomeBlock): readonly OutcomeRow[] =>
  outcomes.map((outcome): OutcomeRow => {
    const row: Record<string, unknown> = { ...candidate, item: outcome.id };
    const values: Readonly<Record<string, unknown>> = outcome;
    for (const [name, { toCells }] of kindFields[outcome.kind]) toCells(values[name], row);
    if (outcome.kind === 'choice') {
      row['correct'] = isRightChoice(outcome, outcome.chosen);
      row['correct_norm'] = isRightChoice(outcome, outcome.chosenNorm);
    }
    return row;
  });

/**
 * Writes every item's outcome as Parquet, one row per candidate and item. `logprobs` has one entry per choice
 * (`logprobs[answer]` for the right one, and those of `also_right` where several are), `logprob` belongs to a text as a
 * whole; `written` is the text that a model wrote, `filtered` the result of the task's filters. `scored_positions` to
 * `class_changed` are an item's `ItemFidelity`, classes in the order of `tokenClasses`.
 */
export const writeOutcomes = (file: string, blocks: AsyncIterable<OutcomeBlock>): Promise<void> => {
  const rows = async function* (): AsyncGenerator<readonly OutcomeRow[]> {
    for await (const block of blocks) yield rowsOf(block);
  };
  return writeOutcomeRows(file, rows());
};

/** Writes rows that are already made. */
export const writeOutcomeRows = async (file: string, parts: AsyncIterable<readonly OutcomeRow[]>): Promise<void> => {
  const schema: SchemaElement[] = [{ name: 'root', num_children: TOP_LEVEL.length }, ...COLUMNS];
  const parquet = new ParquetWriter({
    writer: fileWriter(file),
    schema,
    createdBy: 'uncurl-workbench',
    codec: 'ZSTD',
    compressors: { ZSTD: zstd },
  });
  let rows: OutcomeRow[] = [];
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return;
    const columnData = TOP_LEVEL.map((name) => ({
      name,
      data: rows.map((row) => row[name] ?? null),
      ...(BY_BYTE.has(name) ? { encoding: 'BYTE_STREAM_SPLIT' as const } : {}),
    }));
    await parquet.write({ columnData, rowGroupSize: rows.length });
    rows = [];
  };
  for await (const part of parts) {
    for (const row of part) {
      rows.push(row);
      if (rows.length >= ROWS_PER_GROUP) await flush();
    }
  }
  await flush();
  await parquet.finish();
};
