import {
  type ColumnMetaData,
  type DataReader,
  type FileMetaData,
  type PageHeader,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath, isFlatColumn } from 'hyparquet/src/schema.js';

/**
 * Size of the rows of a Parquet file, found from its pages before any value is decoded. A run of a few bytes expands to
 * many repetitions, and a dictionary entry to many copies of its text, all of which the parser would create: a file of
 * 50 kB can give 50 GB.
 */

/** Beside its text: a value's slots in its column and in its row, and in each list or group around it. */
const VALUE_BYTES = 32;
/** A header takes some dozen bytes, plus the smallest and the largest value of its page. */
const MAX_HEADER_BYTES = 2 ** 20;
/** Sizes and counts of pages are signed 32-bit numbers. */
const MAX_PAGE_BYTES = 2 ** 31 - 1;

export class ParquetRefusal extends Error {
  readonly code: 'damaged' | 'too-large' | 'compression';

  constructor(code: 'damaged' | 'too-large' | 'compression', message: string) {
    super(message);
    this.code = code;
  }
}

/** Remaining allowance of bytes for one answer. */
export class ParquetAllowance {
  readonly #mostBytes: number;
  #pageBytes = 0;
  #rowBytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Bytes of the rows. */
  get rowBytes(): number {
    return this.#rowBytes;
  }

