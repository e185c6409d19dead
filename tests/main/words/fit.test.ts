import { expect, test } from 'vitest';
import { bytesIn, CARD_SHARE, limitOf, tokensIn } from '../../../main/words/fit.ts';

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
