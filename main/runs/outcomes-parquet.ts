import { constants, zstdCompressSync } from 'node:zlib';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import {
  byFidelityField,
  fidelityFields,
  type ItemFidelity,
  type ItemOutcome,
  tokenClasses,
} from '../contract/outcome.ts';
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

const text = (name: string, isOptional = false): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: isOptional ? 'OPTIONAL' : 'REQUIRED',
});
const integer = (name: string, isOptional = false): SchemaElement => ({
  name,
  type: 'INT32',
  repetition_type: isOptional ? 'OPTIONAL' : 'REQUIRED',
});
const double = (name: string, isOptional = false): SchemaElement => ({
  name,
  type: 'DOUBLE',
  repetition_type: isOptional ? 'OPTIONAL' : 'REQUIRED',
});
const boolean = (name: string): SchemaElement => ({ name, type: 'BOOLEAN', repetition_type: 'OPTIONAL' });
const list = (name: string, type: 'DOUBLE' | 'INT32'): readonly SchemaElement[] => [
  { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', type, repetition_type: 'REQUIRED' },
];

/** Columns that only some kinds of items fill are null for the others. */
const COLUMNS: readonly SchemaElement[] = [
  text('run'),
  text('model'),
  text('task'),
  text('method'),
  integer('seed', true),
  double('factor'),
  double('kept'),
  text('item'),
  integer('answer', true),
  ...list('also_right', 'INT32'),
  integer('chosen', true),
  integer('chosen_norm', true),
  boolean('correct'),
  boolean('correct_norm'),
  double('logprob', true),
  ...list('logprobs', 'DOUBLE'),
  integer('tokens', true),
  integer('truncated_tokens', true),
  { ...text('item_group'), repetition_type: 'OPTIONAL' },
  text('written', true),
  text('filtered', true),
  text('stopped', true),
  integer('loop_token', true),
  integer('loop_character', true),
  integer('loop_period', true),
  ...Object.values(fidelityFields).map(({ column, isCount }) => (isCount ? integer : double)(column, true)),
  ...list('class_positions', 'DOUBLE'),
  ...list('class_kl', 'DOUBLE'),
  ...list('class_changed', 'DOUBLE'),
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

const fidelityCells = ({ fidelity }: ItemOutcome): OutcomeRow =>
  fidelity === undefined
    ? {}
    : {
        ...Object.fromEntries(
          Object.values(byFidelityField((name) => [fidelityFields[name].column, fidelity[name]] as const)),
        ),
        ...(fidelity.classes === undefined ? {} : classCells(fidelity.classes)),
      };

/** One entry for each of `tokenClasses`, in their order. */
const classCells = (classes: NonNullable<ItemFidelity['classes']>): OutcomeRow => {
  const ofClasses = tokenClasses.map((name) => classes[name]);
  return {
    class_positions: ofClasses.map((entry) => entry?.positions ?? 0),
    class_kl: ofClasses.map((entry) => entry?.kl ?? 0),
    class_changed: ofClasses.map((entry) => entry?.changed ?? 0),
  };
};

const rowsOf = ({ outcomes, ...candidate }: OutcomeBlock): readonly OutcomeRow[] =>
  outcomes.map((outcome): OutcomeRow => {
    const common = { ...candidate, item: outcome.id };
    if (outcome.kind === 'text')
      return { ...common, logprob: outcome.logprob, tokens: outcome.tokens, ...fidelityCells(outcome) };
    if (outcome.kind === 'written') {
      const { text: written, filtered, correct, tokens, stopped, loop, truncatedTokens, group } = outcome;
      const judged = { ...common, written, filtered, correct, tokens, stopped, truncated_tokens: truncatedTokens };
      const answer = { ...judged, item_group: group, ...fidelityCells(outcome) };
      // -1: whether there is one is not known. Nothing: there is none.
      if (loop === undefined) return { ...answer, loop_token: -1 };
      return loop === null
        ? answer
        : { ...answer, loop_token: loop.token, loop_character: loop.character, loop_period: loop.period };
    }
    const { answer, alsoRight, chosen, chosenNorm, logprobs, truncatedTokens, group } = outcome;
    return {
      ...common,
      answer,
      also_right: alsoRight,
      chosen,
      chosen_norm: chosenNorm,
      correct: isRightChoice(outcome, chosen),
      correct_norm: isRightChoice(outcome, chosenNorm),
      logprobs,
      truncated_tokens: truncatedTokens,
      item_group: group,
      ...fidelityCells(outcome),
    };
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
