import { refuse } from '../contract/errors.ts';

/** From here on the continued fraction converges faster than the series loses digits. */
const TAIL_FROM = 2.5;
const INVERSE_ROOT = 1 / Math.sqrt(2 * Math.PI);

const density = (x: number): number => INVERSE_ROOT * Math.exp(-(x * x) / 2);

/** P(0 < Z < x): density times x + x^3/3 + x^5/(3 5) + ... (Abramowitz and Stegun 26.2.11); all terms are positive. */
const fromZero = (x: number): number => {
  let term = x;
  let sum = x;
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (x * x) / odd;
    sum += term;
  }
  return density(x) * sum;
};

/**
 * P(Z > x), x >= TAIL_FROM: density / (x + 1/(x + 2/(x + ...))) (Abramowitz and Stegun 26.2.14), from the inside out.
 */
const farTail = (x: number): number => {
  let denominator = x;
  for (let step = 200; step >= 1; step -= 1) denominator = x + step / denominator;
  return density(x) / denominator;
};

/** P(Z > x) of a standard normal variable; relative error about 1e-14. */
export const normalUpperTail = (x: number): number => {
  if (x < 0) return 1 - normalUpperTail(-x);
  return x >= TAIL_FROM ? farTail(x) : 0.5 - fromZero(x);
};

/**
 * The normal quantile of a one-sided level: the z with P(Z > z) = alpha, for alpha in (0, 0.5]. Bisects to the last
 * bits of the tail.
 */
export const normalQuantileOf = (alpha: number): number => {
  if (!(alpha > 0 && alpha <= 0.5)) {
    throw refuse('level-invalid', `The one-sided level is ${alpha}.`, 'Give a number above 0 and at most 0.5.');
  }
  let [low, high] = [0, 40];
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (normalUpperTail(middle) > alpha) low = middle;
    else high = middle;
  }
};
