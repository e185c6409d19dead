import { expect, test } from 'vitest';
import type { FitFormat, ScoredCandidate } from '../../../main/contract/fit.ts';
import { sizeTicks } from '../../../main/figures/fit-chart.ts';
import { formatBytes } from '../../../main/words/numbers.ts';
import {
  bytesIn,
  candidateWords,
  CARD_SHARE,
  fitsAsItIs,
  limitOf,
  tokensIn,
  untriedWords,
} from '../../../main/words/fit.ts';

test('sizes and contexts are read as people write them', () => {
  expect(['8GB', '16 GiB', '750k', '1.5 MB', '4096'].map(bytesIn)).toEqual([8e9, 16 * 2 ** 30, 750e3, 1.5e6, 4096]);
  expect(['', 'GB', '8XB', '-8GB', '0', '1e9'].map(bytesIn)).toEqual([null, null, null, null, null, null]);
  expect(['32k', '4096', '0', '4.5k'].map(tokensIn)).toEqual([32768, 4096, null, null]);
});

test('a model has one place: bytes of files, a memory, or a card of which a part stays free', () => {
  expect(limitOf({ bytes: '8GB' })).toEqual({ kind: 'bytes', bytes: 8e9 });
  expect(limitOf({ memory: '16GB', context: '32k' })).toEqual({ kind: 'memory', bytes: 16e9, context: 32768 });
  expect(limitOf({ card: '24 GB' })).toEqual({ kind: 'memory', bytes: 24e9 * CARD_SHARE, context: 4096 });
  for (const wrong of [{}, { bytes: '8GB', memory: '8GB' }, { bytes: '8GB', context: '32k' }])
    expect(() => limitOf(wrong)).toThrow(expect.objectContaining({ code: 'bad-usage' }));
  expect(() => limitOf({ bytes: 'eight' })).toThrow(expect.objectContaining({ code: 'bad-value' }));
});

test('a whole model with its weights as stored is exported to another format only: else it would be a copy', () => {
  const of = (name: string, method: string | null, weights: 'stored' | 'int8'): ScoredCandidate => ({
    name,
    method,
    gates: null,
    refit: false,
    kept: 8,
    weights,
    bytes: 1e6,
    memoryBytes: null,
    items: 0,
    loss: null,
    fits: true,
  });
  const candidates = [of('whole', null, 'stored'), of('rounded', null, 'int8'), of('pruned', 'reap', 'stored')];
  const why = (recommended: string | null, format: FitFormat = 'hf', source = '/models/m') =>
    fitsAsItIs({ recommended, candidates, model: 'm', settings: { format } }, source);
  expect(why('whole')).toContain('m fits as it is: an export would be a copy.');
  expect(['rounded', 'pruned', null].map((name) => why(name))).toEqual([null, null, null]);
  expect([why('whole', 'onnx'), why('whole', 'gguf')]).toEqual([null, null]);
  expect(why('whole', 'gguf', '/models/m.GGUF')).toContain('would be a copy');
});

test('a model with types by layer is named by how many layers have each', () => {
  const candidate: ScoredCandidate = {
    name: 'reap 12 q8_0 by layer',
    method: 'reap',
    gates: null,
    refit: false,
    kept: 12,
    weights: 'q8_0',
    expertTypes: ['q5_1', 'q4_1', 'q5_1'],
    bytes: 8e5,
    memoryBytes: null,
    items: 0,
    loss: null,
    fits: true,
  };
  expect(candidateWords(candidate, 16)).toBe('12 of 16 experts by REAP, q8_0, experts q5_1 in 2 layers and q4_1 in 1');
  expect(candidateWords({ ...candidate, method: null, expertTypes: undefined }, 16)).toBe('all 16 experts, q8_0');
});

test('what was not tried for one reason is one sentence', () => {
  const none = (type: string): string => `${type}: No tensor can be ${type}: none has rows of 256 values.`;
  const byLayer = 'Types by layer: the time was used.';
  expect(untriedWords([none('q6_k'), byLayer, none('q5_k'), none('q4_k')])).toEqual([
    'q6_k, q5_k and q4_k: No tensor can be one of them: none has rows of 256 values.',
    byLayer,
  ]);
  expect(untriedWords([none('q6_k')])).toEqual([none('q6_k')]);
  expect(untriedWords([])).toEqual([]);
});

test('the axis of sizes names round ones, of which a narrow axis has none', () => {
  expect(sizeTicks(1.55e5, 5.3e5)).toEqual([2e5, 2.5e5, 3e5, 4e5, 5e5]);
  expect(sizeTicks(3e9, 2.1e11).map(formatBytes)).toEqual([5e9, 1e10, 2e10, 5e10, 1e11, 2e11].map(formatBytes));
  const narrow = sizeTicks(1.01e9, 1.06e9);
  expect(narrow).toHaveLength(5);
  expect(Math.min(...narrow)).toBeGreaterThan(1.01e9);
  expect(Math.max(...narrow)).toBeLessThan(1.06e9);
});
