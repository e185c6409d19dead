import { expect } from 'vitest';
import { z } from 'zod';
import type { ExpertShape, ExpertWeights } from '../../../main/pruning/merging/expert-weights.ts';

/** Numbers of a vector file: nested lists to any depth, non-finite ones as strings. */
type Nested = number | 'inf' | '-inf' | 'nan' | readonly Nested[];
const nested: z.ZodType<Nested> = z.lazy(() => z.union([z.number(), z.enum(['inf', '-inf', 'nan']), z.array(nested)]));
const spelled = { inf: Infinity, '-inf': -Infinity, nan: NaN };
const flatten = (value: Nested): number[] => {
  if (typeof value === 'number') return [value];
  if (typeof value === 'string') return [spelled[value]];
  return value.flatMap(flatten);
};

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** `{shape, dtype (absent: float64), data: nested list}` -> shape and numbers row by row. */
export const tensor = z
  .object({ shape: z.array(z.number()), dtype: z.string().optional(), data: nested })
  .transform(({ shape, data }): Tensor => {
    const numbers = flatten(data);
    expect(numbers, 'numbers of a tensor').toHaveLength(shape.reduce((product, length) => product * length, 1));
    return { shape, data: numbers };
  });

export const float32 = ({ data }: Tensor): Float32Array => Float32Array.from(data);
export const float64 = ({ data }: Tensor): Float64Array => Float64Array.from(data);

/** Weights of one expert; H and I are the shape of `gate_proj`, [I, H]. */
export const expert = z
  .object({ gate_proj: tensor, up_proj: tensor, down_proj: tensor })
  .transform(({ gate_proj, up_proj, down_proj }): { weights: ExpertWeights; shape: ExpertShape } => {
    const [width = 0, hidden = 0] = gate_proj.shape;
    return {
      weights: { gate: float32(gate_proj), up: float32(up_proj), down: float32(down_proj) },
      shape: { hidden, width },
    };
  });

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** Tolerance stated in a file; `atol` is 0 if it has none. */
export const tolerance = z.object({ rtol: z.number(), atol: z.number().default(0) });

/** Files without a tolerance contain float32 results: rounding relative to each number and to the largest one. */
export const float32Rounding = (expected: ArrayLike<number>): Tolerance => ({
  rtol: 1e-5,
  atol: 1e-6 * Array.from(expected).reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
});

/** |actual - expected| <= atol + rtol |expected| for every number; the error names the worst one. */
export const expectClose = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { rtol, atol }: Tolerance,
  what: string,
): void => {
  expect(actual.length, `${what}: length`).toBe(expected.length);
  let worst = -1;
  let excess = 0;
  for (let at = 0; at < expected.length; at++) {
    const [a, b] = [actual[at]!, expected[at]!];
    if (Object.is(a, b)) continue;
    const beyond = Math.abs(a - b) - (atol + rtol * Math.abs(b));
    if (!(beyond <= excess)) {
      worst = at;
      excess = beyond;
    }
  }
  if (worst !== -1) {
    expect.fail(`${what}[${worst}] is ${actual[worst]} instead of ${expected[worst]} (rtol ${rtol}, atol ${atol})`);
  }
};
