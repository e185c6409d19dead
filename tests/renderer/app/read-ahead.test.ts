import { beforeEach, expect, test, vi } from 'vitest';
import type { CallName, EngineCall } from '../../../main/contract/calls.ts';
import { readSweepAhead } from '../../../renderer/app/use-app-effects.ts';
import { QueryCache } from '../../../renderer/engine/query-cache.ts';
import { layoutStore } from '../../../renderer/state/layout-store.ts';
import { runOf } from '../../main/contract/run-of.ts';

beforeEach(() => {
  vi.stubGlobal('window', { location: { hash: '' } });
  const before = layoutStore.getState();
  layoutStore.setState({ isFollowed: false });
  return () => {
    vi.unstubAllGlobals();
    layoutStore.setState(before);
  };
});

/** An engine that answers when the test says so; what it was asked, with the inputs. */
const slowEngine = () => {
  const asked: (readonly [name: CallName, input: unknown])[] = [];
  const waiting = new Map<CallName, (value: never) => void>();
  const call: EngineCall = (name, input) => {
    asked.push([name, input]);
    return new Promise((resolve) => waiting.set(name, resolve));
  };
  const answer = async (name: CallName, value: unknown): Promise<void> => {
    waiting.get(name)?.(value as never);
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return { asked, answer, cache: new QueryCache(call) };
};

const older = runOf({ id: 'older', kind: 'sweep', createdAt: '2026-01-01T00:00:00.000Z' });
const newer = runOf({ id: 'newer', kind: 'sweep', createdAt: '2026-02-01T00:00:00.000Z' });

test('the newest sweep is asked for once runs and the last view are known, before they are drawn', async () => {
  const { asked, answer, cache } = slowEngine();
  readSweepAhead({ cache });
  const heard: number[] = [];
  cache.reader('runs.list', {}).subscribe(() => heard.push(asked.length));
  expect(asked.map(([name]) => name)).toEqual(['runs.list', 'view.kept']);
  await answer('view.kept', { address: null });
  expect(asked).toHaveLength(2);
  await answer('runs.list', [older, newer]);
  expect(asked.slice(2)).toEqual([['sweep.read', { run: 'newer', familywise: false, delta: undefined }]]);
  expect(heard).toEqual([3]);
});

test('the sweep of the last view is asked for at its margin, and that of an address before it', async () => {
  for (const [hash, expected] of [
    ['', { run: 'older', familywise: true, delta: 0.05 }],
    ['#run=newer', { run: 'newer', familywise: false, delta: undefined }],
  ] as const) {
    vi.stubGlobal('window', { location: { hash } });
    const { asked, answer, cache } = slowEngine();
    readSweepAhead({ cache });
    await answer('runs.list', [older, newer]);
    await answer('view.kept', { address: 'run=older&margin=0.05&familywise=yes' });
    expect(asked.slice(2)).toEqual([['sweep.read', expected]]);
  }
});

test('nothing is asked without a sweep, after the end, or once a page has followed its address', async () => {
  const ask = async (runs: readonly unknown[], before: (stop: () => void) => void): Promise<number> => {
    const { asked, answer, cache } = slowEngine();
    const stop = readSweepAhead({ cache });
    await answer('view.kept', { address: null });
    before(stop);
    await answer('runs.list', runs);
    return asked.length;
  };
  expect(await ask([newer], () => undefined)).toBe(3);
  expect(await ask([], () => undefined)).toBe(2);
  expect(await ask([newer], (stop) => stop())).toBe(2);
  expect(await ask([newer], () => layoutStore.setState({ isFollowed: true }))).toBe(2);
});
