import { traceLayer, type LayerTrace } from './layer-trace.ts';

/** Products of a subset of a layer's tokens, gathered batch by batch. */
export class TraceBuilder {
  readonly #experts: number;
  readonly #hidden: number;
  readonly #stride: number;
  readonly #parts: LayerTrace[] = [];
  readonly #logits: Float32Array[] = [];

  /** `stride`: every stride-th token is kept, by its index among all tokens. */
  constructor(experts: number, hidden: number, stride: number) {
    this.#experts = experts;
    this.#hidden = hidden;
    this.#stride = stride;
  }

  /**
   * Adds n tokens: their outputs [E, n, H], the wanted outputs [n, H], and router logits [n, E]. `numbers`: their
   * indices, so that the selection does not depend on the order of calls.
   */
  add(numbers: readonly number[], outputs: Float32Array, wanted: Float32Array, logits: Float32Array): void {
    const rows = [...numbers.keys()].filter((row) => numbers[row]! % this.#stride === 0);
    const [experts, hidden, tokens] = [this.#experts, this.#hidden, numbers.length];
    const pick = (values: Float32Array, width: number, first = 0): Float32Array => {
      const picked = new Float32Array(rows.length * width);
      rows.forEach((row, at) =>
        picked.set(values.subarray((first + row) * width, (first + row + 1) * width), at * width),
      );
      return picked;
    };
    const kept = new Float32Array(experts * rows.length * hidden);
    for (let expert = 0; expert < experts; expert++)
      kept.set(pick(outputs, hidden, expert * tokens), expert * rows.length * hidden);
    this.#parts.push(traceLayer(kept, pick(wanted, hidden), experts, hidden));
    this.#logits.push(pick(logits, experts));
  }

  /** The collected trace, and its router logits [N, E]. */
  finish(): { readonly trace: LayerTrace; readonly logits: Float32Array } {
    const joined = (of: (part: LayerTrace) => Float64Array): Float64Array => {
      const whole = new Float64Array(this.#parts.reduce((sum, part) => sum + of(part).length, 0));
      let at = 0;
      for (const part of this.#parts) {
        whole.set(of(part), at);
        at += of(part).length;
      }
      return whole;
    };
    const logits = new Float32Array(this.#logits.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#logits) {
      logits.set(part, at);
      at += part.length;
    }
    return {
      trace: {
        experts: this.#experts,
        gram: joined(({ gram }) => gram),
        cross: joined(({ cross }) => cross),
        squares: joined(({ squares }) => squares),
      },
      logits,
    };
  }
}
