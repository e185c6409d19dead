import { open, writeFile } from 'node:fs/promises';

export interface NamedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Bytes per value of the byte-sized dtypes of the safetensors format. */
const bytesOf: Readonly<Record<string, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  U8: 1,
  I8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
};

/** Writes a valid safetensors file of these tensors, all zero and sparse: only its header takes space on disk. */
export const writeHeaderFile = async (file: string, tensors: readonly NamedTensor[]): Promise<void> => {
  let offset = 0;
  const entries = tensors.map(({ name, dtype, shape }) => {
    const begin = offset;
    offset += shape.reduce((product, length) => product * length, bytesOf[dtype] ?? NaN);
    return [name, { dtype, shape, data_offsets: [begin, offset] }] as const;
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  await writeFile(file, Buffer.concat([length, header]));
  const handle = await open(file, 'r+');
  try {
    await handle.truncate(length.length + header.length + offset);
  } finally {
    await handle.close();
  }
};
