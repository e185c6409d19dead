import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { INSTRUMENT_NOTE } from '../../../main/runs/bundled-models.ts';
import { makeReport } from '../../../main/report/report-page.ts';
import { type OutcomeBlock, writeOutcomes } from '../../../main/runs/outcomes-parquet.ts';
import { readPointBlocks } from '../../../main/runs/read-outcomes.ts';
import { readStoredSweep } from '../../../main/runs/read-run.ts';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { textOutcome } from '../evaluation/outcomes.ts';
import { sample, sweepOnDisk } from '../report/sweep-on-disk.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { countOutcomes, sourceOf } from './source-of.ts';

const bundled = {
  folders: ['here', 'gone'],
  open: (folder: string) =>
    folder === 'here' ? Promise.resolve({ fingerprint: 'f8' }) : Promise.reject(new Error('gone')),
  recorded: () => Promise.resolve(null),
};
const none = { ...bundled, folders: [] };

describe('a stored sweep read over the sizes of its models', () => {
  it(
    'has the same pairs from the outcomes file of a finished run, from the steps of an unfinished one, and ' +
      'from memory',
    async () => {
      const { workspace, run, outcomesFile } = await sweepOnDisk();
      const fromFile = await readStoredSweep(await sourceOf(workspace, none), run);
      await rm(outcomesFile);
      const fromSteps = await readStoredSweep(await sourceOf(workspace, none), run);
      expect(fromFile.sizeTrend.pairs).toHaveLength(2);
      const note: unknown = expect.stringContaining('thresholds found, each at the 5 % level');
      expect(fromFile.sizeTrend).toEqual({ ...sample.sizeTrend, run, notes: [note, ...sample.sizeTrend.notes] });
      expect(fromSteps.sizeTrend).toEqual(fromFile.sizeTrend);
    },
  );

  it('counts comparisons whose outcomes are gone', async () => {
    const { workspace, run, outcomesFile } = await sweepOnDisk();
    await rm(outcomesFile);
    await writeFile(join(workspace.runs.folder(run), 'points.json'), '[]');
    const { sizeTrend } = await readStoredSweep(await sourceOf(workspace, none), run);
    expect(sizeTrend.pairs).toEqual([]);
    expect(sizeTrend.notes.join()).toContain(
      '2 comparisons with a smaller model left out: the outcomes are no longer stored.',
    );
  });

  it('reads thresholds with another margin', async () => {
    const { workspace, run } = await sweepOnDisk();
    // The unpruned models answer 93 % right and lose 27 points at most; chance is at 50 %, 43 points below.
    for (const [delta, verdict] of [
      [0.4, 'all-safe'],
      [0.5, 'nothing-to-lose'],
    ] as const) {
      const { sizeTrend } = await readStoredSweep(await sourceOf(workspace, none), run, { delta });
      expect([sizeTrend.delta, sizeTrend.thresholds.map((threshold) => threshold.verdict)]).toEqual([
        delta,
        sample.sizeTrend.thresholds.map(() => verdict),
      ]);
      expect(sizeTrend.rule).toContain(`-${String(100 * delta)} percentage points`);
    }
    const { document, sizeTrend: strict } = await readStoredSweep(await sourceOf(workspace, none), run, {
      familywise: true,
    });
    expect(document.multiplicity).toMatchObject({ familywise: true, alpha: 0.05 / 4 });
    expect(strict.notes[0]).toContain('Bonferroni');
    expect(strict.needed.items).toBeGreaterThan(149);
  });

  it('finds a verdict other than that of the outcomes: an edit', async () => {
    const fieldsOf = async (change: (result: SweepResult) => SweepResult) => {
      const stored = withThresholds(sample.document, { delta: 0.4 });
      const { workspace, run } = await sweepOnDisk({
        delta: 0.4,
        stored: { ...stored, results: stored.results.map(change) },
      });
      const { document } = await readStoredSweep(await sourceOf(workspace, none), run, {});
      return document.check?.differing.map(({ field }) => field);
    };
    expect(await fieldsOf((result) => result)).toEqual([]);
    expect(await fieldsOf((result) => (result.factor > 1 ? { ...result, verdict: 'worse' } : result))).toEqual([
      'results.verdict',
    ]);
  });

  it('says that bundled models are instruments, known by their fingerprint', async () => {
    const { workspace, run } = await sweepOnDisk();
    expect((await readStoredSweep(await sourceOf(workspace, bundled), run)).sizeTrend.notes[0]).toBe(INSTRUMENT_NOTE);
    expect((await makeReport(await sourceOf(workspace, bundled), run)).html).toContain(INSTRUMENT_NOTE);
    expect((await makeReport(await sourceOf(workspace, none), run)).html).not.toContain(INSTRUMENT_NOTE);
  });

  it('is refused for other runs and for sweeps without results', async () => {
    const { workspace, run } = await sweepOnDisk();
    const sweep = await workspace.runs.read(run);
    const { id, kind, createdAt, ...rest } = sweep;
    expect([id, kind, createdAt.length]).toEqual([run, 'sweep', 24]);
    const profile = await workspace.runs.create('profile', rest);
    await expect(readStoredSweep(await sourceOf(workspace, bundled), profile.manifest.id)).rejects.toThrow(
      /is a profile, not a sweep/,
    );
    const empty = await workspace.runs.create('sweep', rest);
    await expect(readStoredSweep(await sourceOf(workspace, bundled), empty.manifest.id)).rejects.toThrow(
      /has not measured anything yet/,
    );
  });
});

describe('reading outcomes', () => {
  it('returns the written outcomes, choices and texts, in order, and only the wanted ones', async () => {
    const file = join(await temporaryFolder(), 'outcomes.parquet');
    const texts = [textOutcome('t0', -3.5, 4), textOutcome('t1', -0.25, 1)];
    const plain = sample.outcomesOf({ model: 'e8', task: 'sort', method: 'unpruned', seed: null, factor: 1 }) ?? [];
    const choices = plain.map((outcome, index) =>
      index % 2 === 0 ? { ...outcome, group: `passage ${index}` } : outcome,
    );
    const written = async function* (): AsyncGenerator<OutcomeBlock> {
      const base = { run: 'r', model: 'm', method: 'random', factor: 2, kept: 8 };
      yield await Promise.resolve({ ...base, task: 'prose', seed: 3, outcomes: texts });
      yield { ...base, task: 'sort', seed: null, outcomes: choices };
      yield { ...base, task: 'other', seed: null, outcomes: choices };
    };
    await writeOutcomes(file, written());
    const read: unknown[] = [];
    const seeds = new Set<number | null>();
    for await (const { point, outcomes } of (await readPointBlocks(file, ({ task }) => task !== 'other')) ?? []) {
      seeds.add(point.seed);
      read.push(...outcomes);
    }
    expect(read).toEqual([...texts, ...choices]);
    expect([...seeds]).toEqual([3, null]);
  });

  it('returns null without a file, and refuses a damaged one by name', async () => {
    const folder = await temporaryFolder();
    expect(await countOutcomes(join(folder, 'none.parquet'))).toBeNull();
    await writeFile(join(folder, 'bad.parquet'), 'PAR1 this is no Parquet file PAR1');
    await expect(countOutcomes(join(folder, 'bad.parquet'))).rejects.toThrow(
      /bad\.parquet was changed or damaged after it was written/,
    );
  });
});
