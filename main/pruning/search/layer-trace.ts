import { dot } from '../../arithmetic/vectors.ts';

/** Inputs of a layer's loss over N tokens, in float64: inner products instead of vectors, so that H does not matter. */
export interface LayerTrace {
  readonly experts: number;
  /** [N, E, E] products f_i . f_j of the experts' ungated outputs. */
  readonly gram: Float64Array;
  /** [N, E] products f_i . z with the wanted output z. */
  readonly cross: Float64Array;
  /** [N] z . z. */
  readonly squares: Float64Array;
}

/** Experts that a token would use among the allowed ones, and their combine weights, by the model's own rule. */
export type RouteToken = (
  token: number,
  allowed: Uint8Array,
) => { readonly experts: readonly number[]; readonly weights: readonly number[] };

/** Products of N tokens' outputs [E, N, H] with each other and with the wanted outputs [N, H]. */
export const traceLayer = (
  outputs: Float32Array,
  wanted: Float32Array,
  experts: number,
  hidden: number,
): LayerTrace => {
  const tokens = wanted.length / hidden;
  if (outputs.length !== experts * wanted.length) {
    throw new RangeError(`${outputs.length} outputs for ${experts} experts and ${wanted.length} wanted numbers`);
  }
  const gram = new Float64Array(tokens * experts * experts);
  const cross = new Float64Array(tokens * experts);
  const squares = new Float64Array(tokens);
  const rows = Array.from({ length: experts }, () => new Float64Array(hidden));
  for (let token = 0; token < tokens; token++) {
    const z = wanted.subarray(token * hidden, (token + 1) * hidden);
    rows.forEach((row, expert) =>
      row.set(outputs.subarray((expert * tokens + token) * hidden, (expert * tokens + token + 1) * hidden)),
    );
    squares[token] = dot(z, z);
    for (let i = 0; i < experts; i++) {
      cross[token * experts + i] = dot(rows[i]!, z);
      for (let j = i; j < experts; j++) {
        const product = dot(rows[i]!, rows[j]!);
        gram[(token * experts + i) * experts + j] = product;
        gram[(token * experts + j) * experts + i] = product;
      }
    }
  }
  return { experts, gram, cross, squares };
};

/**
 * ||Z - Z_D||_F where only `kept` experts may be chosen: the square root of the sum over the tokens of each batch,
 * added over batches. `batchEnds`: the token after each batch's last; absent: all tokens are one batch.
 */
export const layerLoss = (
  trace: LayerTrace,
  route: RouteToken,
  kept: readonly number[],
  batchEnds: readonly number[] = [trace.squares.length],
): number => {
  const allowed = new Uint8Array(trace.experts);
  for (const expert of kept) allowed[expert] = 1;
  let token = 0;
  return batchEnds.reduce((sum, end) => {
    let squares = 0;
    for (; token < end; token++) squares += tokenError(trace, token, route(token, allowed));
    return sum + Math.sqrt(squares);
  }, 0);
};

/** |z - sum w_i f_i|^2 from products; rounding cannot make it negative. */
const tokenError = (
  { experts, gram, cross, squares }: LayerTrace,
  token: number,
  { experts: chosen, weights }: ReturnType<RouteToken>,
): number => {
  let error = squares[token]!;
  chosen.forEach((i, a) => {
    error -= 2 * weights[a]! * cross[token * experts + i]!;
    chosen.forEach((j, b) => {
      error += weights[a]! * weights[b]! * gram[(token * experts + i) * experts + j]!;
    });
  });
  return Math.max(0, error);
};

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
