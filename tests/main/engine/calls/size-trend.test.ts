import { expect, test } from 'vitest';
import { sample, sweepOnDisk } from '../../report/sweep-on-disk.ts';
import { openEngine } from '../open-engine.ts';

test('analyses a stored sweep over the sizes of its models, and returns its report, for any margin', async () => {
  const { workspace, run } = await sweepOnDisk();
  const engine = await openEngine(workspace.path);
  const note: unknown = expect.stringContaining('thresholds found, each at the 5 % level');
  expect(await engine.call('sweep.sizeTrend', { run })).toEqual({
    ...sample.sizeTrend,
    run,
    notes: [note, ...sample.sizeTrend.notes],
    provenance: { state: 'elsewhere', reason: 'no-seal', files: [] },
  });
  const strict = await engine.call('sweep.sizeTrend', { run, familywise: true });
  expect(strict.notes[0]).toContain('Bonferroni');
  const wide = await engine.call('sweep.sizeTrend', { run, delta: 0.4 });
  expect(wide.thresholds.map(({ factor }) => factor)).toEqual([4, 4, 8, 8]);
  expect(wide.pairs.map(({ pastThreshold }) => pastThreshold)).toEqual([false, false]);
  // The unpruned models are less than 50 points above chance, so that no threshold is found.
  const wider = await engine.call('sweep.sizeTrend', { run, delta: 0.5 });
  expect(wider.pairs.map(({ pastThreshold }) => pastThreshold)).toEqual([null, null]);
  expect(wide.pairs.map(({ difference }) => difference)).toEqual(
    sample.sizeTrend.pairs.map(({ difference }) => difference),
  );
  const { name, html } = await engine.call('report.make', { run });
  expect(name).toBe(`${run}.html`);
  expect(html).toContain('<h1>A sweep</h1>');
  expect(html).toContain('<strong>Not measured here: the run has no seal');
  await expect(engine.call('sweep.sizeTrend', { run: 'sweep-gone' })).rejects.toMatchObject({ code: 'no-such-run' });
});
