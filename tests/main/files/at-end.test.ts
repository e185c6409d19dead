import { expect, it } from 'vitest';
import { refuse, serialiseError } from '../../../main/contract/errors.ts';
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

it('a block that is refused and does not close either is told as the refusal, with both messages', async () => {
  const block = async (): Promise<void> => {
    await using _closing = atEnd(() => Promise.reject(new Error('the disk is gone')));
    throw refuse('full', 'There is no room.', 'Make room.');
  };
  const told = await block().catch(serialiseError);
  expect(told).toEqual({
    code: 'full',
    kind: 'refused',
    message: 'There is no room. What was open did not close: the disk is gone',
    remedy: 'Make room.',
  });
});
