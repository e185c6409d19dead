import { appendFile, mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keptSweepText } from '../../../main/reading/kept-reading.ts';
import { readings } from '../../../main/reading/readings.ts';
import { createKeptAnswers, programPrint } from '../../../main/runs/kept-answers.ts';
import { CHECKED } from '../../../main/runs/known-checks.ts';
import { openRunSource } from '../../../main/runs/run-source.ts';
import { addSample, SAMPLE_RUN } from '../../../main/sample/sample-run.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { contentChecksums } from '../../../main/workspace/sealed-files.ts';
import { sweepOnDisk } from '../report/sweep-on-disk.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { resources } from './source-of.ts';

/** A sweep that this process has measured, so that its results are known to follow from its outcomes. */
const measuredSweep = async () => {
  const { workspace, run } = await sweepOnDisk();
  const state = await temporaryFolder();
  const folder = workspace.runs.folder(run);
  const measured = new Map([[run, await contentChecksums(folder, CHECKED)]]);
  return { workspace, run, folder, state, source: await openRunSource(workspace, resources, { state, measured }) };
};

test('an answer about a finished run is made once, for each question, program and content of its files', async () => {
  const { run, folder, state, source } = await measuredSweep();
  let made = 0;
  const make = () => Promise.resolve({ made: (made += 1) });
  const ask = (what: unknown, version = 'v1') =>
    createKeptAnswers(state, () => Promise.resolve(version)).of(source, run, what, make);
  expect(await ask({ read: 'report' })).toEqual({ made: 1 });
  expect(await ask({ read: 'report' })).toEqual({ made: 1 });
  expect(await ask({ read: 'size-trend' })).toEqual({ made: 2 });
  const keptAgain = createKeptAnswers(state, () => Promise.resolve('v1'));
  expect(await keptAgain.textOf(source, run, { read: 'report' }, make)).toBe('{"made":1}');
  // Another version of the statistics.
  expect(await ask({ read: 'report' }, 'v2')).toEqual({ made: 3 });
  await appendFile(join(folder, 'notes.txt'), 'a file more');
  expect(await ask({ read: 'report' })).toEqual({ made: 4 });
  expect(await ask({ read: 'report' })).toEqual({ made: 4 });
});

test('nothing is kept of a run that nobody here has checked, nor without a folder of this user', async () => {
  const { workspace, run, state, source } = await measuredSweep();
  let made = 0;
  const make = () => Promise.resolve((made += 1));
  const stranger = await openRunSource(workspace, resources, { state });
  for (const [from, folder] of [
    [stranger, state],
    [source, null],
  ] as const) {
    const kept = createKeptAnswers(folder, () => Promise.resolve('v1'));
    const first = await kept.of(from, run, 'question', make);
    expect(await kept.of(from, run, 'question', make)).toBe(first + 1);
  }
  expect(await readdir(state)).not.toContain('kept-answers');
});

test('thresholds and report are read as they were computed, and are computed at another margin', async () => {
  const { run, source, state } = await measuredSweep();
  const first = await readings['size-trend'](source, { read: 'size-trend', run });
  const report = await readings.report(source, { read: 'report', run, delta: first.delta });
  const kept = (await readdir(join(state, 'kept-answers'))).length;
  expect(kept).toBeGreaterThan(1);
  expect(await readings['size-trend'](source, { read: 'size-trend', run, delta: first.delta })).toEqual(first);
  expect(await readings.report(source, { read: 'report', run })).toEqual(report);
  expect((await readings['size-trend'](source, { read: 'size-trend', run, delta: 0.1 })).delta).toBe(0.1);
  expect(await readdir(join(state, 'kept-answers'))).toHaveLength(kept);
});

test('a sweep is read as JSON text, with where it was measured, from what comes with it', async () => {
  const workspace = await openWorkspace(join(await temporaryFolder(), 'workspace'));
  await addSample(workspace, resources);
  const source = await openRunSource(workspace, resources, { state: await temporaryFolder() });
  const text = await readings['sweep-text'](source, { read: 'sweep-text', run: SAMPLE_RUN });
  const read = await readings.sweep(source, { read: 'sweep', run: SAMPLE_RUN });
  expect(read.provenance).toBeDefined();
  expect(JSON.parse(text)).toEqual(read);
});

test('answers about the sample come with it, unless the run, the margin or the formulas are others', async () => {
  const workspace = await openWorkspace(join(await temporaryFolder(), 'workspace'));
  await addSample(workspace, resources);
  const state = await temporaryFolder();
  const source = await openRunSource(workspace, resources, { state });
  const make = () => Promise.resolve('made');
  const ask = (version: string, delta = 0.02) => {
    const what = { read: 'size-trend', run: SAMPLE_RUN, delta, familywise: false };
    return createKeptAnswers(state, () => Promise.resolve(version)).of<unknown>(source, SAMPLE_RUN, what, make);
  };
  expect(await ask('v1')).toMatchObject({ run: SAMPLE_RUN, delta: 0.02 });
  expect(await ask('v1', 0.03)).toBe('made');
  await writeFile(join(state, 'kept-answers', 'formulas-v2'), 'of other formulas');
  expect(await ask('v2')).toBe('made');
  await appendFile(join(workspace.runs.folder(SAMPLE_RUN), 'plans.json'), ' ');
  expect(await ask('v1')).toBe('made');
});

test('a program is another one once its bundle or a source is written to, or another source is there', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'hosts'));
  const [program, source] = [join(folder, 'hosts', 'run-reader.ts'), join(folder, 'tango.ts')];
  await writeFile(program, 'read();');
  const alone = await programPrint(program);
  await writeFile(source, 'const z = 1.96;');
  const both = await programPrint(program);
  expect(await programPrint(program)).toBe(both);
  await appendFile(source, ' // by n');
  const edited = await programPrint(program);
  expect(new Set([alone, both, edited]).size).toBe(3);

  const bundle = join(folder, 'run-reader.cjs');
  await writeFile(bundle, 'read();');
  const before = await programPrint(bundle);
  await writeFile(bundle, 'reed();');
  expect(await programPrint(bundle)).not.toBe(before);
});

test('a sweep that is kept is read without a thread, and only as it was kept', async () => {
  const { run, folder, source } = await measuredSweep();
  const question = { read: 'sweep', run } as const;
  expect(await keptSweepText(source, question)).toBeNull();
  const text = await readings['sweep-text'](source, { ...question, read: 'sweep-text' });
  expect(await keptSweepText(source, question)).toBe(text);
  expect(await keptSweepText(source, { ...question, delta: 0.031 })).toBeNull();
  expect(await keptSweepText(source, { ...question, familywise: true })).toBeNull();
  await expect(keptSweepText(source, { ...question, run: 'another' })).rejects.toMatchObject({ kind: 'refused' });
  // More than it hashes beside its answers to others.
  await writeFile(join(folder, 'notes.txt'), '');
  await truncate(join(folder, 'notes.txt'), 2 ** 27);
  await readings['sweep-text'](source, { ...question, read: 'sweep-text' });
  expect(await keptSweepText(source, question)).toBeNull();
});
