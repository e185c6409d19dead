/** Most arrays that wait for their next use: inputs of one block. */
const MOST_WAITING = 2;

/**
 * Arrays that are filled anew for each run and used again: memory that is given back and taken for each run costs the
 * garbage collector more than small blocks cost to compute.
 */
export class SpareArrays {
  readonly #waiting: Float32Array[] = [];

  /** An array of `length` numbers whose values are left over from its last use. */
  take(length: number): Float32Array {
    const index = this.#waiting.findIndex(
      (array) => array.buffer.byteLength >= length * Float32Array.BYTES_PER_ELEMENT,
    );
    const [found] = index < 0 ? [] : this.#waiting.splice(index, 1);
    return found === undefined ? new Float32Array(length) : new Float32Array(found.buffer, 0, length);
  }

  /** Gives an array back that `take` returned; nothing may read it any more. The largest are kept. */
  give(array: Float32Array): void {
    this.#waiting.push(array);
    if (this.#waiting.length <= MOST_WAITING) return;
    this.#waiting.sort((a, b) => b.buffer.byteLength - a.buffer.byteLength);
    this.#waiting.length = MOST_WAITING;
  }
}
