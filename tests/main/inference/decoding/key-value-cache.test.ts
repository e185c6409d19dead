import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bytesPerColumn, KeyValueCache } from '../../../../main/inference/decoding/key-value-cache.ts';
import { floatsOf } from '../../../../main/inference/session.ts';

const shapes = [
  { heads: 2, keyDimension: 3, valueDimension: 2 },
  { heads: 1, keyDimension: 4, valueDimension: 4 },
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
      const cache = new KeyValueCache(shapes);
      const held: { sequence: number; columns: number }[] = [];
      list.forEach(({ tokens, leaves }, sequence) => {
        // A sequence joins, all are written, and the first one may leave.
        held.push({ sequence, columns: 0 });
        const needed = Math.max(...held.map(({ columns }) => columns + tokens));
        if (held.length > cache.slots || needed > cache.columns)
          cache.resize(held.length, cache.grownColumns(needed, Infinity), held.length - 1);
        held.forEach((each, slot) => {
          shapes.forEach(({ heads, keyDimension, valueDimension }, block) => {
            const key = written(each.sequence, each.columns, tokens, heads, keyDimension);
            const value = written(each.sequence, each.columns, tokens, heads, valueDimension);
            cache.write(block, slot, each.columns, tokens, 0, { key, value });
          });
          each.columns += tokens;
        });
        const last = held.at(-1);
        if (leaves && held.length > 1 && last !== undefined) {
          cache.move(held.length - 1, 0, last.columns);
          held[0] = last;
          held.pop();
        }
        shapes.forEach(({ heads, keyDimension }, block) => {
          const { key } = cache.read(block, 0, held.length);
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
  const cache = new KeyValueCache(shapes);
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
  expect(bytesPerColumn(shapes)).toBe(4 * (2 * 5 + 8));
});
