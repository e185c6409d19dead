import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { CompressionCodec, Encoding } from 'hyparquet';
import { Encodings, PageTypes } from 'hyparquet/src/constants.js';
import { ByteWriter } from 'hyparquet-writer/src/bytewriter.js';
import { writeMetadata } from 'hyparquet-writer/src/metadata.js';
import { snappyCompress } from 'hyparquet-writer/src/snappy.js';
import { serializeTCompactProtocol } from 'hyparquet-writer/src/thrift.js';

/** Parquet files assembled page by page, so that they can promise and contain what no writer would produce. */

type FileMetaData = Parameters<typeof writeMetadata>[1];
type SchemaElement = FileMetaData['schema'][number];

interface Page {
  readonly kind: 'DICTIONARY_PAGE' | 'DATA_PAGE' | 'DATA_PAGE_V2';
  readonly values: number;
  readonly encoding: Encoding;
  /** Levels and values, not compressed. */
  readonly body: Uint8Array;
  /** Overrides fields of the header. */
  readonly header?: Readonly<Record<`field_${number}`, unknown>>;
}

interface Column {
  /** Elements of the schema, the leaf last. */
  readonly elements: readonly SchemaElement[];
  /** `first`: the pages of the first column, at the same position in the file. */
  readonly pages: readonly Page[] | 'first';
  readonly codec?: CompressionCodec;
  /** Number of values in the footer; default: that of the pages. */
  readonly claimedValues?: number;
}

const CODERS: Readonly<Partial<Record<CompressionCodec, (bytes: Uint8Array) => Uint8Array>>> = {
  UNCOMPRESSED: (bytes) => bytes,
  SNAPPY: (bytes) => snappyCompress(bytes),
  GZIP: (bytes) => gzipSync(bytes),
  BROTLI: (bytes) => brotliCompressSync(bytes),
  ZSTD: (bytes) => zstdCompressSync(bytes),
};

const bytesOf = (write: (writer: ByteWriter) => void): Uint8Array => {
  const writer = new ByteWriter();
  write(writer);
  return writer.getBytes();
};

const pageBytes = (page: Page, codec: CompressionCodec): Uint8Array => {
  const packed = (CODERS[codec] ?? ((bytes) => bytes))(page.body);
  const level = Encodings.indexOf('RLE');
  const encoding = Encodings.indexOf(page.encoding);
  const header = bytesOf((writer) => {
    const kinds = {
      DATA_PAGE: { field_5: { field_1: page.values, field_2: encoding, field_3: level, field_4: level } },
      DICTIONARY_PAGE: { field_7: { field_1: page.values, field_2: encoding } },
      // Without levels: nothing here is optional or a list.
      DATA_PAGE_V2: {
        field_8: { field_1: page.values, field_2: 0, field_3: page.values, field_4: encoding, field_5: 0, field_6: 0 },
      },
    };
    serializeTCompactProtocol(writer, {
      field_1: PageTypes.indexOf(page.kind),
      field_2: page.body.length,
      field_3: packed.length,
      ...kinds[page.kind],
      ...page.header,
    });
  });
  return Buffer.concat([header, packed]);
};

