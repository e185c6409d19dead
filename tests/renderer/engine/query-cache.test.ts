import { expect, test, vi } from 'vitest';
import type { z } from 'zod';
import { calls } from '../../../main/contract/calls.ts';
import type { CallInput, CallName, CallOutput, EngineCall } from '../../../main/contract/calls.ts';
import { callCancelled, refuse } from '../../../main/contract/errors.ts';
import { pathHandle } from '../../../main/contract/model.ts';
import type { JobProgress } from '../../../main/contract/run.ts';
import { withEntry } from '../../../renderer/engine/apply-event.ts';
import { QueryCache, inputKey } from '../../../renderer/engine/query-cache.ts';

const schemas: { readonly [N in CallName]: { readonly output: z.ZodType<CallOutput<N>> } } = calls;

interface Asked {
  readonly name: CallName;
  readonly input: unknown;
  readonly answer: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

/** An engine whose answers arrive when the test says so, parsed with the contract as in production. */
const slowEngine = () => {
  const asked: Asked[] = [];
  const call: EngineCall = <N extends CallName>(
    name: N,
    input: CallInput<N>,
    signal?: AbortSignal,
  ): Promise<CallOutput<N>> =>
    new Promise((resolve, reject) => {
      const { output }: { readonly output: z.ZodType<CallOutput<N>> } = schemas[name];
      asked.push({ name, input, answer: (value) => resolve(output.parse(value)), fail: reject, signal });
      signal?.addEventListener('abort', () => reject(callCancelled(name)));
    });
  return { call, asked };
};

const job = (run: string, done: number): JobProgress => ({
  run,
  kind: 'sweep',
  title: '',
  description: '',
  done,
  total: 9,
  reused: 0,
  elapsedMs: 0,
  leftMs: null,
});
const model = (name: string): unknown => ({
  handle: name,
  name,
  path: name,
  bundled: false,
  fingerprint: null,
  info: null,
  error: null,
});
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test('equal inputs share one answer whatever the order of their keys', () => {
  expect(inputKey({ b: [1, { d: 1, c: 2 }], a: undefined })).toBe(inputKey({ a: undefined, b: [1, { c: 2, d: 1 }] }));
  expect(inputKey({ a: 1 })).not.toBe(inputKey({ a: 2 }));
});

test('many readers cause one call, and all get the answer', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  let heard = 0;
  cache.reader('jobs.list', {}).subscribe(() => (heard += 1));
  cache.reader('jobs.list', {}).subscribe(() => (heard += 1));
  expect(asked).toHaveLength(1);
  asked[0]?.answer([]);
  await settle();
  expect(cache.state('jobs.list', {})).toEqual({ data: [], error: null, loading: false });
  expect(heard).toBe(2);
});

test('an answer overtaken by a newer call is dropped', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  cache.reader('models.list', {}).subscribe(() => undefined);
  cache.invalidate((name) => name === 'models.list');
  expect(asked).toHaveLength(2);
  asked[1]?.answer([]);
  await settle();
  asked[0]?.fail(refuse('late', 'an old answer', ''));
  await settle();
  expect(cache.state('models.list', {}).error).toBeNull();
  expect(cache.state('models.list', {}).data).toEqual([]);
});

test('data stays while a newer answer is fetched; an error replaces it', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  cache.reader('runs.list', {}).subscribe(() => undefined);
  asked[0]?.answer([]);
  await settle();
  cache.invalidate(() => true);
  expect(cache.state('runs.list', {})).toMatchObject({ data: [], loading: true });
  asked[1]?.fail(refuse('disk', 'the disk is gone', 'Plug it in.'));
  await settle();
  expect(cache.state('runs.list', {})).toMatchObject({
    data: undefined,
    error: { code: 'disk', remedy: 'Plug it in.' },
  });
});

test('an answer without readers is dropped when invalidated, and fetched again by the next reader', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  const stop = cache.reader('tasks.list', {}).subscribe(() => undefined);
  asked[0]?.answer([]);
  await settle();
  stop();
  cache.invalidate((name) => name === 'tasks.list');
  expect(asked).toHaveLength(1);
  cache.reader('tasks.list', {}).subscribe(() => undefined);
  expect(asked).toHaveLength(2);
});

test('a list that is read again keeps its entries, and itself where none has changed', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  const reader = cache.reader('models.list', {});
  reader.subscribe(() => undefined);
  const readAgain = async (models: readonly unknown[]) => {
    cache.invalidate((name) => name === 'models.list');
    asked.at(-1)?.answer(models);
    await settle();
    return reader.read().data;
  };
  const known = await readAgain([model('a'), model('b')]);
  expect(await readAgain([model('a'), model('b')])).toBe(known);
  const changed = await readAgain([model('a'), model('c')]);
  expect(changed).toMatchObject([{ name: 'a' }, { name: 'c' }]);
  expect(changed?.[0]).toBe(known?.[0]);
});