  takePage(bytes: number): void {
    this.#pageBytes += bytes;
    if (this.#pageBytes > this.#mostBytes)
      throw new ParquetRefusal('too-large', `its pages contain more than ${this.#mostBytes} bytes of data`);
  }

  takeRows(bytes: number): void {
    this.#rowBytes += bytes;
    if (this.#rowBytes > this.#mostBytes)
      throw new ParquetRefusal('too-large', `its rows contain more than ${this.#mostBytes} bytes`);
  }
}

/** Unpacks a page to exactly `length` bytes. */
export type Unpack = (codec: string, bytes: Uint8Array, length: number) => Uint8Array;

interface Chunk {
  readonly name: string;
  readonly data: ColumnMetaData;
  readonly path: SchemaTree[];
  readonly rows: number;
  /** Its bytes in the file, [start, end). */
  readonly start: number;
  readonly end: number;
}

/** Lengths of the entries of a dictionary; a single number if all have the same length. */
type EntryLengths = Uint32Array | number;

const damaged = (name: string, what: string): ParquetRefusal =>
  new ParquetRefusal('damaged', `column "${name}": ${what}`);

/**
 * Walks the hybrid of runs and packed bits in which levels and dictionary indexes are written, without storing any:
 * calls `visit` with each value and its number of repetitions, `count` values in total.
 */
const walkRuns = (
  bytes: Uint8Array,
  width: number,
  count: number,
  name: string,
  visit: (value: number, repeats: number) => void,
): void => {
  let at = 0;
  const byte = (): number => {
    const value = bytes[at++];
    if (value === undefined) throw damaged(name, 'a page ends before its values do');
    return value;
  };
  let left = count;
  while (left > 0) {
    let header = 0;
    for (let scale = 1; ; scale *= 128) {
      const part = byte();
      header += (part % 128) * scale;
      if (part < 128) break;
      if (scale >= 2 ** 28) throw damaged(name, 'a run is longer than possible');
    }
    const times = Math.floor(header / 2);
    if (header % 2 === 0) {
      if (times > left) throw damaged(name, `a run of ${times} values in a page of ${count}`);
      let value = 0;
      for (let index = 0; index < Math.ceil(width / 8); index += 1) value += byte() * 256 ** index;
      visit(value, times);
      left -= times;
      continue;
    }
    let [bits, held] = [0, 0];
    for (let rest = 8 * times; rest > 0 && left > 0; rest -= 1) {
      while (held < width) {
        bits += byte() * 2 ** held;
        held += 8;
      }
      visit(bits % 2 ** width, 1);
      bits = Math.floor(bits / 2 ** width);
      held -= width;
      left -= 1;
    }
  }
};

const isCount = (value: unknown, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const isText = ({ type }: ColumnMetaData): boolean => type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY';

/** Bytes of a fixed-length value. */
const widthOf = ({ type }: ColumnMetaData, path: readonly SchemaTree[]): number => {
  if (type === 'FIXED_LEN_BYTE_ARRAY') return path.at(-1)?.element.type_length ?? 0;
  return type === 'INT32' || type === 'FLOAT' ? 4 : 8;
};

/** Lengths of the entries of a dictionary page. */
const entryLengths = (page: Uint8Array, count: number, { data, name, path }: Chunk): EntryLengths => {
  // Eight booleans per byte, each of which would be an entry.
  if (data.type === 'BOOLEAN') throw damaged(name, 'a dictionary of booleans');
  if (data.type !== 'BYTE_ARRAY') return isText(data) ? widthOf(data, path) : 0;
  if (count > page.length / 4) throw damaged(name, `a dictionary of ${count} entries in fewer bytes`);
  const view = viewOf(page);
  const lengths = new Uint32Array(count);
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    if (at + 4 > page.length) throw damaged(name, 'a dictionary ends before its entries do');
    const length = view.getUint32(at, true);
    lengths[index] = length;
    at += 4 + length;
  }
  return lengths;
};

const bitWidth = (level: number): number => 32 - Math.clz32(level);

/** Bytes of the levels at the start of `bytes`, and how many of `count` values are not null. */
const walkLevels = (
  bytes: Uint8Array,
  count: number,
  { path, name }: Chunk,
  lengths: { readonly repetition: number; readonly definition: number } | null,
): { readonly levelBytes: number; readonly values: number } => {
  let at = 0;
  let values = count;
  const walk = (level: number, given: number | undefined, visit: (value: number, repeats: number) => void): void => {
    if (level > 0) {
      if (given === undefined && at + 4 > bytes.length) throw damaged(name, 'a page ends within its levels');
      const length = given ?? viewOf(bytes).getUint32(at, true);
      if (given === undefined) at += 4;
      if (at + length > bytes.length) throw damaged(name, 'levels are longer than their page');
      walkRuns(bytes.subarray(at, at + length), bitWidth(level), count, name, visit);
      at += length;
    } else at += given ?? 0;
  };
  walk(getMaxRepetitionLevel(path), lengths?.repetition, () => undefined);
  const most = getMaxDefinitionLevel(path);
  walk(most, lengths?.definition, (level, repeats) => {
    if (level !== most) values -= repeats;
  });
  return { levelBytes: at, values };
};

interface PageValues {
  /** Number of values that are not null. */
  readonly values: number;
  readonly encoding: string;
  /** DATA_PAGE, not DATA_PAGE_V2. */
  readonly isFirstKind: boolean;
}

/**
 * Bytes of the texts of a data page; other values only count as values. Indexes into a dictionary begin with their
 * width, booleans in runs with their length.
 */
const textBytes = (
  body: Uint8Array,
  { values, encoding, isFirstKind }: PageValues,
  dictionary: EntryLengths | null,
  { data, name, path }: Chunk,
): number => {
  if (values === 0) return 0;
  switch (encoding) {
    case 'DELTA_BYTE_ARRAY': {
      const prefixes = new Int32Array(values);
      deltaBinaryUnpack({ view: viewOf(body), offset: 0 }, values, prefixes);
      return prefixes.reduce((sum, length) => sum + Math.max(0, length), body.length);
    }
    case 'BYTE_STREAM_SPLIT': {
      // Fixed-length values must fill the page.
      if (values * widthOf(data, path) > body.length) throw damaged(name, 'a page ends before its values do');
      return body.length;
    }
    case 'RLE': {
      if (data.type !== 'BOOLEAN' || body.length < 4) throw damaged(name, 'runs of non-boolean values');
      walkRuns(body.subarray(4), 1, values, name, () => undefined);
      return 0;
    }
    case 'PLAIN_DICTIONARY':
    case 'RLE_DICTIONARY': {
      const [width] = body;
      if (width === undefined || width > 32 || dictionary === null || data.type === 'BOOLEAN')
        throw damaged(name, 'a page of a dictionary without one');
      const lengthOf = (entry: number): number =>
        typeof dictionary === 'number' ? dictionary : (dictionary[entry] ?? 0);
      // With width 0, a page of the first kind contains no indexes: all values are the first entry.
      if (width === 0 && isFirstKind) return values * lengthOf(0);
      let bytes = 0;
      walkRuns(body.subarray(1), width, values, name, (entry, repeats) => {
        bytes += lengthOf(entry) * repeats;
      });
      return bytes;
    }
    default:
      return isText(data) ? body.length : 0;
  }
};

interface Page {
  readonly header: PageHeader;
  /** Number of values, including nulls; entries of a dictionary. */
  readonly values: number;
  readonly packed: Uint8Array;
}

/** The header for a page's type; headers of other types may exist beside it and are ignored. */
const promiseOf = ({ type, ...headers }: PageHeader): { readonly num_values: number } | undefined => {
  switch (type) {
    case 'DICTIONARY_PAGE':
      return headers.dictionary_page_header;
    case 'DATA_PAGE':
      return headers.data_page_header;
    case 'DATA_PAGE_V2':
      return headers.data_page_header_v2;
    default:
      return undefined;
  }
};

/** Bytes of the texts of a data page. */
const scanDataPage = (
  { header, packed, values: count }: Page,
  dictionary: EntryLengths | null,
  chunk: Chunk,
  unpack: Unpack,
): number => {
  const { codec } = chunk.data;
  const { type, data_page_header: first, data_page_header_v2: second, uncompressed_page_size: length } = header;
  if (type === 'DATA_PAGE' && first !== undefined) {
    const page = unpack(codec, packed, length);
    const { levelBytes, values } = walkLevels(page, count, chunk, null);
    const kind = { values, encoding: first.encoding, isFirstKind: true };
    return textBytes(page.subarray(levelBytes), kind, dictionary, chunk);
  }
  if (second === undefined) throw damaged(chunk.name, 'a page of another type than it says');
  const lengths = {
    repetition: second.repetition_levels_byte_length,
    definition: second.definition_levels_byte_length,
  };
  if (!isCount(lengths.repetition, length) || !isCount(lengths.definition, length))
    throw damaged(chunk.name, 'levels of a length that they cannot have');
  const { levelBytes } = walkLevels(packed, count, chunk, lengths);
  if (!isCount(second.num_nulls, count) || levelBytes > length)
    throw damaged(chunk.name, 'a page of other counts than it can have');
  const body = packed.subarray(levelBytes);
  const isPacked = second.is_compressed !== false && length > levelBytes;
  const page = isPacked ? unpack(codec, body, length - levelBytes) : body;
  const kind = { values: count - second.num_nulls, encoding: second.encoding, isFirstKind: false };
  return textBytes(page, kind, dictionary, chunk);
};

/** The pages of a column of a row group; charges the sizes in their headers to the allowance. */
const pagesOf = (
  bytes: Uint8Array,
  { name, path, data, rows }: Chunk,
  allowance: ParquetAllowance,
): readonly Page[] => {
  const pages: Page[] = [];
  const most = Number(data.num_values);
  const nameBytes = path.reduce((sum, { element }) => sum + element.name.length, 0);
  const levels = path.length - 1;
  const isFlat = isFlatColumn(path);
  allowance.takeRows(rows * (VALUE_BYTES + nameBytes));
  let [at, values] = [0, 0];
  while (at < bytes.length - 1) {
    const rest = bytes.subarray(at, at + MAX_HEADER_BYTES);
    const reader: DataReader = { view: viewOf(rest), offset: 0 };
    const header = parquetHeader(reader);
    at += reader.offset;
    const { compressed_page_size: packedBytes, uncompressed_page_size: pageBytes } = header;
    if (!isCount(packedBytes, bytes.length - at) || !isCount(pageBytes, MAX_PAGE_BYTES))
      throw damaged(name, 'a page of a size that it cannot have');
    allowance.takePage(pageBytes);
    const count = promiseOf(header)?.num_values;
    if (!isCount(count, MAX_PAGE_BYTES)) throw damaged(name, 'a page that does not say how many values it has');
    pages.push({ header, values: count, packed: bytes.subarray(at, at + packedBytes) });
    at += packedBytes;
    if (header.type === 'DICTIONARY_PAGE') {
      allowance.takeRows(count * VALUE_BYTES);
      continue;
    }
    values += count;
    if (values > most) throw damaged(name, `its pages claim ${values} values, but the footer ${most}`);
    if (!isFlat) allowance.takeRows(count * (VALUE_BYTES * levels + nameBytes));
  }
  return pages;
};

/** Charges the texts of a column's pages to the allowance. */
const takeTexts = (pages: readonly Page[], chunk: Chunk, allowance: ParquetAllowance, unpack: Unpack): void => {
  let dictionary: EntryLengths | null = null;
  for (const page of pages) {
    const { header, packed } = page;
    if (header.type === 'DICTIONARY_PAGE')
      dictionary = entryLengths(unpack(chunk.data.codec, packed, header.uncompressed_page_size), page.values, chunk);
    else allowance.takeRows(scanDataPage(page, dictionary, chunk, unpack));
  }
};

interface ParquetFile {
  readonly byteLength: number;
  slice(start: number, end: number): ArrayBuffer | Promise<ArrayBuffer>;
}
interface WantedRows {
  readonly rowStart: number;
  readonly rowEnd: number;
  /** All unless some are named. */
  readonly columns: readonly string[] | undefined;
}

/** The columns of the row groups with the rows. Their bytes must lie within the file and must not overlap. */
const chunksOf = (
  file: ParquetFile,
  metadata: FileMetaData,
  tree: SchemaTree,
  wanted: WantedRows,
): readonly Chunk[] => {
  const chunks: Chunk[] = [];
  let [groupStart, packedBytes] = [0, 0];
  for (const { columns, num_rows: groupRows } of metadata.row_groups) {
    const rows = Number(groupRows);
    const isWanted = groupStart < wanted.rowEnd && groupStart + rows > wanted.rowStart;
    groupStart += rows;
    if (!isWanted) continue;
    for (const { meta_data: data } of columns) {
      if (data === undefined || wanted.columns?.includes(data.path_in_schema[0] ?? '') === false) continue;
      const name = data.path_in_schema.join('.');
      const path = getTreePath(tree, data.path_in_schema);
      if (isFlatColumn(path) && data.num_values > groupRows)
        throw damaged(name, `${String(data.num_values)} values in ${rows} rows`);
      // Some writers give 0 where there is no dictionary.
      const hasDictionary = data.dictionary_page_offset !== undefined && data.dictionary_page_offset !== 0n;
      const start = Number(hasDictionary ? data.dictionary_page_offset : data.data_page_offset);
      const size = Number(data.total_compressed_size);
      packedBytes += size;
      if (!isCount(size, file.byteLength) || !isCount(start, file.byteLength - size) || packedBytes > file.byteLength)
        throw damaged(name, 'its bytes lie outside the file, or in another column too');
      chunks.push({ name, path, data, rows, start, end: start + size });
    }
  }
  return chunks;
};

/**
 * Checks the pages of the rows, and refuses those beyond the allowance: first by their headers, then by their content.
 *
 * @throws ParquetRefusal `too-large`, `damaged`.
 */
export const checkVolume = async (
  file: ParquetFile,
  metadata: FileMetaData,
  wanted: WantedRows,
  allowance: ParquetAllowance,
  unpack: Unpack,
): Promise<void> => {
  const found: { readonly chunk: Chunk; readonly pages: readonly Page[] }[] = [];
  for (const chunk of chunksOf(file, metadata, parquetSchema(metadata), wanted)) {
    const bytes = new Uint8Array(await file.slice(chunk.start, chunk.end));
    found.push({ chunk, pages: pagesOf(bytes, chunk, allowance) });
  }
  for (const { chunk, pages } of found) takeTexts(pages, chunk, allowance, unpack);
};
