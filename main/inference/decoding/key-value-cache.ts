import type { Tensor } from 'onnxruntime-node';
import type { KeyValueShape } from '../../graph/attention.ts';
import { floatTensor } from '../session.ts';

const BYTES_PER_NUMBER = 4;
/** Minimum growth of a cache in columns, and its growth as a share of its size, which keeps copying linear overall. */
const LEAST_GROWTH = 16;
const GROWTH = 0.25;

/** Bytes of one token of one sequence in the caches of all blocks. */
export const bytesPerColumn = (shapes: readonly KeyValueShape[]): number =>
  shapes.reduce(
    (sum, { heads, keyDimension, valueDimension }) => sum + BYTES_PER_NUMBER * heads * (keyDimension + valueDimension),
    0,
  );

/** Keys and values of tokens as output by a block: [T, G, K] and [T, G, V]. */
export interface NewKeysAndValues {
  readonly key: Float32Array;
  readonly value: Float32Array;
}

/** Keys and values as input of a graph: [sequences, G, columns, K] and [sequences, G, columns, V]. */
export interface FedKeysAndValues {
  readonly key: Tensor;
  readonly value: Tensor;
}

/**
 * Keys and values of sequences, per block [slots, G, columns, K] and [slots, G, columns, V]. Each sequence has a slot
 * and fills its columns from 0 on; a block's slots are contiguous, so that any range of slots can be fed without
 * copying. Unwritten columns are zero.
 */
export class KeyValueCache {
  readonly #shapes: readonly KeyValueShape[];
  readonly #blocks: { key: Float32Array; value: Float32Array }[];
  #slots = 0;
  #columns = 0;

  constructor(shapes: readonly KeyValueShape[]) {
    this.#shapes = shapes;
    this.#blocks = shapes.map(() => ({ key: new Float32Array(), value: new Float32Array() }));
  }

  get slots(): number {
    return this.#slots;
  }

  get columns(): number {
    return this.#columns;
  }

  /**
   * Resizes to `slots` sequences of `columns` tokens, and keeps the contents of the first `used` slots in the remaining
   * columns. Blocks are reallocated one by one: only one block has two layouts at a time.
   */
  resize(slots: number, columns: number, used: number): void {
    const kept = Math.min(columns, this.#columns);
    this.#blocks.forEach((block, index) => {
      const { heads, keyDimension, valueDimension } = this.#shape(index);
      const laidOut = (old: Float32Array, width: number): Float32Array => {
        const out = new Float32Array(slots * heads * columns * width);
        for (let row = 0; row < used * heads; row += 1) {
          out.set(
            old.subarray(row * this.#columns * width, (row * this.#columns + kept) * width),
            row * columns * width,
          );
        }
        return out;
      };
      block.key = laidOut(block.key, keyDimension);
      block.value = laidOut(block.value, valueDimension);
    });
    this.#slots = slots;
    this.#columns = columns;
  }

  /** Number of columns to grow to if `needed` must fit and at most `most` are ever needed. */
  grownColumns(needed: number, most: number): number {
    if (needed <= this.#columns) return this.#columns;
    return Math.min(most, Math.max(needed, this.#columns + Math.max(LEAST_GROWTH, Math.ceil(this.#columns * GROWTH))));
  }

  /** Writes `count` tokens from row `first` of a block's output into a slot, from column `column` on. */
  write(
    block: number,
    slot: number,
    column: number,
    count: number,
    first: number,
    { key, value }: NewKeysAndValues,
  ): void {
    const { heads, keyDimension, valueDimension } = this.#shape(block);
    const own = this.#block(block);
    const put = (to: Float32Array, from: Float32Array, width: number): void => {
      for (let head = 0; head < heads; head += 1) {
        let target = ((slot * heads + head) * this.#columns + column) * width;
        for (let token = first; token < first + count; token += 1) {
          const start = (token * heads + head) * width;
          for (let at = start; at < start + width; at += 1, target += 1) to[target] = from[at] ?? NaN;
        }
      }
    };
    put(own.key, key, keyDimension);
    put(own.value, value, valueDimension);
  }

  /** Moves the first `columns` columns of one slot to another. */
  move(from: number, to: number, columns: number): void {
    this.#blocks.forEach((block, index) => {
      const { heads, keyDimension, valueDimension } = this.#shape(index);
      const copy = (data: Float32Array, width: number): void => {
        for (let head = 0; head < heads; head += 1) {
          const start = (from * heads + head) * this.#columns * width;
          data.copyWithin((to * heads + head) * this.#columns * width, start, start + columns * width);
        }
      };
      copy(block.key, keyDimension);
      copy(block.value, valueDimension);
    });
  }

  /** Keys [count, G, columns, K] and values [count, G, columns, V] of slots from `first` on, without copying. */
  read(block: number, first: number, count: number): FedKeysAndValues {
    const { heads, keyDimension, valueDimension } = this.#shape(block);
    const { key, value } = this.#block(block);
    const part = (data: Float32Array, width: number): Tensor => {
      const size = heads * this.#columns * width;
      return floatTensor(data.subarray(first * size, (first + count) * size), [count, heads, this.#columns, width]);
    };
    return { key: part(key, keyDimension), value: part(value, valueDimension) };
  }

  #shape(block: number): KeyValueShape {
    const shape = this.#shapes[block];
    if (shape === undefined) throw new Error(`no cache of block ${String(block)}`);
    return shape;
  }

  #block(block: number): { key: Float32Array; value: Float32Array } {
    const found = this.#blocks[block];
    if (found === undefined) throw new Error(`no cache of block ${String(block)}`);
    return found;
  }
}