test('a fetch after a change waits for the newer answer, and does not take the known one', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  cache.reader('models.list', {}).subscribe(() => undefined);
  asked[0]?.answer([]);
  await settle();
  cache.invalidate((name) => name === 'models.list');
  const fetched = cache.fetch('models.list', {});
  asked[1]?.answer([model('newer')]);
  expect(await fetched).toMatchObject([{ name: 'newer' }]);
  expect(asked).toHaveLength(2);
});

test('a batch of patches notifies each reader once', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  let heard = 0;
  cache.reader('jobs.list', {}).subscribe(() => (heard += 1));
  asked[0]?.answer([]);
  await settle();
  heard = 0;
  cache.batch(() => {
    for (const done of [1, 2, 3]) cache.patch('jobs.list', (jobs) => [...jobs, job(`r${done}`, done)]);
  });
  await settle();
  expect(heard).toBe(1);
  expect(cache.state('jobs.list', {}).data).toHaveLength(3);
});

test('an answer requested before a change does not overwrite it, whoever asked', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  const first = cache.fetch('models.list', {});
  cache.reader('models.list', {}).subscribe(() => undefined);
  cache.invalidate((name) => name === 'models.list');
  const newest = asked.at(-1);
  newest?.answer([model('new')]);
  await settle();
  for (const older of asked.slice(0, -1)) older.answer([model('old')]);
  await settle();
  expect(cache.state('models.list', {}).data?.map(({ name }) => name)).toEqual(['new']);
  expect((await first).map(({ name }) => name)).toEqual(['new']);
});

test('a change announced during a call is not undone by its older answer', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  cache.reader('jobs.list', {}).subscribe(() => undefined);
  asked[0]?.answer([job('a', 1)]);
  await settle();
  cache.invalidate((name) => name === 'jobs.list');
  cache.patch('jobs.list', (jobs) => withEntry(jobs, job('a', 5)));
  asked[1]?.answer([job('a', 2), job('b', 1)]);
  await settle();
  expect(cache.state('jobs.list', {}).data?.map(({ run, done }) => [run, done])).toEqual([
    ['a', 5],
    ['b', 1],
  ]);
});

test('several answers are read as one list, which changes only when one of them does', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  const many = cache.readerOfMany('sweep.read', [{ run: 'a' }, { run: 'b' }]);
  let heard = 0;
  const stop = many.subscribe(() => (heard += 1));
  await settle();
  expect(asked.map(({ input }) => input)).toEqual([{ run: 'a' }, { run: 'b' }]);
  const before = many.read();
  expect(many.read()).toBe(before);
  asked[1]?.answer({ run: 'b', results: [], thresholds: [], rule: '' });
  await settle();
  expect(heard).toBeGreaterThan(0);
  expect(many.read()).not.toBe(before);
  expect(many.read().map(({ data }) => data?.run)).toEqual([undefined, 'b']);
  stop();
  const unheard = heard;
  asked[0]?.answer({ run: 'a', results: [], thresholds: [], rule: '' });
  await settle();
  expect(heard).toBe(unheard);
});

test('a wait that is cancelled ends the call, and its answer can be asked for again', async () => {
  const { call, asked } = slowEngine();
  const shown: (() => void)[] = [];
  const offered: (() => void)[] = [];
  let ended = 0;
  const cache = new QueryCache(call, {
    label: (name) => (name === 'models.list' ? 'Reading models' : null),
    begin: (_label, abort) => {
      shown.push(abort);
      return () => (ended += 1);
    },
    cancelled: (_label, again) => offered.push(again),
  });
  const reader = cache.reader('models.list', {});
  const stop = reader.subscribe(() => undefined);
  await settle();
  shown[0]?.();
  await settle();
  expect(reader.read()).toMatchObject({ data: undefined, error: { kind: 'cancelled' } });
  expect([asked[0]?.signal?.aborted, ended]).toEqual([true, 1]);
  offered[0]?.();
  await settle();
  asked[1]?.answer([model('a')]);
  await settle();
  expect(reader.read()).toMatchObject({ data: [{ name: 'a' }], error: null });
  expect(ended).toBe(2);
  stop();
});

test('an answer that failed is asked for again by its error, unless the settings were refused', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  const reader = cache.reader('runs.list', {});
  reader.subscribe(() => undefined);
  asked[0]?.fail(refuse('not-readable', 'runs cannot be read', 'Give yourself the right to read it.'));
  await settle();
  reader.read().error?.again?.();
  expect(reader.read()).toEqual({ data: undefined, error: null, loading: true });
  asked[1]?.answer([]);
  await settle();
  expect(reader.read()).toEqual({ data: [], error: null, loading: false });

  const checked = cache.reader('tasks.tryCalibration', {
    handle: pathHandle.parse('t'),
    choice: { from: 'split', share: 0.2, seed: 1 },
  });
  checked.subscribe(() => undefined);
  asked[2]?.fail(refuse('too-few-items', 'a share of 0.2 leaves one item', 'Take a larger one.'));
  await settle();
  expect(checked.read().error).toMatchObject({ code: 'too-few-items' });
  expect(checked.read().error?.again).toBeUndefined();
});

