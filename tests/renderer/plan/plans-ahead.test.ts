import { expect, test } from 'vitest';
import type { CallInput, EngineCall } from '../../../main/contract/calls.ts';
import { callCancelled } from '../../../main/contract/errors.ts';
import { pathHandle } from '../../../main/contract/model.ts';
import { QueryCache } from '../../../renderer/engine/query-cache.ts';
import { createPlansAhead } from '../../../renderer/plan/plans-ahead.ts';
import { nextFactors } from '../../../renderer/plan/kept-counts.ts';

const keeping = (keep: number): CallInput<'plan.make'> => ({
  model: pathHandle.parse('m'),
  tasks: [pathHandle.parse('t')],
  method: 'reap',
  keep,
  budget: 'uniform',
});

/** An engine that answers no plan until it is told to; the window is idle when `rest` is called. */
const setUp = () => {
  const asked: (number | undefined)[] = [];
  const ended: (number | undefined)[] = [];
  const answers = new Map<number | undefined, () => void>();
  const call: EngineCall = (name, input, signal) =>
    new Promise((_resolve, reject) => {
      const { keep } = input as CallInput<'plan.make'>;
      asked.push(keep);
      answers.set(keep, () => reject(new Error('made')));
      signal?.addEventListener('abort', () => {
        ended.push(keep);
        reject(callCancelled(name));
      });
    });
  /** Waits that are shown. */
  const waits = new Set<string>();
  const cache = new QueryCache(call, {
    label: (name) => name,
    begin: (label) => {
      waits.add(label);
      return () => waits.delete(label);
    },
    cancelled: () => undefined,
  });
  let resting: (() => void) | null = null;
  const idle = (work: () => void): (() => void) => {
    resting = work;
    return () => {
      if (resting === work) resting = null;
    };
  };
  const rest = (): void => {
    const work = resting;
    resting = null;
    work?.();
  };
  return {
    ahead: createPlansAhead(cache, idle),
    cache,
    waits,
    asked,
    ended,
    rest,
    answer: (keep: number) => answers.get(keep)?.(),
  };
};

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

test('plans are asked for ahead when the window is idle, one after the other, and once', async () => {
  const { ahead, asked, ended, rest, answer } = setUp();
  ahead.want([keeping(4), keeping(16)], keeping(8));
  expect(asked).toEqual([]);
  rest();
  rest();
  await settle();
  expect(asked).toEqual([4]);
  answer(4);
  await settle();
  rest();
  await settle();
  expect(asked).toEqual([4, 16]);
  answer(16);
  await settle();
  ahead.want([keeping(16), keeping(4)], keeping(8));
  rest();
  await settle();
  rest();
  await settle();
  expect([asked, ended]).toEqual([[4, 16], []]);
});

test('what is not wanted any more is dropped, waiting or under way, but not what is read now', async () => {
  const { ahead, cache, asked, ended, rest } = setUp();
  ahead.want([keeping(4), keeping(16)], keeping(8));
  rest();
  await settle();
  // The larger factor is chosen: its plan goes on, and is read.
  ahead.want([keeping(2), keeping(8)], keeping(4));
  const stopReading = cache.reader('plan.make', keeping(4)).subscribe(() => undefined);
  await settle();
  expect([asked, ended]).toEqual([[4], []]);
  // The view is left: what others still read goes on.
  ahead.want([], null);
  rest();
  await settle();
  expect([asked, ended]).toEqual([[4], []]);
  stopReading();
  await settle();
  expect(ended).toEqual([4]);
  ahead.want([keeping(2)], null);
  rest();
  await settle();
  ahead.want([], null);
  await settle();
  expect([asked, ended]).toEqual([
    [4, 2],
    [4, 2],
  ]);
  expect(cache.state('plan.make', keeping(2)).error).toBeNull();
});

test('a plan asked for ahead shows no wait until it is read', async () => {
  const { ahead, cache, waits, rest, answer } = setUp();
  ahead.want([keeping(4)], keeping(8));
  rest();
  await settle();
  expect([...waits]).toEqual([]);
  ahead.want([], keeping(4));
  const stopReading = cache.reader('plan.make', keeping(4)).subscribe(() => undefined);
  expect([...waits]).toEqual(['plan.make']);
  answer(4);
  await settle();
  expect([...waits]).toEqual([]);
  stopReading();
  // The same plan asked for once more, ahead again.
  cache.invalidate((name) => name === 'plan.make');
  ahead.want([keeping(4)], keeping(8));
  rest();
  await settle();
  expect([...waits]).toEqual([]);
});

test('the next factors are the standard ones on both sides', () => {
  expect(nextFactors({ experts: 16, topK: 2 }, 2)).toEqual({ smaller: 1, larger: 4 });
  expect(nextFactors({ experts: 16, topK: 2 }, 3)).toEqual({ smaller: 2, larger: 4 });
  expect(nextFactors({ experts: 16, topK: 2 }, 8)).toEqual({ smaller: 4, larger: undefined });
});
