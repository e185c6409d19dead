import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapPerplexity, type PairedText, quantile } from '../../../main/statistics/bootstrap.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

const text = fc.record({
  baseline: fc.double({ min: -300, max: -1, noNaN: true }),
  candidate: fc.double({ min: -300, max: -1, noNaN: true }),
  tokens: fc.integer({ min: 40, max: 120 }),
});
const texts: fc.Arbitrary<PairedText[]> = fc.array(text, { minLength: 1, maxLength: 30 });

describe('bootstrapPerplexity', () => {
  it('is exp(-sum of log-likelihoods / tokens), not a mean over texts', () => {
    const comparison = bootstrapPerplexity([
      { baseline: -10, candidate: -20, tokens: 10 },
      { baseline: -90, candidate: -100, tokens: 30 },
    ]);
    expect(comparison.baseline).toBeCloseTo(Math.exp(100 / 40), 12);
    expect(comparison.candidate).toBeCloseTo(Math.exp(120 / 40), 12);
    expect(comparison.difference).toBeCloseTo(Math.exp(3) - Math.exp(2.5), 12);
    expect(comparison.logDifference).toBeCloseTo(0.5, 12);
  });

  it('gives every resample of two texts its share', () => {
    // Resamples: the first text twice (1/4), the second twice (1/4), one of each (1/2).
    const pair = [
      { baseline: -20, candidate: -20, tokens: 10 },
      { baseline: -20, candidate: -24, tokens: 10 },
    ];
    const { low, high, logHighOneSided, logHighTail } = bootstrapPerplexity(pair);
    expect(low).toBe(0);
    expect(high).toBeCloseTo(Math.exp(2.4) - Math.exp(2), 12);
    expect(logHighOneSided).toBeCloseTo(0.4, 12);
    // A quarter of the resamples lies at 0.4: the upper end at every level below that.
    expect(logHighTail.map(({ alpha }) => alpha)).toEqual([0.05, 0.025, 0.01, 0.005, 0.0025]);
    for (const { high: end } of logHighTail) expect(end).toBeCloseTo(0.4, 12);
  });

  it('draws as many resamples as it is asked for', () => {
    const pair = [
      { baseline: -20, candidate: -20, tokens: 10 },
      { baseline: -20, candidate: -24, tokens: 10 },
    ];
    const withWidth = (resamples: number): number =>
      Array.from({ length: 80 }, (_, seed) => bootstrapPerplexity(pair, { resamples, seed })).filter(
        ({ low, high }) => low < high,
      ).length;
    // One resample has no width. Two differ but for both in one of the shares 1/4, 1/2, 1/4: in 5/8 of 80 seeds, with
    // a standard deviation of 4.3.
    expect(withWidth(1)).toBe(0);
    expect(Math.abs(withWidth(2) - 50)).toBeLessThan(13);
  });

  it('changes sign when candidate and baseline change places', () => {
    fc.assert(
      fc.property(texts, fc.nat(), (sample, seed) => {
        const settings = { resamples: 101, seed };
        const there = bootstrapPerplexity(sample, settings);
        const back = bootstrapPerplexity(
          sample.map(({ baseline, candidate, tokens }) => ({ baseline: candidate, candidate: baseline, tokens })),
          settings,
        );
        expect(back.difference).toBe(0 - there.difference);
        expect(back.low).toBeCloseTo(-there.high, 8);
        expect(back.high).toBeCloseTo(-there.low, 8);
      }),
      { numRuns: 50 },
    );
  });

  it('is reproducible under one seed, and has no width where nothing differs', () => {
    fc.assert(
      fc.property(texts, (sample) => {
        const settings = { resamples: 50, seed: 4 };
        expect(bootstrapPerplexity(sample, settings)).toEqual(bootstrapPerplexity(sample, settings));
        const same = sample.map(({ baseline, tokens }) => ({ baseline, candidate: baseline, tokens }));
        expect(bootstrapPerplexity(same, settings)).toMatchObject({
          difference: 0,
          low: 0,
          high: 0,
          logHighOneSided: 0,
        });
      }),
      { numRuns: 50 },
    );
  });

  it('covers the truth about as often as stated (simulation, 400 samples of 40 texts)', () => {
    const random = seededRandom(11);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
    let held = 0;
    let heldOneSided = 0;
    const runs = 400;
    const truth = Math.exp(2.03) - Math.exp(2);
    for (let run = 0; run < runs; run += 1) {
      const sample = Array.from({ length: 40 }, () => {
        const shared = 2 + 0.3 * normal();
        return { baseline: -50 * shared, candidate: -50 * (shared + 0.03 + 0.05 * normal()), tokens: 50 };
      });
      const { low, high, logHighOneSided } = bootstrapPerplexity(sample, { resamples: 400, seed: run });
      if (low <= truth && truth <= high) held += 1;
      if (logHighOneSided >= 0.03) heldOneSided += 1;
    }
    // Nominal 0.95; the percentile bootstrap at n = 40 covers a little less, and 400 runs have a standard error of
    // 0.011.
    expect(held / runs).toBeGreaterThan(0.9);
    expect(held / runs).toBeLessThan(0.985);
    expect(heldOneSided / runs).toBeGreaterThan(0.91);
    expect(heldOneSided / runs).toBeLessThan(0.985);
  });

  it('calls a skewed rise at the margin safe far less often than percentile ends would (simulation)', () => {
    const random = seededRandom(23);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
    const [runs, n, resamples, margin] = [300, 30, 199, 0.02];
    let [safe, worse, percentileSafe] = [0, 0, 0];
    for (let run = 0; run < runs; run += 1) {
      // A log-normal rise per token whose mean is the margin: truly not safe, and truly not worse.
      const sample = Array.from({ length: n }, () => {
        const level = 2 + 0.3 * normal();
        return { baseline: -50 * level, candidate: -50 * (level + margin * Math.exp(normal() - 0.5)), tokens: 50 };
      });
      const { logHighOneSided, logLowOneSided } = bootstrapPerplexity(sample, { resamples, seed: run });
      if (logHighOneSided <= margin) safe += 1;
      if (logLowOneSided > margin) worse += 1;
      const rises = sample.map(({ baseline, candidate }) => (baseline - candidate) / 50);
      const means = Float64Array.from({ length: resamples }, () => {
        let sum = 0;
        for (let index = 0; index < n; index += 1) sum += rises[random.integer(n)] ?? Number.NaN;
        return sum / n;
      }).sort();
      if (quantile(means, 0.95) <= margin) percentileSafe += 1;
    }
    // Nominal 0.05; 300 runs have a standard error of 0.013 at 0.05 and 0.02 at 0.15.
    expect(percentileSafe / runs).toBeGreaterThan(0.12);
    expect(safe / runs).toBeLessThan(0.115);
    expect(safe).toBeLessThan(0.7 * percentileSafe);
    expect(worse / runs).toBeLessThan(0.08);
  });

  it('gives stricter levels wider ends, and no width where nothing can be resampled', () => {
    const sample = Array.from({ length: 25 }, (_, index) => ({
      baseline: -100 - index,
      candidate: -100 - index - (index % 7),
      tokens: 50,
    }));
    const { logHighOneSided, logHighTail, logLowOneSided, logDifference } = bootstrapPerplexity(sample);
    const ends = [logLowOneSided, logDifference, ...logHighTail.map(({ high }) => high)];
    // The end at 5 % is the bootstrap's at half of it.
    expect(logHighOneSided).toBe(logHighTail.find(({ alpha }) => alpha === 0.025)?.high);
    expect(ends).toEqual([...ends].sort((a, b) => a - b));
    const single = bootstrapPerplexity(sample.slice(1, 2));
    expect([single.logLowOneSided, single.logHighOneSided]).toEqual([single.logDifference, single.logDifference]);
    expect(single.logDifference).toBeCloseTo(1 / 50, 12);
  });

  it('refuses an empty comparison', () => {
    expect(() => bootstrapPerplexity([])).toThrow(/no text/);
  });
});

describe('quantile', () => {
  it('interpolates linearly, as type 7', () => {
    const ascending = Float64Array.of(1, 2, 4, 8);
    expect(quantile(ascending, 0)).toBe(1);
    expect(quantile(ascending, 1)).toBe(8);
    expect(quantile(ascending, 0.5)).toBe(3);
    expect(quantile(ascending, 0.9)).toBeCloseTo(6.8, 12);
  });
});