test('answers that one error failed are each asked for again by their own', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  const readers = [cache.reader('runs.list', {}), cache.reader('models.list', {})];
  for (const reader of readers) reader.subscribe(() => undefined);
  const gone = refuse('engine-gone', 'the engine has ended', 'Start it again.');
  for (const { fail } of asked) fail(gone);
  await settle();
  const errors = readers.map((reader) => reader.read().error);
  expect(readers.map((reader) => reader.read().error)).toEqual(errors);
  errors[1]?.again?.();
  errors[0]?.again?.();
  expect(asked.slice(2).map(({ name }) => name)).toEqual(['models.list', 'runs.list']);
});

test('a fetch that is cancelled ends the call, unless somebody else reads the answer', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  const controller = new AbortController();
  const alone = expect(cache.fetch('tasks.list', {}, controller.signal)).rejects.toMatchObject({ kind: 'cancelled' });
  const shared = cache.fetch('models.list', {}, controller.signal);
  const stop = cache.reader('models.list', {}).subscribe(() => undefined);
  controller.abort();
  await alone;
  asked.find(({ name }) => name === 'models.list')?.answer([]);
  expect(await shared).toEqual([]);
  expect(asked.map(({ name, signal }) => [name, signal?.aborted])).toEqual([
    ['tasks.list', true],
    ['models.list', false],
  ]);
  stop();
});

test('a plan that nobody reads any more ends, unless an action waits for it', async () => {
  const { call, asked } = slowEngine();
  const cache = new QueryCache(call);
  const input = (keep: number) => ({ model: 'm', tasks: ['t'], method: 'reap', keep });
  const dragged = cache.reader('plan.make', input(4)).subscribe(() => undefined);
  const settled = cache.reader('plan.make', input(2)).subscribe(() => undefined);
  const saved = cache.fetch('plan.make', input(2));
  dragged();
  settled();
  await settle();
  expect(asked.map(({ signal }) => signal?.aborted)).toEqual([true, false]);
  asked[1]?.fail(refuse('late', 'the answer', ''));
  await expect(saved).rejects.toMatchObject({ code: 'late' });
  cache.reader('plan.make', input(4)).subscribe(() => undefined);
  expect(asked).toHaveLength(3);
});

test('thresholds that nobody looks at end after a moment, and are asked for anew by the next look', async () => {
  vi.useFakeTimers();
  try {
    const { call, asked } = slowEngine();
    const shown = { begun: 0, ended: 0 };
    const cache = new QueryCache(call, {
      label: (name) => name,
      begin: () => {
        shown.begun += 1;
        return () => (shown.ended += 1);
      },
      cancelled: () => undefined,
    });
    const look = () => cache.reader('sweep.sizeTrend', { run: 'sample' }).subscribe(() => undefined);
    const report = cache.fetch('sweep.compare', { run: 'sample' }).catch(() => null);
    // Another view takes the reading over.
    look()();
    const other = look();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked.map(({ signal }) => signal?.aborted)).toEqual([false, false]);
    other();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked.map(({ name, signal }) => [name, signal?.aborted])).toEqual([
      ['sweep.compare', false],
      ['sweep.sizeTrend', true],
    ]);
    expect(shown).toEqual({ begun: 2, ended: 1 });
    expect(cache.state('sweep.sizeTrend', { run: 'sample' })).toMatchObject({ data: undefined, error: null });
    look();
    expect(asked).toHaveLength(3);
    asked[0]?.fail(refuse('late', 'the answer', ''));
    await report;
  } finally {
    vi.useRealTimers();
  }
});

test('a question with a folder that a restarted engine does not know is asked again after its lists', async () => {
  const heard: CallName[] = [];
  const call: EngineCall = <N extends CallName>(name: N): Promise<CallOutput<N>> => {
    heard.push(name);
    const { output }: { readonly output: z.ZodType<CallOutput<N>> } = schemas[name];
    if (name === 'models.list' || name === 'tasks.list') return Promise.resolve(output.parse([]));
    return heard.includes('models.list') && heard.includes('tasks.list')
      ? Promise.resolve(output.parse({ path: '/models/m' }))
      : Promise.reject(refuse('unknown-handle', 'not opened in this engine', 'Choose it again.'));
  };
  const cache = new QueryCache(call);
  expect(await cache.fetch('paths.name', { handle: pathHandle.parse('m') })).toEqual({ path: '/models/m' });
  expect(heard).toEqual(['paths.name', 'models.list', 'tasks.list', 'paths.name']);
  const stranger = new QueryCache(() => Promise.reject(refuse('unknown-handle', 'not opened', '')));
  await expect(stranger.fetch('paths.name', { handle: pathHandle.parse('m') })).rejects.toMatchObject({
    code: 'unknown-handle',
  });
});
