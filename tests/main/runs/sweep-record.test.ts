import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { computeReport, type RecordChange } from '../../../main/contract/compute.ts';
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
  metric: 'acc',
  value: 1 / 3,
  acc: 1 / 3,
  accNorm: 0.1 + 0.2,
  perplexity: null,
  difference: -0.1,
  low: -0.2,
  high: 0,
  lowOneSided: -0.19,
  p: null,
  lost: 1,
  gained: 0,
  truncated: 0,
});

test('a record that takes every change of another, over a channel, writes the same files byte for byte', async () => {
  const [folder, copyFolder, temporary] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()];
  const context = { run: 'r', temporaryFolder: temporary, now: () => 0, requireRun: () => Promise.resolve() };
  const copies: SweepRecord[] = [];
  const carried = (change: RecordChange): void => {
    const report = computeReport.parse(JSON.parse(JSON.stringify({ type: 'record', run: 'r', change })));
    if (report.type !== 'record') throw new Error('another message came out');
    if (report.change.what === 'begun') {
      const { order, delta, facts } = report.change;
      copies.push(new SweepRecord({ ...context, folder: copyFolder }, order, delta, facts));
    } else copies[0]?.take(report.change);
  };
  const order = { models: ['m'], tasks: ['t'], methods: ['reap', 'random'] };
  const record = new SweepRecord({ ...context, folder, recordChanged: carried }, order, 0.02, [{ code: 'adaptive' }]);
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

test('a point is announced by one record alone: its own, or that of the engine that takes its changes', async () => {
  const [folder, temporary] = [await temporaryFolder(), await temporaryFolder()];
  const order = { models: ['m'], tasks: ['t'], methods: ['reap'] };
  const told: (readonly [string, string])[] = [];
  const context = {
    run: 'r',
    folder,
    temporaryFolder: temporary,
    now: () => 0,
    requireRun: () => Promise.resolve(),
    emit: ({ type }: EngineEvent) => void told.push(['event', type]),
  };
  const recordChanged = ({ what }: RecordChange): void => void told.push(['change', what]);
  const point = { what: 'point', result: pointOf('reap', 2), step: 'a' } as const;
  await new SweepRecord({ ...context, recordChanged }, order, 0.02, []).add(point);
  expect(told.splice(0)).toEqual([
    ['change', 'begun'],
    ['change', 'point'],
  ]);
  await new SweepRecord(context, order, 0.02, []).add(point);
  expect(told).toEqual([['event', 'sweep.point']]);
});

test('of concurrent writes, the newest wins', async () => {
  const [folder, temporary] = [await temporaryFolder(), await temporaryFolder()];
  const context = { run: 'r', folder, temporaryFolder: temporary, now: () => 0, requireRun: () => Promise.resolve() };
  const record = new SweepRecord(context, { models: ['m'], tasks: ['t'], methods: ['reap'] }, 0.02, []);
  await record.add({ what: 'point', result: pointOf('reap', 2), step: '0' });
  for (let round = 1; round < 100; round += 1) {
    const earlier = record.write();
    // By then it has begun, with the points so far.
    await new Promise((resolve) => setImmediate(resolve));
    await record.add({ what: 'point', result: pointOf('reap', 2), step: String(round) });
    await Promise.all([earlier, record.write()]);
    expect(await readPointIndex(folder)).toHaveLength(round + 1);
  }
});
