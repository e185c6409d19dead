import { expect, test } from 'vitest';
import { modelEntry } from '../../../main/contract/model.ts';
import { uncurlOptions } from '../../../main/contract/plan.ts';
import { sweepRequest } from '../../../main/contract/sweep.ts';
import { taskEntry } from '../../../main/contract/task.ts';
import { commonFactors, sweepCost, sweepInput, sweepObstacle } from '../../../renderer/features/prune/sweep-plan.ts';

const model = (experts: number) =>
  modelEntry.parse({
    handle: `m${experts}`,
    name: `uncurl-${experts}`,
    path: '/m',
    bundled: true,
    fingerprint: 'f',
    error: null,
    info: { family: 'mixtral', layers: 3, moeLayers: 3, experts, topK: 2, hidden: 96, expertWidth: 96, sharedExperts: 0, normTopK: true, vocabulary: 45, maxPositions: 64, parameters: { total: 1, expert: 1, active: 1 }, dtype: 'float16', sizeBytes: 1, memory: { resident: 1, streaming: 1 }, supported: true, reasons: [] },
  });
const task = (name: string, calibration: number) =>
  taskEntry.parse({ handle: name, name, title: name, description: '', metric: 'acc', source: '', licence: '', path: '/t', bundled: true, items: { calibration, test: 300 }, chance: 0.25, hash: 'h', error: null });
const settings = { methods: ['random', 'reap'] as const, skippedFactors: [8], seeds: 3, adaptive: false, limit: 100, delta: 0.02, uncurl: uncurlOptions.parse({}) };

test('several models share the factors that all of them can reach', () => {
  expect(commonFactors([model(16), model(8)])).toEqual([1, 2, 4]);
  expect(commonFactors([])).toEqual([]);
});

test('the cost counts every plan once, seeds only for random, and the unpruned model per task', () => {
  expect(sweepCost([model(16)], [task('a', 300), task('b', 300)], settings)).toEqual({ candidatesPerTask: 8, evaluations: 18, itemEvaluations: 1800 });
});

test('what cannot run says why', () => {
  expect(sweepObstacle([], [task('a', 1)], settings)).toMatch(/model/);
  expect(sweepObstacle([model(16)], [task('plain', 0)], settings)).toMatch(/plain: no calibration items/);
  expect(sweepObstacle([model(16)], [task('plain', 0)], { ...settings, methods: ['random'] })).toBeNull();
  expect(sweepObstacle([model(16)], [task('a', 1)], { ...settings, skippedFactors: [2, 4, 8] })).toMatch(/factor/);
});

test('the request is one that the contract accepts', () => {
  const request = sweepRequest.parse(sweepInput([model(16)], [task('a', 1)], settings));
  expect(request.settings).toMatchObject({ factors: [1, 2, 4], seeds: [0, 1, 2], limit: 100 });
});
