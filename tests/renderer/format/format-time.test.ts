import { expect, test } from 'vitest';
import { formatDuration } from '../../../main/words/numbers.ts';
import { formatTimeLeft, formatWhen } from '../../../renderer/format/format-time.ts';

test('time left is a range, with one unit if both ends share it', () => {
  expect(formatTimeLeft(null)).toBe('time left unknown');
  expect(formatTimeLeft({ low: 120_000, high: 180_000 })).toBe('2–3\u202fmin left');
  expect(formatTimeLeft({ low: 40_000, high: 150_000 })).toBe('40\u202fs – 3\u202fmin left');
  expect(formatTimeLeft({ low: 30_100, high: 30_200 })).toBe('~30\u202fs left');
});

test('a duration is at least a second', () => {
  expect([3, 89_000, 91_000, 5_400_000].map(formatDuration)).toEqual([
    '1\u202fs',
    '89\u202fs',
    '2\u202fmin',
    '1.5\u202fh',
  ]);
});

test('recent runs show their age, old ones their date and time of day', () => {
  const now = new Date('2026-03-04T12:00:00');
  expect(formatWhen(new Date('2026-03-04T11:59:30').toISOString(), now)).toBe('just now');
  expect(formatWhen(new Date('2026-03-04T11:48:00').toISOString(), now)).toBe('12 min ago');
  expect(formatWhen(new Date('2026-03-04T08:05:00').toISOString(), now)).toBe('08:05');
  expect(formatWhen(new Date('2026-02-01T08:05:00').toISOString(), now)).toBe('1 Feb, 08:05');
  expect(formatWhen(new Date('2025-02-01T08:05:00').toISOString(), now)).toBe('1 Feb 2025, 08:05');
  // The clock of another machine, or one that was set back.
  expect(formatWhen(new Date('2026-03-04T12:00:30').toISOString(), now)).toBe('just now');
  expect(formatWhen(new Date('2026-03-05T12:00:00').toISOString(), now)).toBe('5 Mar, 12:00');
});
