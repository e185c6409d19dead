import type { LayerTrace } from '../search/layer-trace.ts';
import type { Gate } from './gate-gradient.ts';
import type { Steps } from '../../arithmetic/steps.ts';

/** Refit of the router of one layer: which experts, with which weights, come nearest to the wanted output. */
export interface RouterProblem {
  /** H. */
  readonly hidden: number;
  /** [N, H] inputs of the router. */
  readonly tokens: Float32Array;
  /** Item of each token: whole items are held out. */
  readonly items: Int32Array;
  /** Products of the experts' outputs on each token with each other and with the wanted output. */
  readonly trace: LayerTrace;
  /** Added to each row's logit; absent: none. */
  readonly bias?: ArrayLike<number> | undefined;
  readonly gate: Gate;
}

export interface RouterRecovery {
  /** [rows, H] the refitted rows, or the initial ones where no step improved held-out items. */
  readonly rows: Float64Array;
  /** Steps of descent; 0: nothing gained. */
  readonly steps: number;
  /**
   * Remaining squared distance from the wanted output, as a fraction of the initial one: on held-out items and on those
   * of the fit.
   */
  readonly heldOut: number;
  readonly left: number;
}

/** Most steps, steps between checks of the held-out items, and checks without a gain before it stops. */
const MOST_STEPS = 400;
const LOOK_EVERY = 10;
const PATIENCE = 6;
/** Every fourth item is held out. */
const HELD_OUT = 4;
/** Initial step size, as a fraction of the rows' root mean square; it decays to 0 by a cosine. */
const RATE = 0.05;
/** Adam's decay rates, and its epsilon. Source: Kingma and Ba 2015, arXiv 1412.6980. */
const BETA_1 = 0.9;
const BETA_2 = 0.99;
const EPSILON = 1e-12;

/**
 * Rows of a router that bring the layer's output nearest to the wanted one: full-batch gradient descent on the squared
 * distance, with the choice of experts held fixed within each step and the gradient through the gates of the family's
 * own rule. No outputs are recomputed: the loss follows from inner products. Stops early by held-out items (every
 * fourth), whose best rows are the result. Deterministic. Time O(steps * N * rows * H).
 */
export function* recoverRouter(problem: RouterProblem, start: ArrayLike<number>): Steps<RouterRecovery> {
  const { items, hidden } = problem;
  const ordinals = new Map<number, number>();
  for (const item of items) if (!ordinals.has(item)) ordinals.set(item, ordinals.size);
  const isHeldOut = Uint8Array.from(items, (item) => ((ordinals.get(item) ?? 0) % HELD_OUT === HELD_OUT - 1 ? 1 : 0));
  const rows = Float64Array.from(start);
  const unchanged = { rows: Float64Array.from(start), steps: 0, heldOut: 1, left: 1 };
  if (!isHeldOut.includes(1) || rows.length === 0) return unchanged;

  const scale = Math.sqrt(rows.reduce((sum, value) => sum + value * value, 0) / rows.length);
  const gradient = new Float64Array(rows.length);
  const [mean, variance] = [new Float64Array(rows.length), new Float64Array(rows.length)];
  const first = evaluate(problem, rows, isHeldOut, null);
  let best = { heldOut: first.heldOut, fitted: first.fitted, steps: 0, rows: rows.slice() };
  let looks = 0;
  for (let step = 1; step <= MOST_STEPS && looks < PATIENCE; step++) {
    gradient.fill(0);
    evaluate(problem, rows, isHeldOut, gradient);
    const rate = RATE * scale * 0.5 * (1 + Math.cos((Math.PI * (step - 1)) / MOST_STEPS));
    for (let k = 0; k < rows.length; k++) {
      mean[k] = BETA_1 * mean[k]! + (1 - BETA_1) * gradient[k]!;
      variance[k] = BETA_2 * variance[k]! + (1 - BETA_2) * gradient[k]! ** 2;
      const length = Math.sqrt(variance[k]! / (1 - BETA_2 ** step));
      rows[k]! -= (rate * (mean[k]! / (1 - BETA_1 ** step))) / (length + EPSILON);
    }
    yield;
    if (step % LOOK_EVERY !== 0) continue;
    const seen = evaluate(problem, rows, isHeldOut, null);
    if (seen.heldOut < best.heldOut) {
      best = { ...seen, steps: step, rows: rows.slice() };
      looks = 0;
    } else looks += 1;
  }
  if (best.steps === 0 || rows.length % hidden !== 0) return unchanged;
  return {
    rows: best.rows,
    steps: best.steps,
    heldOut: best.heldOut / first.heldOut,
    left: first.fitted > 0 ? best.fitted / first.fitted : 1,
  };
}

interface Errors {
  readonly heldOut: number;
  readonly fitted: number;
}

/**
 * Squared distances over held-out and fitted tokens. With `gradient` [rows, H] only the fitted tokens are visited, and
 * the derivatives by the rows are added to it.
 */
const evaluate = (
  { tokens, hidden, trace, bias, gate }: RouterProblem,
  rows: Float64Array,
  isHeldOut: Uint8Array,
  gradient: Float64Array | null,
): Errors => {
  const count = rows.length / hidden;
  const logits = new Float64Array(count);
  const byLogit = new Float64Array(count);
  let [heldOut, fitted] = [0, 0];
  for (let token = 0; token < isHeldOut.length; token++) {
    if (gradient !== null && isHeldOut[token] === 1) continue;
    const input = tokens.subarray(token * hidden, (token + 1) * hidden);
    multiplyRows(rows, input, hidden, logits);
    if (bias !== undefined) for (let row = 0; row < count; row++) logits[row]! += bias[row] ?? 0;
    const { experts, weights, backward } = gate(logits);
    const byWeights: number[] = [];
    let error = trace.squares[token]!;
    experts.forEach((expert, slot) => {
      const cross = trace.cross[token * trace.experts + expert]!;
      const base = (token * trace.experts + expert) * trace.experts;
      let mixed = 0;
      for (let other = 0; other < experts.length; other++)
        mixed += weights[other]! * trace.gram[base + experts[other]!]!;
      error += weights[slot]! * (mixed - 2 * cross);
      byWeights.push(2 * (mixed - cross));
    });
    if (isHeldOut[token] === 1) heldOut += Math.max(0, error);
    else fitted += Math.max(0, error);
    if (gradient === null) continue;
    byLogit.fill(0);
    backward(byWeights, byLogit);
    for (let row = 0; row < count; row++) {
      const factor = byLogit[row]!;
      if (factor === 0) continue;
      for (let h = 0, k = row * hidden; h < hidden; h++, k++) gradient[k]! += factor * input[h]!;
    }
  }
  return { heldOut, fitted };
};

/** Logits [rows] of one token; four independent sums at a time, which the processor computes in parallel. */
const multiplyRows = (rows: Float64Array, input: Float32Array, hidden: number, logits: Float64Array): void => {
  const whole = hidden - (hidden % 4);
  for (let row = 0, at = 0; row < logits.length; row++, at += hidden) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let h = 0; h < whole; h += 4) {
      a += rows[at + h]! * input[h]!;
      b += rows[at + h + 1]! * input[h + 1]!;
      c += rows[at + h + 2]! * input[h + 2]!;
      d += rows[at + h + 3]! * input[h + 3]!;
    }
    for (let h = whole; h < hidden; h++) a += rows[at + h]! * input[h]!;
    logits[row] = a + b + (c + d);
  }
};
