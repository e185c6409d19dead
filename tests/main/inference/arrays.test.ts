import { expect, it } from 'vitest';
import { HiddenStore } from '../../../main/inference/hidden-store.ts';
import { integersOf, integerTensor } from '../../../main/inference/session.ts';
import { SpareArrays } from '../../../main/inference/block-pool.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

it('an array that was given back is taken again, and none that is still in use', () => {
  const spare = new SpareArrays();
  const [first, second] = [spare.take(8), spare.take(8)];
  expect(second.buffer).not.toBe(first.buffer);
  spare.give(first);
  const third = spare.take(6);
  expect([third.buffer, third.length]).toEqual([first.buffer, 6]);
  expect(spare.take(6).buffer).not.toBe(first.buffer);
  spare.give(second);
  expect(spare.take(9).length).toBe(9);
});

it('only the largest arrays wait for their next use', () => {
  const spare = new SpareArrays();
  const all = [4, 16, 8, 12].map((length) => spare.take(length));
  for (const array of all) spare.give(array);
  expect(
    [spare.take(1), spare.take(1), spare.take(1)].map(({ buffer }) => buffer.byteLength / 4).toSorted((a, b) => a - b),
  ).toEqual([1, 12, 16]);
});

it('limited memory holds a part of a larger array without the rest', async () => {
  const whole = Float32Array.of(1, 2, 3, 4);
  const part = whole.subarray(1, 3);
  const [limited, unlimited] = [new HiddenStore(await temporaryFolder(), 8), new HiddenStore('', Infinity)];
  const [copied, shared] = [
    await limited.read(await limited.put(part)),
    await unlimited.read(await unlimited.put(part)),
  ];
  expect([copied, copied.buffer.byteLength]).toEqual([part, 8]);
  expect(shared.buffer).toBe(whole.buffer);
});

it('memory of released states is free once no state is part of it', async () => {
  const store = new HiddenStore('', Infinity);
  const whole = Float32Array.of(1, 2, 3, 4);
  const [first, second] = [await store.put(whole.subarray(0, 2)), await store.put(whole.subarray(2))];
  await store.release(first);
  expect(await store.read(second)).toEqual(Float32Array.of(3, 4));
  await store.release(second);
  expect(whole.byteLength).toBe(0);
});

it('whole numbers become int64, and back; others are refused', () => {
  const values = [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 40 + 5, -(2 ** 40) - 5, Number.MAX_SAFE_INTEGER];
  expect([...Object.values(integerTensor(values, [8]).data)]).toEqual(values.map(BigInt));
  const small = Int32Array.of(0, 7, -7, 2 ** 31 - 1);
  expect(integersOf(integerTensor(small, [4]))).toEqual(small);
  for (const wrong of [0.5, NaN, 2 ** 53]) expect(() => integerTensor([wrong], [1])).toThrow('is no whole number');
});
