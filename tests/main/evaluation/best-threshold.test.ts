import { describe, expect, it } from 'vitest';
import { threshold } from '../../../main/contract/sweep.ts';
import { bestThreshold } from '../../../main/evaluation/best-threshold.ts';

const told = (method: string, lastSafe: number | null, firstUnsafe: number | null) =>
  threshold.parse({
    model: 'm',
    task: 't',
    method,
    seed: null,
    factor: lastSafe,
    lastSafe,
    firstUnsafe,
    delta: 0.02,
    n: 300,
    verdict: lastSafe === null ? 'cannot-tell' : 'found',
  });

describe('the best threshold of several methods', () => {
  it('is the largest one, and lists all methods that reach it', () => {
    const best = bestThreshold([
      told('random', 1, 2),
      told('reap', 4, 8),
      told('uncurl', 4, 6),
      told('ean', null, null),
    ]);
    expect(best?.best.method).toBe('reap');
    expect(best?.methods).toEqual(['reap', 'uncurl']);
    expect(best?.untold).toEqual(['ean']);
  });

  it('prefers an open bracket, then the order of the methods', () => {
    expect(bestThreshold([told('a', 4, 8), told('b', 4, null)])?.best.method).toBe('b');
    expect(bestThreshold([told('a', 4, null), told('b', 4, null)])?.methods).toEqual(['a', 'b']);
  });

  it('is undetermined where no threshold can be determined, and null for no thresholds', () => {
    expect(bestThreshold([told('a', null, null), told('b', null, null)])).toMatchObject({
      best: { method: 'a' },
      methods: [],
      untold: ['a', 'b'],
    });
    expect(bestThreshold([])).toBeNull();
  });
});
