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
 *
 * What is put belongs to the store. Releasing a state frees its memory at once, with that of the other parts of its
 * buffer once all are released: left to the garbage collector, states make it run all the time.
 */
export class HiddenStore {
  readonly #folder: string;
  readonly #limitBytes: number;
  readonly #files = new Set<string>();
  /** How many states in memory are parts of a buffer. */
  readonly #parts = new Map<ArrayBufferLike, number>();
  #heldBytes = 0;

  constructor(folder: string, limitBytes: number) {
    this.#folder = path.join(folder, `spill-${process.pid}-${randomUUID().slice(0, 8)}`);
    this.#limitBytes = limitBytes;
  }

  async put(hidden: Float32Array): Promise<StoredHidden> {
    if (this.#heldBytes + hidden.byteLength <= this.#limitBytes) {
      this.#heldBytes += hidden.byteLength;
      // A part of a larger array holds all of it, which counts where memory is limited.
      const isPart = hidden.byteLength < hidden.buffer.byteLength;
      const held = isPart && this.#limitBytes < Infinity ? hidden.slice() : hidden;
      this.#parts.set(held.buffer, (this.#parts.get(held.buffer) ?? 0) + 1);
      return { kind: 'memory', hidden: held };
    }
    await mkdir(this.#folder, { recursive: true });
    const file = path.join(this.#folder, randomUUID());
    await writeFile(file, new Uint8Array(hidden.buffer, hidden.byteOffset, hidden.byteLength));
    this.#files.add(file);
    return { kind: 'file', file };
  }

  async read(stored: StoredHidden): Promise<Float32Array> {
    if (stored.kind === 'memory') return stored.hidden;
    const bytes = await readFile(stored.file);
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }

  async release(stored: StoredHidden): Promise<void> {
    if (stored.kind === 'memory') {
      const { buffer, byteLength } = stored.hidden;
      this.#heldBytes -= byteLength;
      const left = (this.#parts.get(buffer) ?? 0) - 1;
      if (left > 0) this.#parts.set(buffer, left);
      else {
        this.#parts.delete(buffer);
        if (buffer instanceof ArrayBuffer) buffer.transfer(0);
      }
      return;
    }
    this.#files.delete(stored.file);
    await rm(stored.file, { force: true });
  }

  async dispose(): Promise<void> {
    this.#files.clear();
    this.#parts.clear();
    this.#heldBytes = 0;
    await rm(this.#folder, { recursive: true, force: true });
  }
}
