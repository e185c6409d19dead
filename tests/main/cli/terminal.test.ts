import { expect, test } from 'vitest';
import { createTerminal, printedProgress } from '../../../main/cli/terminal.ts';
import { printedBytes, printedCount, textTable } from '../../../main/cli/terminal-text.ts';

test('on a terminal progress is one line that is replaced, and lasting lines stay above it', () => {
  let written = '';
  const terminal = createTerminal({ isTTY: true, columns: 40, write: (text) => (written += text) }, () => 0);
  terminal.progress('10 %');
  terminal.progress('20 %');
  terminal.say('a point');
  terminal.clear();
  expect(written).toBe('\r\u001b[2K10 %\r\u001b[2K20 %\r\u001b[2Ka point\n20 %\r\u001b[2K');
});

test('elsewhere progress is a plain line now and then', () => {
  let written = '';
  let now = 0;
  const terminal = createTerminal({ write: (text) => (written += text) }, () => now);
  for (now = 0; now <= 6000; now += 1000) terminal.progress(`${String(now)} ms`);
  terminal.say('done');
  terminal.clear();
  expect(written).toBe('0 ms\n5000 ms\ndone\n');
});

test('progress, sizes and tables are readable', () => {
  const progress = { done: 61, total: 100, description: 'Evaluating' };
  expect(printedProgress({ ...progress, leftMs: null })).toBe('61 %: Evaluating');
  expect(printedProgress({ ...progress, leftMs: { low: 110_000, high: 180_000 } })).toBe(
    '61 %, 2 min to 3 min left: Evaluating',
  );
  expect(printedProgress({ ...progress, leftMs: { low: 4_900, high: 5_100 } })).toBe('61 %, 5 s left: Evaluating');
  expect([printedBytes(918_000), printedBytes(2.92e6), printedBytes(13), printedCount(1_452_000)]).toEqual([
    '918 kB',
    '2.92 MB',
    '13 B',
    '1,452,000',
  ]);
  expect(
    textTable(
      ['name', 'n'],
      [
        ['a', 5],
        ['long', 12],
        ['b', null],
      ],
    ),
  ).toBe('name   n\n----  --\na      5\nlong  12\nb      -');
});