/** A file of one row group. */
export const parquetFile = (rows: number, columns: readonly Column[]): Buffer => {
  const parts: Uint8Array[] = [Buffer.from('PAR1')];
  let offset = 4;
  const metadata: FileMetaData = {
    version: 1,
    schema: [
      { name: 'root', num_children: columns.length },
      ...columns.flatMap(({ elements }): readonly SchemaElement[] => elements),
    ],
    num_rows: BigInt(rows),
    row_groups: [
      {
        total_byte_size: 0n,
        num_rows: BigInt(rows),
        columns: columns.map(({ elements, pages: own, codec = 'UNCOMPRESSED', claimedValues }) => {
          const start = own === 'first' ? 4 : offset;
          const first = columns[0]?.pages;
          const pages = own === 'first' ? (first === undefined || first === 'first' ? [] : first) : own;
          // A repeated page is compressed once.
          const packed = new Map([...new Set(pages)].map((page) => [page, pageBytes(page, codec)]));
          const written = pages.flatMap((page) => packed.get(page) ?? []);
          const dictionaryBytes = pages[0]?.kind === 'DICTIONARY_PAGE' ? (written[0]?.length ?? 0) : 0;
          const size = written.reduce((sum, part) => sum + part.length, 0);
          if (own !== 'first') {
            parts.push(...written);
            offset += size;
          }
          const values = pages.reduce((sum, page) => sum + (page.kind === 'DICTIONARY_PAGE' ? 0 : page.values), 0);
          return {
            file_offset: BigInt(start),
            meta_data: {
              type: elements.at(-1)?.type ?? 'BYTE_ARRAY',
              encodings: [],
              path_in_schema: elements.map(({ name }) => name),
              codec,
              num_values: BigInt(claimedValues ?? values),
              // A foreign file may have any number here.
              total_uncompressed_size: 0n,
              total_compressed_size: BigInt(size),
              data_page_offset: BigInt(start + dictionaryBytes),
              ...(dictionaryBytes > 0 ? { dictionary_page_offset: BigInt(start) } : {}),
            },
          };
        }),
      },
    ],
    metadata_length: 0,
  };
  const footer = bytesOf((writer) => writeMetadata(writer, metadata));
  return Buffer.concat([...parts, footer, Buffer.from('PAR1')]);
};

/** A varint of the hybrid of runs and packed bits. */
const varint = (value: number): readonly number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];

/** One run: `value`, `repeats` times, in `bytes` bytes. */
const run = (repeats: number, value: number, bytes = 1): Uint8Array =>
  Buffer.from([...varint(repeats * 2), ...Array.from({ length: bytes }, (_, index) => (value >> (8 * index)) & 255)]);

/** Runs with their length before them, as levels are written. */
const levels = (runs: Uint8Array): Uint8Array => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(runs.length);
  return Buffer.concat([length, runs]);
};

const plain = (text: string): Uint8Array => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
};

