import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import { runManifest } from '../../../../main/contract/run.ts';
import { sweepSettings } from '../../../../main/contract/sweep.ts';
import {
  comparableResults,
  type RecordedTrainings,
  sizeTrendDocument,
} from '../../../../main/evaluation/size-trend/document.ts';
import { completeOptions } from '../../../../main/pruning/methods.ts';
import { readRecordedTrainings, recordedTrainingsFile } from '../../../../main/runs/run-source.ts';
import { recordedResults } from '../../sample/recorded.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

const resources = path.resolve('resources');
const manifest = runManifest.parse(
  JSON.parse(await readFile(path.join(resources, 'sample/run/manifest.json'), 'utf8')),
);
const document = await recordedResults('sample');
const recorded = await readRecordedTrainings(resources);
if (recorded === null) throw new Error(`${recordedTrainingsFile(resources)} is missing`);
const withSettings = (run: typeof manifest) => ({
  ...run,
  settings: sweepSettings.parse(run.spec),
  completeOptions,
});
const comparable = (changed: Partial<RecordedTrainings>, run: Partial<typeof manifest> = {}) =>
  comparableResults({ ...recorded, ...changed }, withSettings({ ...manifest, ...run }), document.results);
/**
 * Tasks whose items have not changed since the trainings were recorded; for the method uncurl the merge has changed.
 */
const lasting = new Set(['french', 'spanish', 'german', 'add', 'bracket']);
const isLasting = ({ task, method }: { readonly task: string; readonly method: string }): boolean =>
  lasting.has(task) && method !== 'uncurl';
const nothingMeasured = { pairs: [], missing: 0, incomparable: 0 };

describe('the recorded trainings', () => {
  it('are a second training of every bundled size, on five unchanged tasks, and no bundled model itself', async () => {
    expect(recorded.models.map(({ experts }) => experts)).toEqual([8, 16, 32, 64]);
    const hashes = new Set(recorded.tasks.map(({ hash }) => hash));
    expect(new Set(manifest.tasks.filter(({ hash }) => hashes.has(hash)).map(({ name }) => name))).toEqual(lasting);
    expect(recorded.results.filter(({ method }) => method === 'uncurl')).toEqual([]);
    for (const { experts, size, fingerprint, gatesGrow } of recorded.models) {
      const bundled = await openCheckpoint(path.join(resources, `models/uncurl-${String(experts)}`));
      expect(size).toBe(bundled.fingerprint);
      expect(fingerprint).not.toBe(bundled.fingerprint);
      expect(gatesGrow).toBe(bundled.info.gatesGrow ?? false);
    }
  });

  it('stand beside the sample point by point', () => {
    const nameOf = ({ task, method, seed, factor, kept }: (typeof document.results)[number]): string =>
      JSON.stringify([task, method, seed, factor, kept]);
    // The trainings were recorded with three draws of random, the sample with five.
    const isRecorded = ({ seed }: { readonly seed: number | null }): boolean => seed === null || seed < 3;
    const beside = document.results.filter((result) => isLasting(result) && isRecorded(result));
    expect(comparable({}).map(nameOf).sort()).toEqual(beside.map(nameOf).sort());
  });

  it('stand beside a sweep only where it has the same size, items, settings, factors and seeds', () => {
    const [smallest, ...larger] = manifest.models;
    expect(new Set(comparable({}, { models: larger }).map(({ model }) => model)).size).toBe(3);
    expect(comparable({}, { models: [{ name: 'other', path: 'other', fingerprint: 'f' }] })).toEqual([]);
    const tasks = manifest.tasks.map((task) =>
      task.name === 'add' ? { ...task, hash: 'other' } : { ...task, name: `${task.name}-2` },
    );
    expect(comparable({}, { tasks }).filter(({ task }) => task === 'add')).toEqual([]);
    expect(comparable({}, { spec: { ...manifest.spec, limit: 10 } })).toEqual([]);
    const pooled = comparable({}, { spec: { ...manifest.spec, uncurl: { affinity: 'pearson' } } });
    expect(new Set(pooled.map(({ method }) => method))).toEqual(new Set(['unpruned', 'random', 'frequency', 'reap']));
    // Gates make no difference in these models; where they may, two choices of them are two rules.
    expect(manifest.spec).toMatchObject({ gates: 'folded' });
    expect(recorded.spec).toMatchObject({ gates: 'renormalised' });
    const growing = recorded.models.map((model) => ({ ...model, gatesGrow: true }));
    const unknown = recorded.models.map(({ gatesGrow: _, ...model }) => model);
    for (const models of [growing, unknown]) {
      expect(new Set(comparable({ models }).map(({ method }) => method))).toEqual(new Set(['unpruned']));
      const deleted = { spec: { ...manifest.spec, gates: 'renormalised' } };
      expect(comparable({ models }, deleted)).toEqual(comparable({}));
    }
    const named = { ...manifest.spec, options: { reap: completeOptions('reap', {}) } };
    expect(comparable({}, { spec: named })).toEqual(comparable({}));
    const few = document.results.filter(({ factor, seed }) => factor <= 2 && seed !== 1);
    const beside = comparableResults(recorded, withSettings(manifest), few);
    expect(new Set(beside.map(({ factor }) => factor))).toEqual(new Set([1, 2]));
    expect(new Set(beside.map(({ seed }) => seed))).toEqual(new Set([null, 0, 2]));
    expect(smallest?.name).toBe('uncurl-8');
  });

  it(
    'give trends a second mark at every size, and the finding 4! x 4! relabellings; the matrix stays that of the ' +
      'sweep',
    () => {
      const sizeTrend = sizeTrendDocument(document, { delta: 0.02 }, nothingMeasured, comparable({}));
      const alone = sizeTrendDocument(document, { delta: 0.02 }, nothingMeasured);
      expect(sizeTrend.trainings).toHaveLength(4);
      expect(alone.trainings).toEqual([]);
      for (const { spread, task, method } of sizeTrend.trends)
        expect(spread.map(({ models }) => models)).toEqual(isLasting({ task, method }) ? [2, 2, 2, 2] : [1, 1, 1, 1]);
      expect(sizeTrend.thresholds).toEqual(alone.thresholds);
      expect(sizeTrend.models).toEqual(alone.models);
      expect(sizeTrend.notes.join()).toContain('their weights are not');
      const trendOf = (method: string) =>
        sizeTrend.findings.find((one) => one.chart === 'threshold-over-experts' && one.method === method);
      for (const method of ['frequency', 'reap']) {
        expect(trendOf(method)?.sentence).toContain('Of all 576 ways to assign the sizes to the 8 models');
        expect([trendOf(method)?.verdict, trendOf(method)?.p]).toEqual(['supported', 4 / 576]);
      }
      expect(trendOf('uncurl')?.sentence).toContain('Of all 24 ways to assign the sizes to the 4 models');
      expect([trendOf('uncurl')?.verdict, trendOf('uncurl')?.p]).toEqual(['cannot-tell', 4 / 24]);
      for (const { answers, method, shares } of sizeTrend.safeCounts)
        for (const { of } of shares) expect([0, answers === 'written' || method === 'uncurl' ? 9 : 14]).toContain(of);
    },
  );
});

describe('reading them', () => {
  it('gives null where there are none, and refuses a damaged file by name', async () => {
    const folder = await temporaryFolder();
    expect(await readRecordedTrainings(folder)).toBeNull();
    await mkdir(path.join(folder, 'sample'));
    await writeFile(recordedTrainingsFile(folder), 'no gzip');
    await expect(readRecordedTrainings(folder)).rejects.toThrow(/trainings\.json\.gz is damaged/);
  });
});
