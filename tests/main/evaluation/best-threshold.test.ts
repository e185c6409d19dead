import { describe, expect, it } from 'vitest';
import { threshold } from '../../../main/contract/sweep.ts';
import { bestThreshold } from '../../../main/evaluation/best-threshold.ts';

const reached = (method: string, lastSafe: number | null, firstUnsafe: number | null) =>
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
      reached('random', 1, 2),
      reached('reap', 4, 8),
      reached('uncurl', 4, 6),
      reached('ean', null, null),
    ]);
    expect(best?.best.method).toBe('reap');
    expect(best?.methods).toEqual(['reap', 'uncurl']);
    expect(best?.cannotTell).toEqual(['ean']);
  });

  it('prefers an open bracket, then the order of the methods', () => {
    expect(bestThreshold([reached('a', 4, 8), reached('b', 4, null)])?.best.method).toBe('b');
    expect(bestThreshold([reached('a', 4, null), reached('b', 4, null)])?.methods).toEqual(['a', 'b']);
  });

  it('is undetermined where no threshold can be determined, and null for no thresholds', () => {
    expect(bestThreshold([reached('a', null, null), reached('b', null, null)])).toMatchObject({
      best: { method: 'a' },
      methods: [],
      cannotTell: ['a', 'b'],
    });
    expect(bestThreshold([])).toBeNull();
  });
});