const text = (name: string): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: 'REQUIRED',
});
const optional = (element: SchemaElement): SchemaElement => ({ ...element, repetition_type: 'OPTIONAL' });
const listOf = (name: string, leaf: SchemaElement): readonly SchemaElement[] => [
  { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  leaf,
];

const dictionary = (entry: string): Page => ({
  kind: 'DICTIONARY_PAGE',
  values: 1,
  encoding: 'PLAIN',
  body: plain(entry),
});
/** The first entry of the dictionary `repeats` times, in one run; `claimed`: number of values in the header. */
const repeated = (repeats: number, claimed = repeats): Page => ({
  kind: 'DATA_PAGE',
  values: claimed,
  encoding: 'RLE_DICTIONARY',
  body: Buffer.concat([Buffer.from([1]), run(repeats, 0)]),
});
/** Nulls only, in one run of definition levels. */
const nulls = (count: number): Page => ({
  kind: 'DATA_PAGE',
  values: count,
  encoding: 'PLAIN',
  body: levels(run(count, 0)),
});
const noise = (length: number): string =>
  Array.from({ length }, (_, index) => String.fromCharCode(97 + ((index * 7919) % 25))).join('');

/**
 * Ascending prefixes, each of `step` more characters, and suffixes of `step`: each text begins with the previous one.
 */
const growing = (values: number, step: number): Page => {
  const deltas = (first: number, delta: number): Uint8Array => {
    const blocks = Math.ceil((values - 1) / 128);
    return Buffer.concat([
      Buffer.from([...varint(128), 4, ...varint(values), ...varint(2 * first)]),
      ...Array.from({ length: blocks }, () => Buffer.from([...varint(2 * delta), 0, 0, 0, 0])),
    ]);
  };
  return {
    kind: 'DATA_PAGE',
    values,
    encoding: 'DELTA_BYTE_ARRAY',
    body: Buffer.concat([deltas(0, step), deltas(step, 0), Buffer.from(noise(values * step))]),
  };
};

const MILLION = 1_000_000;
/** A million texts of this size are 50 GB. */
const LONG = 50_000;
const aLongTextRepeated = (name: string): Column => ({
  elements: [text(name)],
  pages: [dictionary(noise(LONG)), repeated(MILLION)],
});
/** A list of texts in every row; `count` values of the given levels. */
const lists = (count: number, repetition: number, definition: number): Column => ({
  elements: listOf('texts', optional(text('element'))),
  pages: [
    {
      kind: 'DATA_PAGE',
      values: count,
      encoding: 'PLAIN',
      body: Buffer.concat([levels(run(count, repetition)), levels(run(count, definition))]),
    },
  ],
});
/** A text repeated in many rows, like the passage of many questions: valid, and much smaller than its rows. */
export const repeatedPassages = (rows: number, passage: string): Buffer =>
  parquetFile(rows, [
    { elements: [text('passage')], pages: [dictionary(passage), repeated(rows)] },
    {
      elements: [{ name: 'number', type: 'INT32', repetition_type: 'REQUIRED' }],
      pages: [
        {
          kind: 'DATA_PAGE',
          values: rows,
          encoding: 'PLAIN',
          body: new Uint8Array(Int32Array.from({ length: rows }, (_, row) => row).buffer),
        },
      ],
    },
  ]);

/** Groups of eight zero-bit indexes: the parser counts them all for the few values that there are. */
export const slowParquet = (): Buffer =>
  parquetFile(400, [
    {
      elements: [text('text')],
      pages: [
        dictionary('a'),
        ...Array.from({ length: 400 }, (): Page => {
          const body = Buffer.from([0, ...varint(2 ** 28 - 1)]);
          return { kind: 'DATA_PAGE_V2', values: 1, encoding: 'RLE_DICTIONARY', body };
        }),
      ],
    },
  ]);

/** Small files whose rows, or the way to them, would take gigabytes of memory. */
export const parquetBombs: Readonly<Record<string, () => Buffer>> = {
  'a long text of a dictionary, a million times': () => parquetFile(MILLION, [aLongTextRepeated('text')]),
  'eight such columns': () =>
    parquetFile(
      MILLION,
      Array.from({ length: 8 }, (_, index) => aLongTextRepeated(`text ${String(index)}`)),
    ),
  'a dictionary of one entry, without indexes': () =>
    parquetFile(MILLION, [
      {
        elements: [text('text')],
        pages: [
          dictionary(noise(LONG)),
          { kind: 'DATA_PAGE', values: MILLION, encoding: 'RLE_DICTIONARY', body: Buffer.from([0]) },
        ],
      },
    ]),
  'a long text a million times in a page of the second kind, by packed indexes': () =>
    parquetFile(MILLION, [
      {
        elements: [text('text')],
        pages: [
          dictionary(noise(LONG)),
          {
            kind: 'DATA_PAGE_V2',
            values: MILLION,
            encoding: 'RLE_DICTIONARY',
            body: Buffer.concat([Buffer.from([1, ...varint((MILLION / 8) * 2 + 1)]), Buffer.alloc(MILLION / 8)]),
          },
        ],
      },
    ]),
  'texts of a fixed length in a dictionary, a million times': () =>
    parquetFile(MILLION, [
      {
        elements: [{ ...text('text'), type: 'FIXED_LEN_BYTE_ARRAY', type_length: LONG }],
        pages: [{ ...dictionary(''), body: Buffer.from(noise(LONG)) }, repeated(MILLION)],
      },
    ]),
  'a run far longer than its page': () =>
    parquetFile(8, [{ elements: [text('text')], pages: [dictionary('a'), repeated(2 ** 29, 8)] }]),
  'such a run of numbers': () =>
    parquetFile(8, [
      {
        elements: [{ name: 'number', type: 'INT32', repetition_type: 'REQUIRED' }],
        pages: [{ ...dictionary(''), body: Buffer.alloc(4) }, repeated(2 ** 29, 8)],
      },
    ]),
  'such a run of booleans': () =>
    parquetFile(8, [
      {
        elements: [{ name: 'boolean', type: 'BOOLEAN', repetition_type: 'REQUIRED' }],
        pages: [{ kind: 'DATA_PAGE', values: 8, encoding: 'RLE', body: levels(run(2 ** 29, 0)) }],
      },
    ]),
  'definition levels far longer than their page': () =>
    parquetFile(8, [
      {
        elements: [optional(text('text'))],
        pages: [{ kind: 'DATA_PAGE', values: 8, encoding: 'PLAIN', body: levels(run(2 ** 29, 0)) }],
      },
    ]),
  'a page of far more values than its column': () =>
    parquetFile(8, [{ elements: [text('text')], pages: [dictionary('a'), repeated(2 ** 27)], claimedValues: 8 }]),
  'a column of far more values than rows': () =>
    parquetFile(8, [{ elements: [text('text')], pages: [dictionary('a'), repeated(2 ** 27)] }]),
  'a page with the header of another type beside its own': () =>
    parquetFile(8, [
      {
        elements: [optional(text('text'))],
        pages: [{ ...nulls(2 ** 27), header: { field_7: { field_1: 1, field_2: 0 } } }],
        claimedValues: 8,
      },
    ]),
  'a thousand elements in each of a million lists': () => parquetFile(MILLION, [lists(1000 * MILLION, 1, 2)]),
  'forty million empty lists': () => parquetFile(MILLION, [lists(40 * MILLION, 0, 1)]),
  'thousands of columns of nothing, a million rows each': () =>
    parquetFile(
      MILLION,
      Array.from({ length: 3000 }, (_, index) => ({
        elements: [optional(text(String(index)))],
        pages: [nulls(MILLION)],
      })),
    ),
  'a name of 200,000 characters in each of a million rows': () =>
    parquetFile(MILLION, [{ elements: [optional(text(noise(200_000)))], pages: [nulls(MILLION)] }]),
  ...Object.fromEntries(
    (['SNAPPY', 'GZIP', 'BROTLI', 'ZSTD'] as const).map((codec) => [
      `forty times 32 MiB of zeros by ${codec}`,
      () => {
        const zeros: Page = { kind: 'DATA_PAGE', values: 0, encoding: 'PLAIN', body: Buffer.alloc(2 ** 25) };
        return parquetFile(1, [
          { elements: [text('text')], codec, pages: Array.from({ length: 40 }, () => zeros), claimedValues: 1 },
        ]);
      },
    ]),
  ),
  'texts that grow by their prefixes': () =>
    parquetFile(60_000, [{ elements: [text('text')], pages: [growing(60_000, 1)] }]),
  'bytes of floats, spread over more than there are': () =>
    parquetFile(MILLION, [
      {
        elements: [{ name: 'bytes', type: 'FIXED_LEN_BYTE_ARRAY', type_length: 4096, repetition_type: 'REQUIRED' }],
        pages: [{ kind: 'DATA_PAGE', values: MILLION, encoding: 'BYTE_STREAM_SPLIT', body: Buffer.alloc(MILLION) }],
      },
    ]),
  'a hundred columns of the same megabytes': () => {
    const column: Column = {
      elements: [text('text 00')],
      pages: [{ kind: 'DATA_PAGE', values: 1, encoding: 'PLAIN', body: plain(noise(2 ** 24)) }],
    };
    const names = Array.from({ length: 100 }, (_, index) => `text ${String(index).padStart(2, '0')}`);
    return parquetFile(1, [
      column,
      ...names.slice(1).map((name) => ({ elements: [text(name)], pages: 'first' as const })),
    ]);
  },
  'a footer of eight million empty objects': () => {
    const sound = parquetFile(1, [{ elements: [text('text')], pages: [dictionary('a'), repeated(1)] }]);
    // Field 2, the schema: a list of structures without fields.
    const count = 8 * MILLION;
    const footer = Buffer.concat([
      Buffer.from([0x15, 2, 0x19, 0xfc, ...varint(count)]),
      Buffer.alloc(count),
      Buffer.from([0x16, 2, 0x19, 0x0c, 0]),
    ]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    return Buffer.concat([sound.subarray(0, 40), footer, length, Buffer.from('PAR1')]);
  },
};
