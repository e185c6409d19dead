import { describe, expect, it } from 'vitest';
import { probeSequences } from '../../../main/export/compare-forward.ts';

describe('probe sequences', () => {
  it('are the same every time, of several lengths, within positions and vocabulary', () => {
    const sequences = probeSequences({ vocabulary: 96, maxPositions: 100 });
    expect(sequences).toEqual(probeSequences({ vocabulary: 96, maxPositions: 100 }));
    expect(sequences.map(({ length }) => length)).toEqual([1, 2, 7, 33, 64, 100, 100]);
    const tokens = new Set(sequences.flat());
    expect(Math.max(...tokens)).toBeLessThan(96);
    expect(tokens.size).toBeGreaterThan(85);
  });

  it('keep few logits for a large vocabulary', () => {
    const tokens = (vocabulary: number): number => probeSequences({ vocabulary, maxPositions: 4096 }).flat().length;
    expect(tokens(32_000)).toBe(1 + 2 + 7 + 33 + 64 + 128 + 257);
    expect(tokens(200_000)).toBe(1 + 2 + 7 + 33 + 64);
    expect(tokens(10 ** 9)).toBe(1);
  });
});
