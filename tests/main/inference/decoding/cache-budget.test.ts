import fc from 'fast-check';
import { expect, it } from 'vitest';
import { admittedRows, ROWS_AT_ONCE } from '../../../../main/inference/decoding/decoding-group.ts';
import { bytesOfPrefix, bytesOfRows, candidatesAtOnce } from '../../../../main/inference/decoding/decoding-group.ts';

const bytes = { perColumn: 100, perSequence: 300, perPromptToken: 10 };
const size = fc.record({
  mostColumns: fc.integer({ min: 1, max: 50 }),
  prompt: fc.integer({ min: 1, max: 20 }).map((length) => ({ length })),
});

it('lets rows join while memory has room for their full length, and always one where none is decoding', () => {
  fc.assert(
    fc.property(
      fc.array(size),
      fc.array(size, { maxLength: 10 }),
      fc.nat(100_000),
      fc.boolean(),
      (waiting, writing, spareBytes, streaming) => {
        const count = admittedRows(waiting, writing, { bytes, spareBytes, streaming });
        expect(count).toBeLessThanOrEqual(waiting.length);
        if (writing.length === 0 && count <= 1) {
          expect(count).toBe(Math.min(1, waiting.length));
          return;
        }
        if (count === 0) return;
        const rows = [...writing, ...waiting.slice(0, count)];
        const prompt = Math.max(...waiting.slice(0, count).map(({ prompt: { length } }) => length));
        expect(
          bytesOfRows(bytes, rows.length, Math.max(...rows.map(({ mostColumns }) => mostColumns)), prompt),
        ).toBeLessThanOrEqual(spareBytes);
        if (!streaming) expect(rows.length).toBeLessThanOrEqual(ROWS_AT_ONCE);
      },
    ),
  );
});

it('lets no single row join a full resident batch, but every one a streamed batch', () => {
  const row = { mostColumns: 10, prompt: { length: 5 } };
  const rows = (count: number): readonly (typeof row)[] => Array.from({ length: count }, () => row);
  const spareBytes = 100 * bytesOfRows(bytes, 1, 10, 5);
  expect(admittedRows(rows(50), rows(99), { bytes, spareBytes, streaming: false })).toBe(0);
  expect(admittedRows(rows(50), rows(99), { bytes, spareBytes, streaming: true })).toBe(1);
  expect(admittedRows(rows(50), rows(70), { bytes, spareBytes, streaming: false })).toBe(30);
  expect(admittedRows(rows(1), rows(99), { bytes, spareBytes, streaming: false })).toBe(1);
});

it('takes as many candidates as have room for their prefix beside one row, and refuses where not even one has', () => {
  const needs = { prefix: 40, mostPrompt: 5, mostColumns: 10 };
  const [row, prefix] = [bytesOfRows(bytes, 1, 10, 5), bytesOfPrefix(bytes, 1, 40)];
  expect(candidatesAtOnce(bytes, row + 3 * prefix, 9, needs)).toBe(3);
  expect(candidatesAtOnce(bytes, row + 30 * prefix, 9, needs)).toBe(9);
  expect(candidatesAtOnce(bytes, row, 9, { ...needs, prefix: 0 })).toBe(9);
  expect(() => candidatesAtOnce(bytes, row + prefix - 1, 9, needs)).toThrow(/45 tokens.*memory budget leaves/);
});
