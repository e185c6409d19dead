/** `shape` independent exponential variables (a gamma variable of this shape), each times `value`. */
export interface GammaTerm {
  readonly value: number;
  /** Above 0; whole where it counts variables. */
  readonly shape: number;
}

/** Step of the substituted path: the trapezoid rule converges exponentially; its relative error is below 1e-10. */
const STEP = 1 / 32;

/** Values this small relative to the largest are rounding errors of 0. */
const NEGLIGIBLE = 1e-14;

/**
 * P(sum of value x Gamma(shape) <= 0). A mean under Dirichlet weights lies below d with the probability that the sum of
 * (value - d) x Gamma lies below 0, since gamma variables divided by their sum are such weights.
 *
 * By the inversion integral of the moment generating function, (1 / 2 pi i) integral of M(s) / -s ds along the vertical
 * line through its saddle point below 0 (Daniels 1987, doi:10.2307/1403269), there t = sigma sinh(u) to handle the slow
 * decay with few terms: accurate far into the tail, since everything is relative to the value at the saddle.
 */
export const chanceOfNegativeSum = (terms: readonly GammaTerm[]): number => {
  const scale = terms.reduce((most, { value }) => Math.max(most, Math.abs(value)), 0);
  if (!Number.isFinite(scale)) throw new RangeError('a sum of gamma variables needs finite values');
  const own = terms
    .filter(({ value, shape }) => Math.abs(value) > NEGLIGIBLE * scale && shape > 0)
    .map(({ value, shape }) => ({ value: value / scale, shape }));
  const lowest = own.reduce((least, { value }) => Math.min(least, value), Infinity);
  const highest = own.reduce((most, { value }) => Math.max(most, value), -Infinity);
  if (own.length === 0 || highest < 0) return 1;
  if (lowest > 0) return 0;

  // The exponent of the integrand, K(s) - ln(-s), is convex between the nearest pole and 0.
  let [left, saddle, right] = [1 / lowest, 0, 0];
  for (;;) {
    saddle = (left + right) / 2;
    if (saddle <= left || saddle >= right) break;
    const slope = own.reduce((sum, { value, shape }) => sum + (shape * value) / (1 - saddle * value), -1 / saddle);
    if (slope < 0) left = saddle;
    else right = saddle;
    if (right - left < 1e-9 * Math.abs(saddle)) break;
  }
  let [peak, curvature] = [-Math.log(-saddle), 1 / (saddle * saddle)];
  for (const { value, shape } of own) {
    peak -= shape * Math.log(1 - saddle * value);
    curvature += shape * (value / (1 - saddle * value)) ** 2;
  }
  const width = 1 / Math.sqrt(curvature);
  let sum = 0.5;
  for (let step = 1; ; step += 1) {
    const u = step * STEP;
    const t = width * Math.sinh(u);
    let logSize = -0.5 * Math.log(saddle * saddle + t * t) - peak;
    let angle = Math.atan2(t, -saddle);
    for (const { value, shape } of own) {
      const [real, imaginary] = [1 - saddle * value, -t * value];
      logSize -= 0.5 * shape * Math.log(real * real + imaginary * imaginary);
      angle -= shape * Math.atan2(imaginary, real);
    }
    const size = Math.exp(logSize) * Math.cosh(u);
    sum += size * Math.cos(angle);
    if (size < 1e-16) break;
  }
  return Math.min(1, Math.max(0, (Math.exp(peak) * sum * STEP * width) / Math.PI));
};
