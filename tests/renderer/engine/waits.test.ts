import { expect, onTestFinished, test, vi } from 'vitest';
import { parseOutput } from '../../../main/contract/call-boundary.ts';
import type { CallInput, EngineCall } from '../../../main/contract/calls.ts';
import { callCancelled, refuse } from '../../../main/contract/errors.ts';
import { pathHandle } from '../../../main/contract/model.ts';
import { type Engine, performWork } from '../../../renderer/engine/waits.ts';
import { waitsStore } from '../../../renderer/state/notices-store.ts';
import { engineOf } from '../engine-of.ts';

/** An engine whose calls last as long as their timers, and end as cancelled with their signal. */
const slowEngine = (lastsMs: number): { readonly engine: Engine; readonly asked: string[] } => {
  const asked: string[] = [];
  const call: EngineCall = (name, _input, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(callCancelled(name));
      asked.push(name);
      const timer = setTimeout(() => resolve(parseOutput(name, name === 'profile.read' ? [] : {})), lastsMs);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(callCancelled(name));
      });
    });
  return { engine: engineOf(call), asked };
};

const shown = (): readonly string[] => waitsStore.getState().waits.map(({ label }) => label);

const withFakeTimers = (): void => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
};

test('many short calls of one button are one wait, which says the present one', async () => {
  withFakeTimers();
  const { engine } = slowEngine(400);
  const worked = performWork(engine, null, async ({ bridge }) => {
    await bridge.call('jobs.cancel', { run: 'one' });
    for (const run of ['two', 'three', 'four', 'five']) await bridge.call('jobs.resume', { run });
  });
  await vi.advanceTimersByTimeAsync(999);
  expect(shown()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(shown()).toEqual(['Resuming the run']);
  await vi.advanceTimersByTimeAsync(1100);
  await worked;
  expect(shown()).toEqual([]);
});

test('no wait is shown while the user chooses a file, and none after an error', async () => {
  withFakeTimers();
  const { engine } = slowEngine(100);
  const worked = performWork(engine, null, async ({ bridge }) => {
    await bridge.call('jobs.cancel', { run: 'one' });
    await new Promise((resolve) => setTimeout(resolve, 5000));
    throw refuse('none', 'Nothing was chosen.', 'Choose one.');
  });
  const ended = expect(worked).rejects.toMatchObject({ code: 'none' });
  await vi.advanceTimersByTimeAsync(4000);
  expect(shown()).toEqual([]);
  await vi.advanceTimersByTimeAsync(2000);
  await ended;
  expect(shown()).toEqual([]);
});

test('Cancel ends the call and all that would follow, also where others still wait for the same answer', async () => {
  withFakeTimers();
  const { engine, asked } = slowEngine(3000);
  const asks: CallInput<'profile.read'> = { model: pathHandle.parse('m'), tasks: [pathHandle.parse('t')] };
  const stopReading = engine.cache.reader('profile.read', asks).subscribe(() => undefined);
  const effects: string[] = [];
  const worked = performWork(engine, null, async ({ bridge, cache }) => {
    await cache.fetch('profile.read', asks);
    effects.push('read');
    await bridge.call('jobs.resume', { run: 'one' });
  });
  await vi.advanceTimersByTimeAsync(1500);
  expect(shown()).toEqual(['Reading profiles']);
  waitsStore.getState().waits[0]?.abort();
  await worked;
  expect(shown()).toEqual([]);
  await vi.advanceTimersByTimeAsync(3000);
  expect(engine.cache.state('profile.read', asks).data).toEqual([]);
  expect([asked, effects]).toEqual([['profile.read'], []]);
  stopReading();
});

test('runs are listed again after a call that made one, not after a refused one or another call', async () => {
  const asked: string[] = [];
  const answers: Readonly<Record<string, unknown>> = { 'runs.list': [], 'run.reproduce': { run: 'one' } };
  const { bridge, cache } = engineOf((name, input) => {
    asked.push(name);
    if (name === 'run.reproduce' && JSON.stringify(input).includes('refused'))
      return Promise.reject(refuse('none', 'No such run.', 'Choose one.'));
    return Promise.resolve(parseOutput(name, answers[name] ?? {}));
  });
  onTestFinished(cache.reader('runs.list', {}).subscribe(() => undefined));
  await expect(bridge.call('run.reproduce', { run: 'refused' })).rejects.toThrow('No such run.');
  await bridge.call('jobs.cancel', { run: 'one' });
  expect(asked).toEqual(['runs.list', 'run.reproduce', 'jobs.cancel']);
  await bridge.call('run.reproduce', { run: 'one' });
  expect(asked.slice(3)).toEqual(['run.reproduce', 'runs.list']);
});
