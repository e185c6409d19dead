import { expect, it } from 'vitest';
import { atEnd } from '../../../main/files/at-end.ts';

it('work for the end of a block is done after it, the last first, also where the block fails', async () => {
  const done: string[] = [];
  const block = async (fails: boolean): Promise<void> => {
    await using _first = atEnd(async () => done.push('first'));
    await using _second = atEnd(async () => done.push('second'));
    done.push('block');
    if (fails) throw new Error('failed');
  };
  await block(false);
  await expect(block(true)).rejects.toThrow('failed');
  expect(done).toEqual(['block', 'second', 'first', 'block', 'second', 'first']);
});
