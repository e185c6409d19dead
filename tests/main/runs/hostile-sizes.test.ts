import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readIndex } from '../../../main/checkpoint/open-checkpoint.ts';
import { MOST_NOTES, MOST_SHARDS, TITLE_CHARACTERS } from '../../../main/contract/bounds.ts';
import { recordedSweepDocument } from '../../../main/contract/sweep.ts';
import { readCheckedSweep } from '../../../main/runs/checked-sweep.ts';
import { readSweepDocument } from '../../../main/runs/sweep-record.ts';
import { shownManifest } from '../../../main/words/equivalent-command.ts';
import { sweepOnDisk } from '../report/sweep-on-disk.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { sourceOf } from './source-of.ts';

// Files that made a reader slow or large: each is refused by its size, or read in bounded time.

test('results of 200 MB are refused before they are read, and their run is listed as damaged', async () => {
  const { workspace, run } = await sweepOnDisk();
  await truncate(join(workspace.runs.folder(run), 'results.json'), 200 * 2 ** 20);
  await expect(readSweepDocument(workspace.runs.folder(run))).rejects.toMatchObject({ code: 'file-too-large' });
  const [listed] = await workspace.runs.list();
  expect(listed?.damaged).toMatch(/results\.json has \d+ bytes, above the limit/);
});

test('more notes than a run has are refused', async () => {
  const { workspace, run } = await sweepOnDisk();
  const file = join(workspace.runs.folder(run), 'results.json');
  const document = recordedSweepDocument.parse(JSON.parse(await readFile(file, 'utf8')));
  const facts = Array.from({ length: MOST_NOTES + 1 }, () => ({ code: 'adaptive' }));
  await writeFile(file, JSON.stringify({ ...document, facts }));
  await expect(readSweepDocument(workspace.runs.folder(run))).rejects.toMatchObject({ code: 'results-damaged' });
});

test('a threshold repeated ten thousand times is compared once for each time', async () => {
  const { workspace, run } = await sweepOnDisk();
  const file = join(workspace.runs.folder(run), 'results.json');
  const source = await sourceOf(workspace);
  const manifest = await workspace.runs.read(run);
  const { thresholds = [] } = (await readCheckedSweep(source, manifest)) ?? {};
  const document = recordedSweepDocument.parse(JSON.parse(await readFile(file, 'utf8')));
  const repeated = Array.from({ length: 10_000 }, () => thresholds[0]);
  await writeFile(file, JSON.stringify({ ...document, thresholds: repeated }));
  const read = await readCheckedSweep(await sourceOf(workspace), manifest);
  expect(read?.check?.state).toBe('differs');
  expect(read?.thresholds).toEqual(thresholds);
  expect(JSON.stringify(read?.check).length).toBeLessThan(10_000);
});

test('a title of megabytes is not printed: the run is listed as damaged under its name', async () => {
  const { workspace, run } = await sweepOnDisk();
  const file = join(workspace.runs.folder(run), 'manifest.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...manifest, title: 'x'.repeat(TITLE_CHARACTERS + 1) }));
  const [listed] = await workspace.runs.list();
  expect(listed).toMatchObject({ title: run, damaged: expect.stringContaining('title') });
  expect(JSON.stringify(listed).length).toBeLessThan(2_000);
});

test('settings of megabytes are not repeated in every figure', async () => {
  const { workspace, run } = await sweepOnDisk();
  const manifest = await workspace.runs.read(run);
  const shown = shownManifest({ ...manifest, spec: { plan: 'x'.repeat(1_000_000) } });
  expect(shown.spec).toEqual({ omitted: expect.stringMatching(/^1000011 characters/) });
});

test('an index of more weight files than a model has is refused at once', async () => {
  const folder = await temporaryFolder();
  const names = Array.from({ length: MOST_SHARDS + 1 }, (_, index) => [`t${String(index)}`, `s${String(index)}`]);
  await writeFile(
    join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ weight_map: Object.fromEntries(names) }),
  );
  await expect(readIndex(folder)).rejects.toMatchObject({ code: 'too-many-shards' });
});
