import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formulaPrint } from '../../../main/evaluation/formula-print.ts';
import { readChecksums } from '../../../main/files/checksums.ts';
import { readCheckedSweep } from '../../../main/runs/checked-sweep.ts';
import { createKnownChecks } from '../../../main/runs/known-checks.ts';
import { openRunSource } from '../../../main/runs/run-source.ts';
import { bundledRecords } from '../../../main/workspace/bundled-records.ts';
import { sweepOnDisk } from '../report/sweep-on-disk.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { resources } from './source-of.ts';

test('checked results are recognised by the checksums of results and outcomes together', async () => {
  const checks = createKnownChecks(await temporaryFolder(), []);
  const sums = new Map([
    ['results.json', 'a'],
    ['outcomes.parquet', 'b'],
  ]);
  expect(await checks.isKnown(sums)).toBe(false);
  await checks.note(sums);
  expect(await checks.isKnown(sums)).toBe(true);
  expect(await checks.isKnown(new Map([...sums, ['results.json', 'c']]))).toBe(false);
  expect(await checks.isKnown(new Map([...sums, ['outcomes.parquet', 'a']]))).toBe(false);
  const shipped = Object.values(bundledRecords);
  const own = await readChecksums(join(resources, 'sample', 'run'));
  expect(await createKnownChecks(null, shipped).isKnown(own ?? new Map())).toBe(true);
  expect(await createKnownChecks(null, shipped).isKnown(sums)).toBe(false);
  expect(await createKnownChecks(null, shipped).isKnown(new Map())).toBe(false);
});

test('what is computed from fixed outcomes names the formulas', () => {
  const print = formulaPrint();
  expect(JSON.parse(print)).toMatchObject({ thresholds: expect.any(Array), rule: expect.any(String) });
  expect(formulaPrint()).toBe(print);
});

test('a run cannot vouch for itself: one without its own outcomes is never known', async () => {
  const { workspace, run } = await sweepOnDisk();
  const state = await temporaryFolder();
  const folder = workspace.runs.folder(run);
  const done = await workspace.runs.read(run);
  await workspace.runs.seal(done, null);
  await workspace.runs.write(done);
  const source = await openRunSource(workspace, resources, { state });
  const manifest = await workspace.runs.read(run);
  // Its tasks are not available, so its answers were not judged again.
  expect((await readCheckedSweep(source, manifest))?.check?.state).toBe('as-written');
  expect(await source.knownChecks.isKnown((await readChecksums(folder)) ?? new Map())).toBe(false);
  const text = await readFile(join(folder, 'results.json'), 'utf8');
  await writeFile(join(folder, 'results.json'), text.replace('"difference":', '"difference": '));
  const again = await readCheckedSweep(await openRunSource(workspace, resources, { state }), manifest);
  expect(again?.check).toMatchObject({ state: 'differs', changed: ['results.json'] });
});

test('a sentence in the words of an earlier version is not a difference, a number is', async () => {
  const { workspace, run } = await sweepOnDisk();
  const manifest = await workspace.runs.read(run);
  const checked = async () => readCheckedSweep(await openRunSource(workspace, resources), manifest);
  const { multiplicity } = (await checked()) ?? expect.fail('no sweep');
  if (multiplicity === undefined) throw new Error('thresholds without their number');
  const file = join(workspace.runs.folder(run), 'results.json');
  const stored: unknown = JSON.parse(await readFile(file, 'utf8'));
  const stateWith = async (change: Partial<typeof multiplicity>) => {
    await writeFile(file, JSON.stringify(Object.assign({}, stored, { multiplicity: { ...multiplicity, ...change } })));
    await workspace.runs.seal(manifest, null);
    await workspace.runs.write(manifest);
    return (await checked())?.check?.state;
  };
  expect(await stateWith({ sentence: 'In earlier words.' })).toBe('as-written');
  expect(await stateWith({ decided: multiplicity.decided + 1 })).toBe('differs');
});
