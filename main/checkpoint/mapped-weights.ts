import { crc32 } from 'node:zlib';
import { WorkbenchError } from '../contract/errors.ts';
import { openToRead } from '../files/regular-file.ts';
import { maxOf } from '../statistics/extremes.ts';
import type { TensorView } from './descriptor.ts';

/** Bytes in memory at a time. */
const CHUNK_BYTES = 4 * 2 ** 20;

const isView = (value: object): value is TensorView =>
  'tensor' in value && 'file' in value && 'byteOffset' in value && 'byteLength' in value;

/** Every tensor that a part of a descriptor names, whole, in the order of its place on disk. */
const tensorsWithin = (part: unknown, whole: ReadonlyMap<string, TensorView>): readonly TensorView[] => {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (isView(value)) names.add(value.tensor);
    else Object.values(value).forEach(visit);
  };
  visit(part);
  return [...names]
    .flatMap((name) => whole.get(name) ?? [])
    .sort((a, b) => (a.file === b.file ? a.byteOffset - b.byteOffset : a.file < b.file ? -1 : 1));
};

interface Stretch {
  readonly file: string;
  readonly start: number;
  readonly length: number;
}

/** Views in the order of their places as stretches of bytes: those that follow each other are one. */
const stretchesOf = (views: readonly TensorView[]): readonly Stretch[] => {
  const stretches: Stretch[] = [];
  for (const { file, byteOffset: start, byteLength } of views) {
    const last = stretches.at(-1);
    if (last?.file === file && last.start + last.length === start)
      stretches[stretches.length - 1] = { ...last, length: last.length + byteLength };
    else stretches.push({ file, start, length: byteLength });
  }
  return stretches;
};

/** CRC-32: what changes files by mistake does not forge one, and it takes half the time of SHA-256. */
const checksumOf = async (views: readonly TensorView[]): Promise<number> => {
  const stretches = stretchesOf(views);
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, maxOf([0, ...stretches.map(({ length }) => length)])));
  let sum = 0;
  for (const file of new Set(stretches.map((stretch) => stretch.file))) {
    const { handle } = await openToRead(file);
    try {
      for (const { start, length } of stretches.filter((stretch) => stretch.file === file)) {
        for (let done = 0; done < length; done += CHUNK_BYTES) {
          const { bytesRead } = await handle.read(chunk, 0, Math.min(CHUNK_BYTES, length - done), start + done);
          sum = crc32(chunk.subarray(0, bytesRead), sum);
        }
      }
    } finally {
      await handle.close();
    }
  }
  return sum;
};

/**
 * Checksums of the weights as they were when they were first mapped, part by part (a block, the embedding, the head),
 * and whether the files still hold the same: so a change that leaves size and time alone is found as well.
 */
export class MappedWeights {
  readonly #tensors: ReadonlyMap<string, TensorView>;
  readonly #seen = new Map<string, { readonly views: readonly TensorView[]; readonly checksum: number }>();

  constructor(tensors: ReadonlyMap<string, TensorView>) {
    this.#tensors = tensors;
  }

  /** Call before `part` is mapped, so that what is written between the two is found; reads it the first time only. */
  async note(name: string, part: unknown): Promise<void> {
    if (this.#seen.has(name)) return;
    const views = tensorsWithin(part, this.#tensors);
    this.#seen.set(name, { views, checksum: await checksumOf(views) });
  }

  /** Names of the parts whose bytes on disk are not what was mapped. */
  async changed(): Promise<readonly string[]> {
    const changed: string[] = [];
    for (const [name, { views, checksum }] of this.#seen) {
      try {
        if ((await checksumOf(views)) !== checksum) changed.push(name);
      } catch (error) {
        // Gone, or something else in its place.
        if (!(error instanceof WorkbenchError)) throw error;
        changed.push(name);
      }
    }
    return changed;
  }
}
