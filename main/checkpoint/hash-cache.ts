import { createHash } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { readKept, writeKept } from '../files/kept-file.ts';
import type { FileHashes } from './file-content.ts';

/** Identifies the state of a file without reading it: its size, its times, and which file it is. */
export interface FileState {
  readonly file: string;
  readonly sizeBytes: bigint;
  readonly modifiedNs: bigint;
  /** When its bytes, times, permissions or name last changed (ctime): no program can reset it. */
  readonly changedNs: bigint;
  readonly inode: bigint;
  readonly device: bigint;
}

/**
 * File systems (f_type of statfs) on which every write after an fsync moves the times of a file, also one through a
 * shared mapping whose pages were dirty before. Found by tests/bench/mapped-writes.py: on tmpfs no such write does, and
 * overlayfs does as the file system below it, which it does not name.
 */
const TIMES_MOVE: ReadonlySet<number> = new Set([
  // ext2, ext3, ext4; XFS.
  0xef53, 0x58465342,
]);

/** Times of files have steps (of up to two seconds on old file systems), within which two writes look the same. */
const SETTLED_NS = 2_000_000_000n;

/** Whether the times of a file tell that it changed since it was hashed. */
export const timesTell = async ({ file, modifiedNs, changedNs }: FileState, hashedAtMs: number): Promise<boolean> => {
  if (process.platform !== 'linux') return false;
  const youngest = modifiedNs > changedNs ? modifiedNs : changedNs;
  if (youngest + SETTLED_NS > BigInt(Math.floor(hashedAtMs)) * 1_000_000n) return false;
  return timesMove(file);
};

/** Whether the file system of a file is one of those. */
export const timesMove = async (file: string): Promise<boolean> => {
  if (process.platform !== 'linux') return false;
  const { type } = await statfs(file);
  return TIMES_MOVE.has(type);
};

const FOLDER = 'hashes';
/** A file of 600 GB has 2.3 million pieces, whose checksums are 12 MB of text. */
const MAX_CACHE_BYTES = 64 * 2 ** 20;

const cached = z.object({
  format: z.literal('uncurl-hashes'),
  version: z.literal(1),
  state: boundedText,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  pieceBytes: z.number().int().positive(),
  /** Base64 of unsigned 32-bit integers, little-endian. */
  pieces: z.string().max(MAX_CACHE_BYTES),
});

/** The fingerprint of earlier versions, under a hash of all that it is made of: it is right in every state. */
const cachedFingerprint = z.object({
  format: z.literal('uncurl-fingerprint'),
  version: z.literal(1),
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
});

const stateText = ({ file, sizeBytes, modifiedNs, changedNs, inode, device }: FileState): string =>
  [device, inode, sizeBytes, modifiedNs, changedNs, file].map(String).join(' ');

/**
 * Hashes of files of models, in a folder of the user outside of every workspace. The entry of a file counts only in the
 * state in which it was hashed, where its times tell of changes (`timesTell`).
 */
export class HashCache {
  readonly #folder: string;

  /** `state`: the user's state folder. */
  constructor(state: string) {
    this.#folder = join(state, FOLDER);
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${createHash('sha256').update(name).digest('hex').slice(0, 32)}.json`);
  }

  /** Null: not hashed in this state, or not readable, so that it is hashed again. */
  async read(state: FileState): Promise<FileHashes | null> {
    const entry = await this.#entry(state.file, cached);
    if (entry?.state !== stateText(state)) return null;
    const { sha256, pieceBytes, pieces } = entry;
    const bytes = Buffer.from(pieces, 'base64');
    const sums = Uint32Array.from({ length: bytes.length >> 2 }, (_, index) => bytes.readUInt32LE(4 * index));
    return sums.length === Math.ceil(Number(state.sizeBytes) / pieceBytes)
      ? { sha256, pieceBytes, pieces: sums }
      : null;
  }

  async write(state: FileState, { sha256, pieceBytes, pieces }: FileHashes): Promise<void> {
    const bytes = Buffer.alloc(4 * pieces.length);
    pieces.forEach((sum, index) => bytes.writeUInt32LE(sum, 4 * index));
    const entry: z.infer<typeof cached> = {
      format: 'uncurl-hashes',
      version: 1,
      state: stateText(state),
      sha256,
      pieceBytes,
      pieces: bytes.toString('base64'),
    };
    await this.#keep(state.file, entry);
  }

  /** `content`: names all that the fingerprint is made of. */
  async fingerprintOf(content: string): Promise<string | null> {
    return (await this.#entry(content, cachedFingerprint))?.fingerprint ?? null;
  }

  async keepFingerprint(content: string, fingerprint: string): Promise<void> {
    const entry: z.infer<typeof cachedFingerprint> = { format: 'uncurl-fingerprint', version: 1, fingerprint };
    await this.#keep(content, entry);
  }

  #entry<T extends z.ZodType>(name: string, schema: T): Promise<z.output<T> | null> {
    return readKept(this.#pathOf(name), MAX_CACHE_BYTES, schema);
  }

  #keep(name: string, entry: object): Promise<void> {
    return writeKept(this.#pathOf(name), JSON.stringify(entry));
  }
}

let kept: HashCache | null = null;

/** Keeps hashes of models in this state folder from now on, for all models that this process opens. */
export const keepHashesIn = (state: string): void => {
  kept = new HashCache(state);
};

/** Null: none is kept, and every model is hashed when it is first used. */
export const keptHashes = (): HashCache | null => kept;
