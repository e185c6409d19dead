import { parentPort } from 'node:worker_threads';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  type SchemaElement,
  snappyUncompress,
} from 'hyparquet';
import { isSystemError } from '../files/file-errors.ts';
import {
  type ParquetAnswer,
  type ParquetFacts,
  parquetQuestion,
  type ParquetQuestion,
} from '../files/parquet-messages.ts';

/**
 * Reads Parquet in a thread of its own: the parser may loop, ask for any amount of memory or reject where nobody
 * listens, and whatever it does, the thread can be ended.
 */

const CODECS: ReadonlySet<string> = new Set(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD']);

class Refusal extends Error {
  readonly code: 'damaged' | 'too-large' | 'compression';

  constructor(code: 'damaged' | 'too-large' | 'compression', message: string) {
    super(message);
    this.code = code;
  }
}

interface OpenFile {
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly mostBytes: number;
}
let open: OpenFile | null = null;
/** Bytes that pages gave so far: headers may claim less than they hold. */
let unpackedBytes = 0;

const counted = (length: number, mostBytes: number): number => {
  unpackedBytes += length;
  if (unpackedBytes > mostBytes)
    throw new Refusal('too-large', `its pages hold more than ${String(mostBytes)} bytes of data`);
  return length;
};

/** Top-level columns with a float among their leaves; the schema lists a tree depth first. */
const decimalColumns = (schema: readonly SchemaElement[]): readonly string[] => {
  const found = new Set<string>();
  let column = '';
  const waiting: number[] = [];
  schema.slice(1).forEach((element) => {
    if (waiting.length === 0) column = element.name;
    if (element.type === 'FLOAT' || element.type === 'DOUBLE' || element.converted_type === 'DECIMAL')
      found.add(column);
    if (waiting.length > 0) waiting.push((waiting.pop() ?? 0) - 1);
    if (element.num_children !== undefined && element.num_children > 0) waiting.push(element.num_children);
    while (waiting.at(-1) === 0) waiting.pop();
  });
  return [...found];
};

const checkSize = (metadata: FileMetaData, mostRows: number, mostBytes: number): void => {
  const rows = metadata.row_groups.reduce((sum, group) => sum + group.num_rows, 0n);
  if (metadata.num_rows > BigInt(mostRows) || rows > BigInt(mostRows))
    throw new Refusal('too-large', `it has ${String(metadata.num_rows)} rows (limit ${String(mostRows)})`);
  let bytes = 0n;
  for (const { columns, num_rows: groupRows } of metadata.row_groups) {
    if (groupRows < 0n) throw new Refusal('damaged', 'a row group has less than no rows');
    for (const { meta_data: data } of columns) {
      if (data === undefined) continue;
      bytes += data.total_uncompressed_size;
      // A list has a value for each of its elements; a row that has a thousand on average is none that people write.
      if (data.num_values < 0n || data.num_values > 1000n * (groupRows + 1n))
        throw new Refusal(
          'damaged',
          `column "${data.path_in_schema.join('.')}" claims ${String(data.num_values)} values`,
        );
      if (!CODECS.has(data.codec))
        throw new Refusal('compression', `column "${data.path_in_schema.join('.')}" is compressed by ${data.codec}`);
    }
  }
  if (bytes > BigInt(mostBytes))
    throw new Refusal('too-large', `it holds ${String(bytes)} bytes of data (limit ${String(mostBytes)})`);
};

const openFile = async ({
  file,
  mostRows,
  mostBytes,
}: Extract<ParquetQuestion, { ask: 'open' }>): Promise<ParquetFacts> => {
  unpackedBytes = 0;
  open = null;
  const buffer = await asyncBufferFromFile(file);
  const metadata = await parquetMetadataAsync(buffer);
  checkSize(metadata, mostRows, mostBytes);
  open = { buffer, metadata, mostBytes };
  return {
    rows: Number(metadata.num_rows),
    groups: metadata.row_groups.map((group) => Number(group.num_rows)),
    names: metadata.schema.map(({ name }) => name),
    decimalColumns: [...decimalColumns(metadata.schema)],
  };
};

const readRows = async ({ columns, rowStart, rowEnd }: Extract<ParquetQuestion, { ask: 'rows' }>) => {
  if (open === null) throw new Error('no file is open');
  const { buffer, metadata, mostBytes } = open;
  const wanted = columns === undefined ? {} : { columns };
  return parquetReadObjects({
    ...wanted,
    file: buffer,
    metadata,
    rowStart,
    rowEnd,
    compressors: {
      SNAPPY: (input, length) => {
        const output = new Uint8Array(counted(length, mostBytes));
        snappyUncompress(input, output);
        return output;
      },
      GZIP: (input, length) => gunzipSync(input, { maxOutputLength: counted(Math.max(1, length), mostBytes) }),
      BROTLI: (input, length) =>
        brotliDecompressSync(input, { maxOutputLength: counted(Math.max(1, length), mostBytes) }),
      ZSTD: (input, length) => zstdDecompressSync(input, { maxOutputLength: counted(Math.max(1, length), mostBytes) }),
    },
  });
};

const answerTo = async (question: ParquetQuestion): Promise<ParquetAnswer> => {
  try {
    if (question.ask === 'open') return { answer: 'facts', facts: await openFile(question) };
    return { answer: 'rows', rows: await readRows(question) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const system = isSystemError(error) ? error.code : null;
    return { answer: 'error', message, system, code: error instanceof Refusal ? error.code : 'damaged' };
  }
};

if (parentPort === null) throw new Error('parquet-worker is started by the engine, not by hand');
const port = parentPort;
port.on('message', (message: unknown) => {
  void answerTo(parquetQuestion.parse(message)).then((answer) => port.postMessage(answer));
});
