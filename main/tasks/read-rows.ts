import { readFile, stat } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import {
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  type SchemaElement,
} from 'hyparquet';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { type DataRow, MAX_ITEMS } from './items.ts';

/** The whole file is held as one string, and V8's strings end at 512 MiB. */
const MAX_FILE_BYTES = 256 * 2 ** 20;

/**
 * A UTF-8 file as text, without a byte order mark. Refuses files that are missing, larger than 256 MiB or not UTF-8.
 */
export const readTextFile = async (file: string): Promise<string> => {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) {
      throw refuse(
        'task-too-large',
        `${file} has ${String(size)} bytes (limit ${String(MAX_FILE_BYTES)}).`,
        'Split the task into several.',
      );
    }
    bytes = await readFile(file);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT')
      throw refuse('missing-file', `${file} does not exist.`, 'Check the path.', error);
    throw explainFileError(error, file);
  }
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
 * The objects of a JSONL file, one a line (blank lines do not count). `expected` tells, in refusals, what a line should
 * be. Refuses, naming file and line: lines that are too long, no JSON or no object, and more than a million of them.
 */
export const readJsonLines = async (
  file: string,
  expected: string,
  parse: (line: string) => unknown = JSON.parse,
): Promise<readonly DataRow[]> => {
  const rows: DataRow[] = [];
  for (const [index, line] of (await readTextFile(file)).split('\n').entries()) {
    if (line.trim() === '') continue;
    const place = `${file}, line ${String(index + 1)}`;
    if (line.length > MAX_LINE_CHARACTERS) {
      throw refuse(
        'bad-item',
        `${place}: ${String(line.length)} characters long (limit ${String(MAX_LINE_CHARACTERS)}).`,
        'Shorten the item.',
      );
    }
    let values: unknown;
    try {
      values = parse(line);
    } catch (cause) {
      throw refuse(
        'bad-item',
        `${place}: not JSON (${cause instanceof Error ? cause.message : String(cause)}).`,
        expected,
        cause,
      );
    }
    if (!isObject(values)) throw refuse('bad-item', `${place}: not an object.`, expected);
    rows.push({ place, values });
    if (rows.length > MAX_ITEMS)
      throw refuse(
        'task-too-large',
        `${file} has more than ${String(MAX_ITEMS)} items.`,
        'Split the task into several.',
      );
  }
  return rows;
};

/** Rows are held in memory as objects. */
const MAX_UNCOMPRESSED_BYTES = 2 ** 30;
const CODECS: ReadonlySet<string> = new Set(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI']);

export interface ParquetRows {
  readonly rows: readonly DataRow[];
  /** Columns that hold floats, whose whole numbers are floats too. */
  readonly decimalColumns: ReadonlySet<string>;
}

/**
 * The rows of a Parquet file (uncompressed, snappy, gzip or brotli). Refuses, naming the file: what is no Parquet or is
 * damaged, another compression, more than a million rows or 1 GiB of data.
 */
export const readParquetRows = async (file: string): Promise<ParquetRows> => {
  try {
    const buffer = await asyncBufferFromFile(file);
    const metadata = await parquetMetadataAsync(buffer);
    checkSize(metadata, file);
    const objects = await parquetReadObjects({
      file: buffer,
      metadata,
      compressors: {
        GZIP: (input, maxOutputLength) => gunzipSync(input, { maxOutputLength }),
        BROTLI: (input, maxOutputLength) => brotliDecompressSync(input, { maxOutputLength }),
      },
    });
    const rows = objects.map((values, index) => ({ place: `${file}, row ${String(index + 1)}`, values }));
    return { rows, decimalColumns: decimalColumns(metadata.schema) };
  } catch (error) {
    if (error instanceof WorkbenchError) throw error;
    if (fileErrorCode(error) === 'ENOENT')
      throw refuse('missing-file', `${file} does not exist.`, 'Check the path.', error);
    if (fileErrorCode(error)?.startsWith('E') === true) throw explainFileError(error, file);
    throw refuse(
      'bad-parquet',
      `${file} is not a readable Parquet file (${error instanceof Error ? error.message : String(error)}).`,
      'Write it again, for instance with pandas or pyarrow.',
      error,
    );
  }
};

const checkSize = (metadata: FileMetaData, file: string): void => {
  if (metadata.num_rows > BigInt(MAX_ITEMS))
    throw refuse(
      'task-too-large',
      `${file} has ${String(metadata.num_rows)} rows (limit ${String(MAX_ITEMS)}).`,
      'Split the task into several.',
    );
  let bytes = 0n;
  for (const chunk of metadata.row_groups.flatMap(({ columns }) => columns)) {
    const data = chunk.meta_data;
    if (data === undefined) continue;
    bytes += data.total_uncompressed_size;
    if (!CODECS.has(data.codec)) {
      throw refuse(
        'bad-parquet',
        `${file}: column "${data.path_in_schema.join('.')}" is compressed by ${data.codec}.`,
        'Write it with snappy, gzip or brotli, or without compression.',
      );
    }
  }
  if (bytes > BigInt(MAX_UNCOMPRESSED_BYTES))
    throw refuse(
      'task-too-large',
      `${file} holds ${String(bytes)} bytes of data (limit ${String(MAX_UNCOMPRESSED_BYTES)}).`,
      'Split the task into several, or leave out columns.',
    );
};

/** Top-level columns with a float among their leaves; the schema lists a tree depth first. */
const decimalColumns = (schema: readonly SchemaElement[]): ReadonlySet<string> => {
  const found = new Set<string>();
  let column = '';
  const open: number[] = [];
  schema.slice(1).forEach((element) => {
    if (open.length === 0) column = element.name;
    if (element.type === 'FLOAT' || element.type === 'DOUBLE' || element.converted_type === 'DECIMAL')
      found.add(column);
    if (open.length > 0) open.push((open.pop() ?? 0) - 1);
    if (element.num_children !== undefined && element.num_children > 0) open.push(element.num_children);
    while (open.at(-1) === 0) open.pop();
  });
  return found;
};
