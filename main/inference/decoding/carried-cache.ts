import { valuesIn } from '../../arithmetic/vectors.ts';
import { present } from '../../contract/errors.ts';
import { type CarriedPart, inputOf } from '../../graph/carried.ts';
import { type Feeds, floatTensor } from '../session.ts';

const BYTES_PER_NUMBER = 4;
/** Minimum growth of a cache in columns, and its growth as a share of its size, which keeps copying linear overall. */
const LEAST_GROWTH = 16;
const GROWTH = 0.25;

/** Parts that each block carries. */
export type CarriedBlocks = readonly (readonly CarriedPart[])[];

const bytesOf = (blocks: CarriedBlocks, perToken: boolean): number =>
  blocks
    .flat()
    .filter((part) => part.perToken === perToken)
    .reduce((sum, part) => sum + BYTES_PER_NUMBER * valuesIn(part.shape), 0);

/** Bytes of one token of one sequence in the caches of all blocks. */
export const bytesPerColumn = (blocks: CarriedBlocks): number => bytesOf(blocks, true);

/** Bytes of one sequence in the caches of all blocks, whatever its length. */
export const bytesPerSequence = (blocks: CarriedBlocks): number => bytesOf(blocks, false);

/** A sequence of a step: where it is written, and its rows in a block's outputs. */
export interface WrittenSequence {
  readonly slot: number;
  /** Column of its first token. */
  readonly column: number;
  /** Its number among the sequences of the step, its first row among the tokens, and the number of its tokens. */
  readonly sequence: number;
  readonly firstRow: number;
  readonly tokens: number;
}

/**
 * Keys, values and states of sequences. A part of every token is [slots, heads, columns, width]: each sequence has a
 * slot and fills its columns from 0 on. A part of a whole sequence is [slots, ...]. A block's slots are contiguous, so
 * that any range of slots can be fed without copying. Unwritten columns are zero.
 */
export class CarriedCache {
  readonly #blocks: readonly (readonly { readonly part: CarriedPart; data: Float32Array }[])[];
  #slots = 0;
  #columns = 0;

  constructor(blocks: CarriedBlocks) {
    this.#blocks = blocks.map((parts) => parts.map((part) => ({ part, data: new Float32Array() })));
  }

  get slots(): number {
    return this.#slots;
  }

  get columns(): number {
    return this.#columns;
  }

  /**
   * Resizes to `slots` sequences of `columns` tokens, and keeps the contents of the first `used` slots in the remaining
   * columns. Parts are reallocated one by one: only one part has two layouts at a time.
   */
  resize(slots: number, columns: number, used: number): void {
    for (const held of this.#blocks.flat()) {
      const { rows, width, columns: before } = layoutOf(held.part, this.#columns);
      const after = layoutOf(held.part, columns).columns;
      const kept = Math.min(before, after);
      const out = new Float32Array(slots * rows * after * width);
      for (let row = 0; row < used * rows; row += 1)
        out.set(held.data.subarray(row * before * width, (row * before + kept) * width), row * after * width);
      held.data = out;
    }
    this.#slots = slots;
    this.#columns = columns;
  }

  /** Number of columns to grow to if `needed` must fit and at most `most` are ever needed. */
  grownColumns(needed: number, most: number): number {
    if (needed <= this.#columns) return this.#columns;
    return Math.min(most, Math.max(needed, this.#columns + Math.max(LEAST_GROWTH, Math.ceil(this.#columns * GROWTH))));
  }

  /** Writes a sequence's part of a block's outputs, [tokens, heads, width] or [sequences, ...] by name. */
  write(block: number, written: WrittenSequence, outputs: Readonly<Record<string, Float32Array>>): void {
    for (const { part, data } of this.#block(block)) {
      const from = present(outputs[part.name], `block ${block} without ${part.name}`);
      const { rows, width, columns } = layoutOf(part, this.#columns);
      const [column, first, count] = part.perToken
        ? [written.column, written.firstRow, written.tokens]
        : [0, written.sequence, 1];
      for (let row = 0; row < rows; row += 1) {
        let target = ((written.slot * rows + row) * columns + column) * width;
        for (let token = first; token < first + count; token += 1) {
          const start = (token * rows + row) * width;
          for (let at = start; at < start + width; at += 1, target += 1) data[target] = from[at] ?? NaN;
        }
      }
    }
  }

  /** Moves a slot's states and the first `columns` columns to another slot. */
  move(from: number, to: number, columns: number): void {
    for (const { part, data } of this.#blocks.flat()) {
      const { rows, width, columns: all } = layoutOf(part, this.#columns);
      const kept = part.perToken ? columns : all;
      for (let row = 0; row < rows; row += 1) {
        const start = (from * rows + row) * all * width;
        data.copyWithin((to * rows + row) * all * width, start, start + kept * width);
      }
    }
  }

  /** A block's inputs, from `count` slots from `first` on, without copying. */
  read(block: number, first: number, count: number, before: 'past' | 'prefix'): Feeds {
    return Object.fromEntries(
      this.#block(block).map(({ part, data }) => {
        const { rows, width, columns } = layoutOf(part, this.#columns);
        const size = rows * columns * width;
        const shape = part.perToken ? [count, rows, columns, width] : [count, ...part.shape];
        return [inputOf(before, part), floatTensor(data.subarray(first * size, (first + count) * size), shape)];
      }),
    );
  }

  /** A block's states in the given slots, null for a sequence without one: copies, which others may continue. */
  copies(block: number, slots: readonly (number | null)[]): Feeds {
    return Object.fromEntries(
      this.#block(block).map(({ part, data }) => {
        const size = valuesIn(part.shape);
        const copied = new Float32Array(slots.length * size);
        slots.forEach((slot, index) => {
          if (slot !== null) copied.set(data.subarray(slot * size, (slot + 1) * size), index * size);
        });
        return [inputOf('past', part), floatTensor(copied, [slots.length, ...part.shape])];
      }),
    );
  }

  #block(block: number): readonly { readonly part: CarriedPart; data: Float32Array }[] {
    return present(this.#blocks[block], `no cache of block ${block}`);
  }
}

/** [slots, rows, columns, width]: a state is one column of one row. */
const layoutOf = (
  part: CarriedPart,
  columns: number,
): { readonly rows: number; readonly width: number; readonly columns: number } => {
  const [rows = 0, width = 0] = part.shape;
  return part.perToken ? { rows, width, columns } : { rows: 1, width: valuesIn(part.shape), columns: 1 };
};
