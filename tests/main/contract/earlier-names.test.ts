import { expect, test } from 'vitest';
import { logLine } from '../../../main/contract/run.ts';
import { recordedSweepDocument, recordedSweepSettings, sweepSettings } from '../../../main/contract/sweep.ts';

const point = {
  model: 'm',
  task: 't',
  method: 'reap',
  seed: null,
  factor: 4,
  kept: 2,
  n: 300,
  evaluated: 11,
  metric: 'acc',
  lost: 9,
  gainedAtMost: 2,
  independentAtLeast: 300,
  verdict: 'unsafe',
};
const multiplicity = { familywise: false, curves: 1, alpha: 0.05, sentence: '1 of 1 threshold' };
const document = { run: 'sweep-1', results: [], thresholds: [], rule: 'The rule.' };

test('a document that calls curtailed candidates told is read by the present names', () => {
  const earlier = { ...document, told: [point], notNeeded: [], multiplicity: { ...multiplicity, told: 1 } };
  const present = { ...document, curtailed: [point], notNeeded: [], multiplicity: { ...multiplicity, decided: 1 } };
  expect(recordedSweepDocument.parse(earlier)).toEqual(present);
  expect(recordedSweepDocument.parse(present)).toEqual(present);
  expect(recordedSweepDocument.parse(document)).toEqual(document);
  for (const damaged of [null, [], 'told', { ...earlier, told: 1 }, { ...earlier, multiplicity: 1 }])
    expect(recordedSweepDocument.safeParse(damaged).success).toBe(false);
});

test('a manifest that stops when told stops early, and no new one says told', () => {
  const spec = { methods: ['reap'], factors: [1, 2] };
  for (const stop of ['told', 'early'])
    expect(recordedSweepSettings.parse({ ...spec, stop })).toMatchObject({ stop: 'early' });
  expect(recordedSweepSettings.parse(spec)).not.toHaveProperty('stop');
  expect(recordedSweepSettings.safeParse({ ...spec, stop: 'late' }).success).toBe(false);
  expect(sweepSettings.safeParse({ ...spec, stop: 'told' }).success).toBe(false);
});

test('a line of a log of the kind told is of the kind curtailed', () => {
  const at = '2026-01-01T00:00:00.000Z';
  for (const kind of ['told', 'curtailed'])
    expect(logLine.parse({ at, kind, text: 'm, t, reap, 4' })).toEqual({
      at,
      kind: 'curtailed',
      text: 'm, t, reap, 4',
    });
  expect(logLine.safeParse({ at, kind: 'other', text: '' }).success).toBe(false);
});
