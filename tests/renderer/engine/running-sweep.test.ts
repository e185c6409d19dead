import { expect, onTestFinished, test, vi } from 'vitest';
import { parseOutput } from '../../../main/contract/call-boundary.ts';
import { type CallInput, type CallName, calls, type EngineCall } from '../../../main/contract/calls.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';
import { type SweepDocument, sweepSettings } from '../../../main/contract/sweep.ts';
import { SweepRecord } from '../../../main/runs/sweep-record.ts';
import { connectCache } from '../../../renderer/engine/engine-context.tsx';
import { openEngine } from '../../main/engine/open-engine.ts';
import { engineOf } from '../engine-of.ts';

/** The events of a small sweep with plans measured elsewhere, and its document at its end. */
const measured = async (): Promise<{ readonly events: EngineEvent[]; readonly document: SweepDocument }> => {
  const engine = await openEngine();
  const [models, tasks] = [await engine.call('models.list', {}), await engine.call('tasks.list', {})];
  const events: EngineEvent[] = [];
  engine.subscribe((event) => events.push(event));
  const { run } = await engine.call('sweep.start', {
    models: models.filter(({ name }) => name === 'uncurl-8').map(({ handle }) => handle),
    tasks: tasks.filter(({ name }) => ['add', 'sort'].includes(name)).map(({ handle }) => handle),
    settings: sweepSettings.parse({
      methods: ['reap', 'random'],
      factors: [4, 2],
      seeds: [1, 0],
      limit: 8,
      elsewhere: true,
    }),
    candidates: [],
  });
  expect((await engine.finished(run)).error).toBeNull();
  return { events, document: await engine.call('sweep.read', { run }) };
};

test('a sweep is read once when it begins: after that its events alone keep the document up to date', async () => {
  const { events, document } = await measured();
  const { run } = document;
  const changes = events.flatMap((event) => (event.type === 'sweep.changed' ? [event] : []));
  expect(changes.length).toBeGreaterThan(document.results.length);
  const asked: CallName[] = [];
  const never = (): Promise<never> => Promise.reject(new Error('the copy of a record writes nothing'));
  const context = { run, folder: '', temporaryFolder: '', now: () => 0, requireRun: never };
  // As the engine keeps it beside its compute process.
  const records: SweepRecord[] = [];
  const call: EngineCall = (name, input) => {
    asked.push(name);
    const reading = calls['sweep.read'].input.parse(input);
    return Promise.resolve(parseOutput(name, records.at(-1)?.document(reading) ?? document));
  };
  const engine = engineOf(call);
  const heard: ((event: EngineEvent) => void)[] = [];
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const subscribe = (listener: (event: EngineEvent) => void): (() => void) => {
    heard.push(listener);
    return () => undefined;
  };
  onTestFinished(connectCache({ ...engine, bridge: { ...engine.bridge, subscribe } }));
  const readings: CallInput<'sweep.read'>[] = [{ run }, { run, delta: 0.3, familywise: true }];
  for (const reading of readings) onTestFinished(engine.cache.reader('sweep.read', reading).subscribe(() => undefined));
  await vi.advanceTimersByTimeAsync(2_000);
  expect(asked.splice(0)).toEqual(['sweep.read', 'sweep.read']);
  for (const [index, event] of changes.entries()) {
    if (event.change.what === 'begun') records.push(new SweepRecord(context, event.change));
    else records.at(-1)?.take(event.change);
    for (const listener of heard) listener(event);
    // Some come together, others far apart.
    await vi.advanceTimersByTimeAsync(index % 3 === 0 ? 1_500 : 40);
    if (index % 3 !== 0) continue;
    for (const reading of readings)
      expect(engine.cache.state('sweep.read', reading).data).toEqual(records.at(-1)?.document(reading));
  }
  expect(asked).toEqual(['sweep.read', 'sweep.read']);
  await vi.advanceTimersByTimeAsync(2_000);
  const { running, ...live } = engine.cache.state('sweep.read', { run }).data ?? {};
  expect(running?.order.methods).toEqual(['reap', 'random']);
  const { check: _check, provenance: _provenance, ...read } = document;
  expect(live).toEqual(read);
});
