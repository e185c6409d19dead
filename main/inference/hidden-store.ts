import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Stored hidden states: in memory, or in a file of the spill folder. */
export type StoredHidden =
  { readonly kind: 'memory'; readonly hidden: Float32Array } | { readonly kind: 'file'; readonly file: string };

/** Share of the memory left by the weights for hidden states that outlive a run (`UnprunedStates`). */
export const KEPT_SHARE = 0.25;

/**
 * Hidden states between two blocks of a model that runs block by block. Up to `limitBytes` stay in memory, the rest
 * goes to files under `folder` and is restored bit for bit. Release every state; `dispose` removes the remaining ones.
 */
export class HiddenStore {
  readonly #folder: string;
  readonly #limitBytes: number;
  readonly #files = new Set<string>();
  #heldBytes = 0;
  #spilledBytes = 0;

  constructor(folder: string, limitBytes: number) {
    this.#folder = path.join(folder, `spill-${process.pid}-${randomUUID().slice(0, 8)}`);
    this.#limitBytes = limitBytes;
  }

  /** Bytes written to files so far. */
  get spilledBytes(): number {
    return this.#spilledBytes;
  }

  async put(hidden: Float32Array): Promise<StoredHidden> {
    if (this.#heldBytes + hidden.byteLength <= this.#limitBytes) {
      this.#heldBytes += hidden.byteLength;
      // A part of a larger array holds all of it, which counts where memory is limited.
      const isPart = hidden.byteLength < hidden.buffer.byteLength;
      return { kind: 'memory', hidden: isPart && this.#limitBytes < Infinity ? hidden.slice() : hidden };
    }
    await mkdir(this.#folder, { recursive: true });
    const file = path.join(this.#folder, randomUUID());
    await writeFile(file, new Uint8Array(hidden.buffer, hidden.byteOffset, hidden.byteLength));
    this.#files.add(file);
    this.#spilledBytes += hidden.byteLength;
    return { kind: 'file', file };
  }

  async read(stored: StoredHidden): Promise<Float32Array> {
    if (stored.kind === 'memory') return stored.hidden;
    const bytes = await readFile(stored.file);
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }

  async release(stored: StoredHidden): Promise<void> {
    if (stored.kind === 'memory') {
      this.#heldBytes -= stored.hidden.byteLength;
      return;
    }
    this.#files.delete(stored.file);
    await rm(stored.file, { force: true });
  }

  async dispose(): Promise<void> {
    this.#files.clear();
    this.#heldBytes = 0;
    await rm(this.#folder, { recursive: true, force: true });
  }
}
