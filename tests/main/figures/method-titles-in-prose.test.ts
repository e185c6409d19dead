import { expect, test } from 'vitest';
import { methodInProse } from '../../../main/figures/method-titles.ts';

test('methods are named within a sentence as their authors write them, and ordinary words are small', () => {
  const labels = ['random', 'reap', 'sub-moe', 'mone', 'gate-mass', 'least-index', 'reap+recovery', 'My file'];
  expect(labels.map(methodInProse)).toEqual([
    ...['random', 'REAP', 'Sub-MoE', 'MoNE', 'gate mass', 'least index', 'REAP (recovered)', 'My file'],
  ]);
});
