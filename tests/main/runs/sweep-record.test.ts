import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { computeReport } from '../../../main/contract/compute.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import { readPointIndex, SweepRecord } from '../../../main/runs/sweep-record.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const pointOf = (method: string, factor: number): SweepResult => ({
  // Not in the order of the schema: written files must not depend on the writer.
  cost: { bytes: 1, activeParameters: 2, cacheBytesPerToken: 3 },
  model: 'm',
  task: 't',
  method,
  seed: null,
  factor,
  kept: 16 / factor,
  n: 10,
  evaluated: 10,
  metric: 'acc',
  value: 1 / 3,
  acc: 1 / 3,
  accNorm: 0.1 + 0.2,
  perplexity: null,
  difference: -0.1,
  low: -0.2,
  high: 0,
  lowOneSided: -0.19,
  highOneSided: 0.02,
  p: null,
  lost: 1,
  gained: 0,
  truncated: 0,
});

test('a record that takes every change of another, over a channel, writes the same files byte for byte', async () => {
  const [folder, copyFolder, temporary] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()];
  const context = { run: 'r', temporaryFolder: temporary, now: () => 0, requireRun: () => Promise.resolve() };
  const copies: SweepRecord[] = [];
  const emit = (event: EngineEvent): void => {
    const report = computeReport.parse(JSON.parse(JSON.stringify({ type: 'event', run: 'r', event })));
    if (report.type !== 'event' || report.event.type !== 'sweep.changed') throw new Error('another message came out');
    const { change } = report.event;
    if (change.what === 'begun') copies.push(new SweepRecord({ ...context, folder: copyFolder }, change));
    else copies[0]?.take(change);
  };
  const order = { models: ['m'], tasks: ['t'], methods: ['reap', 'random'] };
  const record = new SweepRecord({ ...context, folder, emit }, { order, delta: 0.02, facts: [{ code: 'adaptive' }] });
  const named = { model: 'm', task: 't', seed: null, kept: 2, factor: 8 };
  await record.add({ what: 'point', result: pointOf('random', 2), step: 'b' });
  await record.add({ what: 'point', result: pointOf('unpruned', 1), step: 'a' });
  record.note({ code: 'steps', computed: 1, reused: 2 });
  record.note({ code: 'steps', computed: 1, reused: 2 });
  const curtailed = { n: 10, evaluated: 5, metric: 'acc', lost: 3, gainedAtMost: 1, independentAtLeast: 9 } as const;
  await record.add({ what: 'curtailed', point: { ...named, ...curtailed, method: 'reap' } });
  await record.add({ what: 'unneeded', points: [{ ...named, method: 'random' }] });
  const [copy] = copies;
  if (copy === undefined) throw new Error('the copy did not begin');
  expect(copy.document()).toEqual(record.document());
  await record.write();
  await copy.write();
  for (const file of ['results.json', 'points.json'])
    expect(await readFile(path.join(copyFolder, file), 'utf8')).toBe(await readFile(path.join(folder, file), 'utf8'));
});

test('a point is announced by one record alone: a copy of it announces nothing', async () => {
  const [folder, temporary] = [await temporaryFolder(), await temporaryFolder()];
  const begun = { order: { models: ['m'], tasks: ['t'], methods: ['reap'] }, delta: 0.02, facts: [] };
  const told: string[] = [];
  const emit = (event: EngineEvent): void =>
    void told.push(event.type === 'sweep.changed' ? event.change.what : event.type);
  const context = { run: 'r', folder, temporaryFolder: temporary, now: () => 0, requireRun: () => Promise.resolve() };
  const point = { what: 'point', result: pointOf('reap', 2), step: 'a' } as const;
  await new SweepRecord({ ...context, emit }, begun).add(point);
  expect(told.splice(0)).toEqual(['begun', 'point']);
  new SweepRecord(context, begun).take(point);
  expect(told).toEqual([]);
});

test('of concurrent writes, the newest wins', async () => {
  const [folder, temporary] = [await temporaryFolder(), await temporaryFolder()];
  const context = { run: 'r', folder, temporaryFolder: temporary, now: () => 0, requireRun: () => Promise.resolve() };
  const record = new SweepRecord(context, {
    order: { models: ['m'], tasks: ['t'], methods: ['reap'] },
    delta: 0.02,
    facts: [],
  });
  await record.add({ what: 'point', result: pointOf('reap', 2), step: '0' });
  for (let round = 1; round < 100; round += 1) {
    const earlier = record.write();
    // By then it has begun, with the points so far.
    await new Promise((resolve) => setImmediate(resolve));
    await record.add({ what: 'point', result: pointOf('reap', 2 + round), step: String(round) });
    await Promise.all([earlier, record.write()]);
    expect(await readPointIndex(folder)).toHaveLength(round + 1);
  }
});
