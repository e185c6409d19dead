import { crc32 } from 'node:zlib';
import { WorkbenchError } from '../contract/errors.ts';
import { openToRead, whileOpen } from '../files/regular-file.ts';
import { maxOf } from '../statistics/extremes.ts';
import type { TensorView } from './descriptor.ts';
import type { FileContent, Stretch } from './file-content.ts';

/** Bytes in memory at a time. */
const CHUNK_BYTES = 4 * 2 ** 20;

const isView = (value: object): value is TensorView =>
  'tensor' in value && 'file' in value && 'byteOffset' in value && 'byteLength' in value;

/** Every tensor that a part of a descriptor uses, whole, in the order of their positions on disk. */
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

interface StretchOf extends Stretch {
  readonly file: string;
}

/** Merges views that follow each other into contiguous byte ranges, in file order. */
const stretchesOf = (views: readonly TensorView[]): readonly StretchOf[] => {
  const stretches: StretchOf[] = [];
  for (const { file, byteOffset: start, byteLength } of views) {
    const last = stretches.at(-1);
    if (last?.file === file && last.start + last.length === start)
      stretches[stretches.length - 1] = { ...last, length: last.length + byteLength };
    else stretches.push({ file, start, length: byteLength });
  }
  return stretches;
};

/** CRC-32: accidental changes do not forge one, and it takes half the time of SHA-256. */
const checksumOf = async (views: readonly TensorView[]): Promise<number> => {
  const stretches = stretchesOf(views);
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, maxOf([0, ...stretches.map(({ length }) => length)])));
  let sum = 0;
  for (const file of new Set(stretches.map((stretch) => stretch.file))) {
    await whileOpen(openToRead(file), async ({ handle }) => {
      for (const { start, length } of stretches.filter((stretch) => stretch.file === file))
        for (let done = 0; done < length; done += CHUNK_BYTES) {
          const { bytesRead } = await handle.read(chunk, 0, Math.min(CHUNK_BYTES, length - done), start + done);
          sum = crc32(chunk.subarray(0, bytesRead), sum);
        }
    });
  }
  return sum;
};

const isHashed = ({ content }: TensorView): boolean => content !== undefined && content.hashes !== null;

/** The first file whose bytes in the views are not those that were hashed; null: all are. */
const changedFile = async (views: readonly TensorView[]): Promise<FileContent | null> => {
  const contentOf = new Map(views.flatMap(({ file, content }) => (content === undefined ? [] : [[file, content]])));
  for (const [file, stretches] of Map.groupBy(stretchesOf(views), (stretch) => stretch.file)) {
    const content = contentOf.get(file);
    if (content !== undefined && !(await content.areSame(stretches))) return content;
  }
  return null;
};

/**
 * Compares weights with the hashes of their files; of a model that was not hashed, with checksums from when they were
 * first mapped. By part (a block, the embedding, the head), to check whether the
 * files still have the same content. Also detects changes that keep size and time.
 */
export class MappedWeights {
  readonly #tensors: ReadonlyMap<string, TensorView>;
  /** `checksum`: null where the pieces of the hashed files are compared. */
  readonly #seen = new Map<string, { readonly views: readonly TensorView[]; readonly checksum: number | null }>();

  constructor(tensors: ReadonlyMap<string, TensorView>) {
    this.#tensors = tensors;
  }

  /**
   * Must be called before `part` is mapped, to detect writes between the two; reads the part only the first time.
   *
   * @throws WorkbenchError failed: `model-changed` if a file that was hashed contains other bytes.
   */
  async note(name: string, part: unknown): Promise<void> {
    if (this.#seen.has(name)) return;
    const views = tensorsWithin(part, this.#tensors);
    if (!views.every(isHashed)) {
      this.#seen.set(name, { views, checksum: await checksumOf(views) });
      return;
    }
    const changed = await changedFile(views);
    if (changed !== null) throw changed.changed();
    this.#seen.set(name, { views, checksum: null });
  }

  /** Names of the parts whose bytes on disk differ from those that were mapped. */
  async changed(): Promise<readonly string[]> {
    const changed: string[] = [];
    for (const [name, { views, checksum }] of this.#seen) {
      try {
        const isSame = checksum === null ? (await changedFile(views)) === null : (await checksumOf(views)) === checksum;
        if (!isSame) changed.push(name);
      } catch (error) {
        // Gone or replaced.
        if (!(error instanceof WorkbenchError)) throw error;
        changed.push(name);
      }
    }
    return changed;
  }
}
