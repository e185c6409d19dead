import { describe, expect, it } from 'vitest';
import { readSampler, samplerText } from '../../../../main/contract/sampling.ts';
import { samplingDistribution, tokenAt, uniformAt } from '../../../../main/inference/decoding/sample-token.ts';

const logits = Float32Array.from([2, 1, 0, -1, 0.5, -3]);
const distribution = (text: string, seen: readonly number[] = []): number[] => [
  ...samplingDistribution(logits, seen, readSampler(text)),
];
const softmax = (scores: readonly number[]): number[] => {
  const powers = scores.map(Math.exp);
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
};
const expectNear = (ours: readonly number[], theirs: readonly number[]): void => {
  expect(ours).toHaveLength(theirs.length);
  ours.forEach((value, index) => expect(value).toBeCloseTo(theirs[index]!, 12));
};

describe('the distribution that a token is drawn from', () => {
  it('is the softmax at temperature 1, and of divided logits at others', () => {
    expectNear(distribution('seed=1'), softmax([...logits]));
    expectNear(distribution('temperature=0.5'), softmax([...logits].map((logit) => 2 * logit)));
  });

  it('keeps the likeliest tokens: by number, by their sum, by a share of the likeliest', () => {
    const kept = (text: string): number[] =>
      distribution(text).flatMap((probability, token) => (probability > 0 ? [token] : []));
    // Probabilities: 0.551, 0.203, 0.075, 0.027, 0.123, 0.004 (rounded).
    expect(kept('top_k=2')).toEqual([0, 1]);
    expect(kept('top_p=0.5')).toEqual([0]);
    expect(kept('top_p=0.7')).toEqual([0, 1]);
    expect(kept('top_p=0.8')).toEqual([0, 1, 4]);
    expect(kept('min_p=0.2')).toEqual([0, 1, 4]);
    expect(kept('min_p=1')).toEqual([0]);
    expect(kept('top_p=0.8,min_p=0.3')).toEqual([0, 1]);
    expectNear(distribution('top_k=2'), [...softmax([2, 1]), 0, 0, 0, 0]);
    // Equal tokens: the lower index stays longest, and top-k keeps those that equal its last one.
    const equal = Float32Array.from([1, 1, 1, 0]);
    expect([...samplingDistribution(equal, [], readSampler('top_p=0.1'))]).toEqual([1, 0, 0, 0]);
    expectNear([...samplingDistribution(equal, [], readSampler('top_k=1'))], [1 / 3, 1 / 3, 1 / 3, 0]);
  });

  it('makes seen tokens less likely, each once, whatever the sign of their logit', () => {
    expectNear(distribution('repetition_penalty=2', [0, 0, 3]), softmax([1, 1, 0, -2, 0.5, -3]));
  });
});

describe('drawing', () => {
  it('takes tokens with their probabilities: chi-square of 20,000 draws within its 99.9 % range', () => {
    const probabilities = samplingDistribution(logits, [], readSampler('temperature=1.3'));
    const counts = logits.map(() => 0);
    const draws = 20_000;
    for (let draw = 0; draw < draws; draw += 1)
      counts[tokenAt(probabilities, uniformAt(0, `item ${draw % 100}`, Math.floor(draw / 100), 3))]! += 1;
    const chiSquare = counts.reduce((sum, count, token) => {
      const expected = draws * probabilities[token]!;
      return sum + (count - expected) ** 2 / expected;
    }, 0);
    // Five degrees of freedom: the 0.05 % and 99.95 % quantiles are 0.158 and 22.1.
    expect(chiSquare).toBeGreaterThan(0.158);
    expect(chiSquare).toBeLessThan(22.1);
  });

  it('never takes a token that was left out, whatever the number', () => {
    const probabilities = samplingDistribution(logits, [], readSampler('top_k=2'));
    for (const uniform of [0, 0.3, 0.9, 1 - 2 ** -53]) expect(tokenAt(probabilities, uniform)).toBeLessThan(2);
    expect(tokenAt(Float64Array.from([0, 0.4, 0.6 - 1e-9, 0]), 1 - 2 ** -53)).toBe(2);
  });

  it('depends on seed, item, repeat and position, and on nothing else', () => {
    const all = [uniformAt(0, 'a', 0, 0), uniformAt(1, 'a', 0, 0), uniformAt(0, 'b', 0, 0)];
    all.push(uniformAt(0, 'a', 1, 0), uniformAt(0, 'a', 0, 1));
    expect(new Set(all).size).toBe(all.length);
    expect(uniformAt(0, 'a', 0, 0)).toBe(all[0]);
    for (const value of all) expect(value >= 0 && value < 1).toBe(true);
  });
});

describe('a sampler as text', () => {
  it('is read in any order, and written in one', () => {
    const text = 'seed=3, top_p=0.9,temperature=0.7';
    expect(readSampler(text)).toEqual({ temperature: 0.7, top_p: 0.9, seed: 3 });
    expect(samplerText(readSampler(text))).toBe('temperature=0.7,top_p=0.9,seed=3');
  });

  it.each(['', 'temp=1', 'temperature', 'temperature=x', 'seed=1,seed=2', 'top_p=0', 'top_p=1.5', 'temperature=0'])(
    'refuses "%s"',
    (text) => expect(() => readSampler(text)).toThrow(/sampler/),
  );
});
