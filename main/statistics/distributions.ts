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

/**
 * P(|T| <= t) of Student's distribution with a whole number of degrees of freedom, at the angle atan(t /
 * sqrt(degrees)). Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
 */
const withinAngle = (angle: number, degrees: number): number => {
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let power = isOdd ? 3 : 2; power <= degrees - 2; power += 2) {
    term *= ((power - 1) / power) * cosine ** 2;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
};

/** Halvings of the angle: enough for every digit of a double. */
const STEPS = 60;

/**
 * The t that |T| exceeds with probability `alpha`, for a whole number of `degrees` of freedom from 1 on: 12.71, 4.30,
 * 3.18 at 0.05 for 1, 2, 3.
 */
export const studentT = (alpha: number, degrees: number): number => {
  if (!Number.isInteger(degrees) || degrees < 1) throw new RangeError(`no t with ${degrees} degrees of freedom`);
  let [low, high] = [0, Math.PI / 2];
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (withinAngle(middle, degrees) < 1 - alpha) low = middle;
    else high = middle;
  }
  return Math.sqrt(degrees) * Math.tan((low + high) / 2);
};
