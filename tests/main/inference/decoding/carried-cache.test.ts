import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CarriedPart } from '../../../../main/graph/carried.ts';
import { bytesPerColumn, bytesPerSequence, CarriedCache } from '../../../../main/inference/decoding/carried-cache.ts';
import { floatsOf } from '../../../../main/inference/session.ts';

const keysAndValues = (heads: number, key: number, value: number): readonly CarriedPart[] => [
  { name: 'key', shape: [heads, key], perToken: true },
  { name: 'value', shape: [heads, value], perToken: true },
];
const blocks = [
  keysAndValues(2, 3, 2),
  [
    { name: 'window', shape: [2, 3], perToken: false },
    { name: 'state', shape: [2, 2, 1], perToken: false },
  ] as const,
  keysAndValues(1, 4, 4),
];

/** Numbers that encode sequence, column, head and index. */
const written = (sequence: number, column: number, count: number, heads: number, width: number): Float32Array =>
  Float32Array.from({ length: count * heads * width }, (_, at) => {
    const [token, head, position] = [Math.floor(at / (heads * width)), Math.floor(at / width) % heads, at % width];
    return sequence * 10_000 + (column + token) * 100 + head * 10 + position + 1;
  });

it('returns what sequences wrote, wherever they were moved and however it grew', () => {
  const steps = fc.array(fc.record({ tokens: fc.integer({ min: 1, max: 4 }), leaves: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(steps, (list) => {
      const cache = new CarriedCache(blocks);
      const held: { sequence: number; columns: number }[] = [];
      list.forEach(({ tokens, leaves }, sequence) => {
        // A sequence joins, all are written, and the first one may leave.
        held.push({ sequence, columns: 0 });
        const needed = Math.max(...held.map(({ columns }) => columns + tokens));
        if (held.length > cache.slots || needed > cache.columns)
          cache.resize(held.length, cache.grownColumns(needed, Infinity), held.length - 1);
        held.forEach((each, slot) => {
          blocks.forEach((parts, block) => {
            const outputs = Object.fromEntries(
              parts.map(({ name, shape: [heads = 0, width = 0], perToken }) => [
                name,
                perToken
                  ? written(each.sequence, each.columns, tokens, heads, width)
                  : new Float32Array(name === 'window' ? 6 : 4).fill(each.sequence * 10_000 + each.columns + tokens),
              ]),
            );
            const cell = { slot, column: each.columns, sequence: 0, firstRow: 0, tokens };
            cache.write(block, cell, outputs);
          });
          each.columns += tokens;
        });
        const last = held.at(-1);
        if (leaves && held.length > 1 && last !== undefined) {
          cache.move(held.length - 1, 0, last.columns);
          held[0] = last;
          held.pop();
        }
        const { pastWindow, pastState } = cache.read(1, 0, held.length, 'past');
        if (pastWindow === undefined || pastState === undefined) throw new Error('a block without its states');
        expect([pastWindow.dims, pastState.dims]).toEqual([
          [held.length, 2, 3],
          [held.length, 2, 2, 1],
        ]);
        const states = held.map(({ sequence: own, columns }) => own * 10_000 + columns);
        expect([...floatsOf(pastWindow)]).toEqual(states.flatMap((state) => new Array<number>(6).fill(state)));
        expect([...floatsOf(pastState)]).toEqual(states.flatMap((state) => new Array<number>(4).fill(state)));
        const { pastState: copied } = cache.copies(1, [null, held.length - 1]);
        if (copied === undefined) throw new Error('no copies');
        expect([...floatsOf(copied)]).toEqual([0, 0, 0, 0, ...new Array<number>(4).fill(states.at(-1) ?? NaN)]);
        [0, 2].forEach((block) => {
          const [heads = 0, keyDimension = 0] = blocks[block]?.[0]?.shape ?? [];
          const { pastKey: key } = cache.read(block, 0, held.length, 'past');
          if (key === undefined) throw new Error('a block without keys');
          expect(key.dims).toEqual([held.length, heads, cache.columns, keyDimension]);
          held.forEach(({ sequence: own, columns }, slot) => {
            const all = written(own, 0, columns, heads, keyDimension);
            for (let head = 0; head < heads; head += 1) {
              const start = (slot * heads + head) * cache.columns * keyDimension;
              const expected = Array.from({ length: columns }, (_, token) => [
                ...all.subarray((token * heads + head) * keyDimension, (token * heads + head + 1) * keyDimension),
              ]).flat();
              expect([...floatsOf(key).subarray(start, start + columns * keyDimension)]).toEqual(expected);
            }
          });
        });
      });
    }),
  );
});

it('grows in proportion, so that copying stays linear, and never beyond the most that is needed', () => {
  const cache = new CarriedCache(blocks);
  let [copied, resized] = [0, 0];
  for (let columns = 1; columns <= 1000; columns += 1) {
    const grown = cache.grownColumns(columns, 1000);
    expect(grown).toBeLessThanOrEqual(1000);
    if (grown === cache.columns) continue;
    copied += cache.columns;
    resized += 1;
    cache.resize(1, grown, 1);
  }
  expect(copied).toBeLessThan(6 * 1000);
  expect(resized).toBeLessThan(30);
  expect(bytesPerColumn(blocks)).toBe(4 * (2 * 5 + 8));
  expect(bytesPerSequence(blocks)).toBe(4 * (6 + 4));
});
