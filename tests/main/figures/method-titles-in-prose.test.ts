import { expect, test } from 'vitest';
import { methodInProse } from '../../../main/figures/method-titles.ts';

test('within a sentence methods are spelled like their authors do, and ordinary words in lower case', () => {
  const labels = ['random', 'reap', 'sub-moe', 'mone', 'gate-mass', 'least-index', 'reap+recovery', 'My file'];
  expect(labels.map(methodInProse)).toEqual([
    ...['random', 'REAP', 'Sub-MoE', 'MoNE', 'gate mass', 'least index', 'REAP (recovered)', 'My file'],
  ]);
});
