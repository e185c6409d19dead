import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type FileMetaData, type SchemaElement } from 'hyparquet';
import { WorkbenchError, refuse } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from '../workspace/file-errors.ts';
import { MAX_ITEMS, type DataRow } from './data-row.ts';

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
    if (fileErrorCode(error) === 'ENOENT') throw refuse('missing-file', `${file} does not exist.`, 'Check the path.', error);
    if (fileErrorCode(error)?.startsWith('E') === true) throw explainFileError(error, file);
    throw refuse('bad-parquet', `${file} is not a readable Parquet file (${error instanceof Error ? error.message : String(error)}).`, 'Write it again, for instance with pandas or pyarrow.', error);
  }
};

const checkSize = (metadata: FileMetaData, file: string): void => {
  if (metadata.num_rows > BigInt(MAX_ITEMS)) throw refuse('task-too-large', `${file} has ${String(metadata.num_rows)} rows (limit ${String(MAX_ITEMS)}).`, 'Split the task into several.');
  let bytes = 0n;
  for (const chunk of metadata.row_groups.flatMap(({ columns }) => columns)) {
    const data = chunk.meta_data;
    if (data === undefined) continue;
    bytes += data.total_uncompressed_size;
    if (!CODECS.has(data.codec)) {
      throw refuse('bad-parquet', `${file}: column "${data.path_in_schema.join('.')}" is compressed by ${data.codec}.`, 'Write it with snappy, gzip or brotli, or without compression.');
    }
  }
  if (bytes > BigInt(MAX_UNCOMPRESSED_BYTES)) throw refuse('task-too-large', `${file} holds ${String(bytes)} bytes of data (limit ${String(MAX_UNCOMPRESSED_BYTES)}).`, 'Split the task into several, or leave out columns.');
};

/** Top-level columns with a float among their leaves; the schema lists a tree depth first. */
const decimalColumns = (schema: readonly SchemaElement[]): ReadonlySet<string> => {
  const found = new Set<string>();
  let column = '';
  const open: number[] = [];
  schema.slice(1).forEach((element) => {
    if (open.length === 0) column = element.name;
    if (element.type === 'FLOAT' || element.type === 'DOUBLE' || element.converted_type === 'DECIMAL') found.add(column);
    if (open.length > 0) open.push((open.pop() ?? 0) - 1);
    if (element.num_children !== undefined && element.num_children > 0) open.push(element.num_children);
    while (open.at(-1) === 0) open.pop();
  });
  return found;
};
