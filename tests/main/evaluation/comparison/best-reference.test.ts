import { describe, expect, it } from 'vitest';
import { mcnemarExact, holmAdjusted } from '../../../../main/statistics/p-values.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';
import { comparedSample, sampleMethods } from './compare-sample.ts';

const curves = ['random', 'frequency', 'reap', 'uncurl'].map((method, index) => ({ method, skill: 0.5 + index / 10 }));
const sample = sampleMethods(curves, [
  { task: 'a', metric: 'acc' },
  { task: 'b', metric: 'acc' },
]);

describe('p-values by Holm', () => {
  it('are withheld against the best of each task, with a reason, and given against a fixed reference', () => {
    const best = comparedSample(sample);
    const pHolm = (document: typeof best) => document.tasks.flatMap(({ rows }) => rows.map((row) => row.pHolm));
    expect(pHolm(best).every((p) => p === null)).toBe(true);
    expect(best.comparisons).toMatchObject({ withP: 0, afterHolm: 0 });
    expect(best.holmWithheld).toContain('the same items select it');
    expect(best.notes).toContain(best.holmWithheld);
    const fixed = comparedSample(sample, 'reap');
    expect(fixed.holmWithheld).toBeNull();
    expect(pHolm(fixed).filter((p) => p !== null)).toHaveLength(6);
  });

  it('would find a difference too often against the best, and do not against a fixed reference (simulation)', () => {
    const [runs, methods, items] = [1500, 17, 200];
    const random = seededRandom(3);
    let [againstBest, againstFirst] = [0, 0];
    for (let run = 0; run < runs; run += 1) {
      // Methods that agree on most items and differ on the others by chance alone.
      const answers = Array.from({ length: methods }, () =>
        Uint8Array.from({ length: items }, (_, item) => (item < 120 ? 1 : Number(random.float() < 0.5))),
      );
      const totals = answers.map((own) => own.reduce((sum, right) => sum + right, 0));
      const smallest = (reference: number): number => {
        const ps = answers.map((own, method) => {
          if (method === reference) return null;
          let [lost, gained] = [0, 0];
          for (const [item, right] of own.entries()) {
            const other = answers[reference]?.[item] ?? 0;
            if (right < other) lost += 1;
            if (right > other) gained += 1;
          }
          return mcnemarExact(lost, gained);
        });
        return Math.min(...holmAdjusted(ps).flatMap((p) => p ?? []));
      };
      if (smallest(totals.indexOf(Math.max(...totals))) <= 0.05) againstBest += 1;
      if (smallest(0) <= 0.05) againstFirst += 1;
    }
    // 1500 runs: a standard error of 0.006 at 5 %, 0.009 at 15 %.
    expect(againstBest / runs).toBeGreaterThan(0.08);
    expect(againstFirst / runs).toBeLessThan(0.05 + 0.017);
  });
});
