import { expect, test } from 'vitest';
import { UNPRUNED } from '../../../main/contract/sweep.ts';
import { levelOfLook, requireLooks } from '../../../main/evaluation/planned-looks.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { sweepResult } from '../evaluation/outcomes.ts';
import { plannedLevels } from '../../../main/evaluation/planned-looks.ts';

test('the level is spent in proportion to the items, and in all no more than once', () => {
  const levels = plannedLevels([150, 300, 600, 1200], 0.05);
  expect(levels.map((level) => Number(level.toFixed(6)))).toEqual([0.00625, 0.00625, 0.0125, 0.025]);
  expect(levels.reduce((sum, level) => sum + level, 0)).toBeCloseTo(0.05, 12);
  expect(plannedLevels([300], 0.05)).toEqual([0.05]);
  for (const wrong of [
    [300, 150],
    [0, 100],
    [100, 100],
  ])
    expect(() => plannedLevels(wrong, 0.05)).toThrow('ascending');
});

const reading = { limit: 300, looks: '150,300,600,1200', stop: undefined, adaptive: false } as const;

test('a sweep tests at the level of the look that its item limit names', () => {
  expect(levelOfLook(reading)).toBeCloseTo(0.00625, 12);
  expect(levelOfLook({ ...reading, limit: null })).toBeCloseTo(0.025, 12);
  expect(levelOfLook({ limit: 300, looks: undefined })).toBeUndefined();
  expect(() => levelOfLook({ ...reading, limit: 200 })).toThrow('none of the planned looks');
  expect(() => levelOfLook({ ...reading, looks: '300,150' })).toThrow('do not ascend');
  expect(() => requireLooks({ ...reading, stop: 'early' })).toThrow('searches decide at 5 %');
  expect(() => requireLooks(reading)).not.toThrow();
});

test('a document of a planned look is judged at its level', () => {
  const unpruned = sweepResult({ method: UNPRUNED, factor: 1, n: 600, value: 0.9, p: null });
  const at = (lost: number, level?: number) =>
    withThresholds(
      {
        run: 'run',
        results: [unpruned, sweepResult({ factor: 2, n: 600, lost, gained: 0, difference: -lost / 600 })],
        thresholds: [],
        rule: '',
        ...(level === undefined ? {} : { level }),
      },
      { delta: 0.02 },
    );
  const most = [...new Array(12).keys()].findLast((lost) => at(lost).results[1]?.verdict === 'safe') ?? 0;
  expect(most).toBeGreaterThan(0);
  expect([at(0, 0.0125), at(most, 0.0125)].map(({ results }) => results[1]?.verdict)).toEqual(['safe', 'undecided']);
  expect(at(0, 0.0125).rule).toContain('98.75 %');
  expect(at(0, 0.0125).multiplicity?.sentence).toContain('1.25 % level');
});
