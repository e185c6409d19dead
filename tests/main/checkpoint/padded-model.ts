import { cp, open, stat, truncate, utimes } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const models = fileURLToPath(new URL('../../../resources/models', import.meta.url));

/** More than the largest model that is hashed when it is opened. */
const PADDING_BYTES = 80 * 10 ** 6;

/**
 * A copy of a bundled model whose weight file has 80 MB more, of a buffer that nothing reads: zeros that take no space
 * on disk. It answers like the bundled model, and is too large to be hashed when it is opened.
 */
export const paddedModel = async (name: string, paddingBytes = PADDING_BYTES): Promise<string> => {
  const folder = path.join(await temporaryFolder(), name);
  await writePaddedModel(name, folder, paddingBytes);
  return folder;
};

/** The same in a folder to make. */
export const writePaddedModel = async (name: string, folder: string, paddingBytes = PADDING_BYTES): Promise<void> => {
  await cp(path.join(models, name), folder, { recursive: true });
  const file = path.join(folder, 'model.safetensors');
  const handle = await open(file, 'r+');
  let size: number;
  try {
    const whole = await handle.readFile();
    const headerBytes = Number(whole.readBigUInt64LE());
    const header = JSON.parse(whole.toString('utf8', 8, 8 + headerBytes)) as Record<string, unknown>;
    const data = whole.subarray(8 + headerBytes);
    const padding = { dtype: 'U8', shape: [paddingBytes], data_offsets: [data.length, data.length + paddingBytes] };
    const text = Buffer.from(JSON.stringify({ ...header, 'model.padding.rotary_emb.inv_freq': padding }));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    const bytes = Buffer.concat([length, text, data]);
    await handle.write(bytes, 0, bytes.length, 0);
    size = bytes.length + paddingBytes;
  } finally {
    await handle.close();
  }
  await truncate(file, size);
};

/** Flips the signs of the float16 numbers of the tensors whose names match, in place, and restores the file's time. */
export const flipTensors = async (folder: string, pattern: RegExp): Promise<void> => {
  const file = path.join(folder, 'model.safetensors');
  const { tensors } = await readSafetensorsHeader(file);
  const { atime, mtime } = await stat(file);
  const handle = await open(file, 'r+');
  try {
    for (const { tensor, byteOffset, byteLength } of tensors.values()) {
      if (!pattern.test(tensor)) continue;
      const { buffer } = await handle.read(Buffer.alloc(byteLength), 0, byteLength, byteOffset);
      for (let at = 1; at < byteLength; at += 2) buffer[at] = (buffer[at] ?? 0) ^ 0x80;
      await handle.write(buffer, 0, byteLength, byteOffset);
    }
  } finally {
    await handle.close();
  }
  await utimes(file, atime, mtime);
};
