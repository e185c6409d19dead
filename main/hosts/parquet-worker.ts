import { parentPort } from 'node:worker_threads';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetReadObjects,
  snappyUncompress,
} from 'hyparquet';
import { isSystemError } from '../files/file-errors.ts';
import {
  type ParquetAnswer,
  type ParquetColumn,
  type ParquetFacts,
  parquetQuestion,
  type ParquetQuestion,
} from '../files/parquet-messages.ts';
import { checkVolume, ParquetAllowance, ParquetRefusal, type Unpack } from '../files/parquet-volume.ts';

/**
 * Reads Parquet in a separate thread, which can always be ended: the parser may loop, allocate any amount of memory, or
 * reject where nobody listens.
 */

const CODECS: ReadonlySet<string> = new Set(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD']);

interface OpenFile {
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
}
let open: OpenFile | null = null;

/**
 * Limit for a footer, which takes ten times as much memory as on disk. Ten thousand columns take 2 MiB; the footer of a
 * long file is about a hundredth of it.
 */
const MAX_FOOTER_BYTES = 2 * 2 ** 20;
const FOOTER_SHARE = 1 / 8;
/** Limits for columns, their groups, and nested groups; a typical table has some dozen. */
const MAX_SCHEMA_ELEMENTS = 10_000;
const MAX_SCHEMA_DEPTH = 64;

const checkFooter = async (buffer: AsyncBuffer): Promise<void> => {
  if (buffer.byteLength < 8) return;
  const end = new DataView(await buffer.slice(buffer.byteLength - 8, buffer.byteLength));
  const footerBytes = end.getUint32(0, true);
  const mostBytes = Math.max(MAX_FOOTER_BYTES, buffer.byteLength * FOOTER_SHARE);
  // A footer longer than its file is damaged, which the parser reports.
  if (footerBytes > mostBytes && footerBytes < buffer.byteLength)
    throw new ParquetRefusal(
      'too-large',
      `its footer has ${footerBytes} bytes (limit ${mostBytes.toFixed(0)} in a file of its size)`,
    );
};

const checkSchema = ({ schema }: FileMetaData): void => {
  if (schema.length > MAX_SCHEMA_ELEMENTS)
    throw new ParquetRefusal('too-large', `it has ${schema.length} columns (limit ${MAX_SCHEMA_ELEMENTS})`);
  /** Remaining children of each group around an element. */
  const waiting: number[] = [];
  for (const { name, num_children: children, logical_type: type } of schema) {
    if (waiting.length > 0) waiting.push((waiting.pop() ?? 0) - 1);
    if (children !== undefined && children > 0) waiting.push(children);
    if (waiting.length > MAX_SCHEMA_DEPTH)
      throw new ParquetRefusal('too-large', `column "${name}" lies in more than ${MAX_SCHEMA_DEPTH} others`);
    // A value of this type may name a part of itself any number of times, nested in others that do.
    if (type?.type === 'VARIANT') throw new ParquetRefusal('damaged', `column "${name}" is of the type VARIANT`);
    while (waiting.at(-1) === 0) waiting.pop();
  }
};

const checkSize = (metadata: FileMetaData, mostRows: number, mostBytes: number): void => {
  const rows = metadata.row_groups.reduce((sum, group) => sum + group.num_rows, 0n);
  if (metadata.num_rows > BigInt(mostRows) || rows > BigInt(mostRows))
    throw new ParquetRefusal('too-large', `it has ${String(metadata.num_rows)} rows (limit ${mostRows})`);
  let bytes = 0n;
  for (const { columns, num_rows: groupRows } of metadata.row_groups) {
    if (groupRows < 0n) throw new ParquetRefusal('damaged', 'a row group has a negative number of rows');
    for (const { meta_data: data } of columns) {
      if (data === undefined) continue;
      bytes += data.total_uncompressed_size;
      if (data.num_values < 0n)
        throw new ParquetRefusal(
          'damaged',
          `column "${data.path_in_schema.join('.')}" has a negative number of values`,
        );
      if (!CODECS.has(data.codec))
        throw new ParquetRefusal(
          'compression',
          `column "${data.path_in_schema.join('.')}" is compressed by ${data.codec}`,
        );
    }
  }
  if (bytes > BigInt(mostBytes))
    throw new ParquetRefusal('too-large', `it contains ${String(bytes)} bytes of data (limit ${mostBytes})`);
};

const openFile = async ({
  file,
  mostRows,
  mostBytes,
}: Extract<ParquetQuestion, { ask: 'open' }>): Promise<ParquetFacts> => {
  open = null;
  waiting = null;
  const buffer = await asyncBufferFromFile(file);
  await checkFooter(buffer);
  const metadata = await parquetMetadataAsync(buffer);
  checkSchema(metadata);
  checkSize(metadata, mostRows, mostBytes);
  open = { buffer, metadata };
  return {
    rows: Number(metadata.num_rows),
    groups: metadata.row_groups.map((group) => Number(group.num_rows)),
    names: metadata.schema.map(({ name }) => name),
  };
};

/**
 * Limit for the unpacked pages and for the rows of one answer: a million items of a thousand bytes. The parser
 * temporarily uses up to three times as much.
 */
const MAX_ROW_BYTES = 2 ** 30;
/** Lower limit for small files: their passages may be repeated in 250 rows each, but no further. */
const ROW_BYTES_PER_FILE_BYTE = 250;
const ALWAYS_ROW_BYTES = 2 ** 28;
/** Rows are copied to the engine in parts of about this size, so that they are never in memory three times at once. */
const PART_BYTES = 2 ** 26;

const unpack: Unpack = (codec, packed, length) => {
  const most = { maxOutputLength: Math.max(1, length) };
  switch (codec) {
    case 'UNCOMPRESSED':
      return packed;
    case 'SNAPPY': {
      const output = new Uint8Array(length);
      snappyUncompress(packed, output);
      return output;
    }
    case 'GZIP':
      return gunzipSync(packed, most);
    case 'BROTLI':
      return brotliDecompressSync(packed, most);
    case 'ZSTD':
      // An older runtime lacks the decoder.
      if (typeof zstdDecompressSync !== 'function')
        throw new ParquetRefusal('compression', 'a column is compressed by zstd, which this runtime cannot read');
      return zstdDecompressSync(packed, most);
    default:
      throw new ParquetRefusal('compression', `a column is compressed by ${codec}`);
  }
};

interface Waiting {
  readonly rows: readonly Record<string, unknown>[];
  readonly rowsPerPart: number;
  readonly next: number;
}
/** Rows that were read but not sent yet. */
let waiting: Waiting | null = null;

interface CheckedRange {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly compressors: Readonly<Record<string, (packed: Uint8Array, length: number) => Uint8Array>>;
}

/** Checks how much memory the rows need before any is made; returns what the parser needs, and the rows' bytes. */
const checkRange = async ({
  columns,
  rowStart,
  rowEnd,
}: Exclude<ParquetQuestion, { ask: 'open' | 'more' }>): Promise<{ range: CheckedRange; rowBytes: number }> => {
  if (open === null) throw new Error('no file is open');
  const { buffer, metadata } = open;
  const byFile = Math.max(ALWAYS_ROW_BYTES, ROW_BYTES_PER_FILE_BYTE * buffer.byteLength);
  const mostBytes = Math.min(MAX_ROW_BYTES, byFile);
  const promised = new ParquetAllowance(mostBytes);
  await checkVolume(buffer, metadata, { rowStart, rowEnd, columns }, promised, unpack);
  // Counted again while reading: the file may have been replaced.
  const read = new ParquetAllowance(mostBytes);
  const unpackCounted = (codec: string) => (packed: Uint8Array, length: number) => {
    read.takePage(length);
    return unpack(codec, packed, length);
  };
  const compressors = Object.fromEntries([...CODECS].map((codec) => [codec, unpackCounted(codec)]));
  return { range: { file: buffer, metadata, rowStart, rowEnd, compressors }, rowBytes: promised.rowBytes };
};

const readRows = async (question: Extract<ParquetQuestion, { ask: 'rows' }>): Promise<Waiting> => {
  const { columns } = question;
  const { range, rowBytes } = await checkRange(question);
  const rows = await parquetReadObjects({ ...range, ...(columns === undefined ? {} : { columns }) });
  const parts = Math.max(1, rowBytes / PART_BYTES);
  return { rows, rowsPerPart: Math.max(1, Math.floor(rows.length / parts)), next: 0 };
};

const isNumbers = (values: readonly unknown[]): values is readonly number[] =>
  values.every((value) => typeof value === 'number');
const isTexts = (values: readonly unknown[]): values is readonly (string | null)[] =>
  values.every((value) => value === null || typeof value === 'string');
const isLists = (values: readonly unknown[]): values is readonly (readonly number[] | null)[] =>
  values.every((value) => value === null || (Array.isArray(value) && isNumbers(value)));

const packTexts = (values: readonly (string | null)[]): ParquetColumn => {
  const known = new Map<string, number>();
  const numbers = new Int32Array(values.length).fill(-1);
  values.forEach((text, row) => {
    if (text === null) return;
    const number = known.get(text) ?? known.size;
    if (number === known.size) known.set(text, number);
    numbers[row] = number;
  });
  return { kind: 'texts', texts: [...known.keys()], numbers };
};

const packLists = (values: readonly (readonly number[] | null)[]): ParquetColumn => {
  const lengths = new Int32Array(values.length);
  let size = 0;
  values.forEach((list, row) => {
    lengths[row] = list?.length ?? -1;
    size += list?.length ?? 0;
  });
  const all = new Float64Array(size);
  let end = 0;
  for (const list of values) {
    if (list === null) continue;
    all.set(list, end);
    end += list.length;
  }
  return { kind: 'lists', lengths, values: all };
};

/** Brings a column into the form in which it passes to the engine. Missing values are null. */
const packColumn = (values: readonly unknown[]): ParquetColumn => {
  const first = values.find((value) => value !== null);
  if (first === undefined) return { kind: 'nulls' };
  if (typeof first === 'number' && isNumbers(values)) return { kind: 'numbers', values: new Float64Array(values) };
  if (typeof first === 'string' && isTexts(values)) return packTexts(values);
  if (Array.isArray(first) && isLists(values)) return packLists(values);
  return { kind: 'values', values };
};

const readColumns = async (question: Extract<ParquetQuestion, { ask: 'columns' }>): Promise<ParquetAnswer> => {
  const { columns, rowStart, rowEnd } = question;
  const { range } = await checkRange(question);
  const found = new Map<string, unknown[]>();
  await parquetRead({
    ...range,
    columns,
    // A chunk is a part of a row group, which may begin before the rows and end behind them.
    onChunk: ({ columnName, columnData, rowStart: chunkStart }) => {
      const values = found.get(columnName) ?? new Array<unknown>(rowEnd - rowStart).fill(null);
      found.set(columnName, values);
      const start = Math.max(0, rowStart - chunkStart);
      const end = Math.min(columnData.length, rowEnd - chunkStart);
      for (let index = start; index < end; index++) values[chunkStart - rowStart + index] = columnData[index] ?? null;
    },
  });
  return {
    answer: 'columns',
    columns: new Map([...found].map(([name, values]) => [name, packColumn(values)])),
  };
};

const nextPart = ({ rows, rowsPerPart, next }: Waiting): ParquetAnswer => {
  const end = next + rowsPerPart;
  const isLast = end >= rows.length;
  waiting = isLast ? null : { rows, rowsPerPart, next: end };
  return { answer: 'rows', rows: rows.slice(next, end), isLast };
};

const answerTo = async (question: ParquetQuestion): Promise<ParquetAnswer> => {
  try {
    switch (question.ask) {
      case 'open':
        return { answer: 'facts', facts: await openFile(question) };
      case 'rows':
        return nextPart(await readRows(question));
      case 'more':
        if (waiting === null) throw new Error('no rows are waiting');
        return nextPart(waiting);
      case 'columns':
        return await readColumns(question);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const system = isSystemError(error) ? error.code : null;
    return { answer: 'error', message, system, code: error instanceof ParquetRefusal ? error.code : 'damaged' };
  }
};

if (parentPort === null) throw new Error('parquet-worker is started by the engine, not by hand');
const port = parentPort;
port.on('message', (message: unknown) => {
  void answerTo(parquetQuestion.parse(message)).then((answer) => port.postMessage(answer));
});
