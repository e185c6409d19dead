import { readFile } from 'node:fs/promises';
import { zstdDecompressSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';

/** Rows of a Parquet file, read by a reader that is independent of this project. */
export const readParquet = async (file: string): Promise<Record<string, unknown>[]> => {
  const bytes = await readFile(file);
  return parquetReadObjects({
    file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    compressors: { ZSTD: (page) => zstdDecompressSync(page) },
  });
};
