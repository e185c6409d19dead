import { cp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { runManifest } from '../../main/contract/run.ts';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readProfileFile } from '../../main/workspace/profile-file.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import { readParquet } from './read-parquet.ts';
import { resources, temporaryFolder, uncurlHere } from './run-uncurl.ts';

const parse = (answer: {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}): z.infer<typeof sweepDocument> => {
  expect(answer.code, answer.stderr).toBe(0);
  return sweepDocument.parse(JSON.parse(answer.stdout));
};

test('results, outcomes, profiles and manifest of a sweep agree with each other', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const args = [
    'sweep',
    'uncurl-16',
    '--task',
    'sort,capital',
    '--method',
    'frequency',
    'uncurl',
    '--factors',
    '1,2,4',
    '--workspace',
    workspace,
    '--json',
  ];
  const document = parse(await uncurlHere(args));
  const folder = join(workspace, 'runs', document.run);
  expect((await readdir(folder)).filter((name) => !name.startsWith('lock'))).toEqual([
    'binding.json',
    'checksums.sha256',
    'log.jsonl',
    'manifest.json',
    'open.uncurl-run',
    'outcomes.parquet',
    'plans.json',
    'points.json',
    'profile.safetensors',
    'results.json',
    'seal.json',
  ]);
  // Sentences and provenance are made when it is read; the file has neither.
  const { check, provenance, notes, ...stored } = document;
  expect(check).toMatchObject({ state: 'as-written' });
  expect(provenance).toEqual({ state: 'here', reason: null, files: [] });
  expect(notes).toHaveLength(stored.facts?.length ?? 0);
  expect(sweepDocument.parse(JSON.parse(await readFile(join(folder, 'results.json'), 'utf8')))).toEqual(stored);

  const manifest = runManifest.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  expect(manifest).toMatchObject({
    kind: 'sweep',
    state: 'done',
    spec: { methods: ['frequency', 'uncurl'], factors: [1, 2, 4], delta: 0.02 },
  });
  expect(manifest.commandLine).toBe(`uncurl ${args.join(' ')}`);
  expect(manifest.tasks.map(({ name }) => name)).toEqual(['sort', 'capital']);

  const rows = await readParquet(join(folder, 'outcomes.parquet'));
  expect(rows).toHaveLength(document.results.reduce((sum, { n }) => sum + n, 0));
  for (const result of document.results) {
    const own = rows.filter(
      ({ task, method, seed, factor }) =>
        task === result.task && method === result.method && (seed ?? null) === result.seed && factor === result.factor,
    );
    expect(own).toHaveLength(result.n);
    expect(own.filter(({ correct }) => correct === true).length / result.n).toBeCloseTo(result.acc ?? Number.NaN, 12);
    expect(own.filter(({ correct_norm }) => correct_norm === true).length / result.n).toBeCloseTo(
      result.accNorm ?? Number.NaN,
      12,
    );
  }
  const [row] = rows;
  const logprobs = z.array(z.number()).parse(row?.['logprobs']);
  expect(logprobs.indexOf(Math.max(...logprobs))).toBe(row?.['chosen']);

  const profile = await readProfileFile(join(folder, 'profile.safetensors'));
  expect(profile.tasks.map(({ name }) => name)).toEqual(['sort', 'capital']);

  const figures = join(workspace, '..', 'figures');
  const drawn = await uncurlHere(['figures', folder, '--out', figures, '--json']);
  expect(drawn.code, drawn.stderr).toBe(0);
  expect(await readdir(figures)).toEqual(
    expect.arrayContaining(['curves-uncurl-16.svg', 'results.csv', 'thresholds.csv']),
  );

  const again = parse(await uncurlHere(args));
  expect(again.results).toEqual(document.results);
  expect(again.thresholds).toEqual(document.thresholds);
  // Draws with the same plan share a step; there are two profiles in addition.
  const points = z.array(z.looseObject({ step: z.string() }));
  const index = points.parse(JSON.parse(await readFile(join(folder, 'points.json'), 'utf8')));
  const steps = String(new Set(index.map(({ step }) => step)).size + 2);
  expect(again.notes).toEqual([`0 of ${steps} steps computed, ${steps} reused from disk.`]);
});

test('models of different size: impossible factors are left out with a note; equal names differ', async () => {
  const folder = await temporaryFolder();
  const checkpoint = await openCheckpoint(join(resources, 'models', 'uncurl-16'));
  const kept = Array.from({ length: 3 }, () => [0, 1, 2, 3]);
  const small = join(folder, 'uncurl-16');
  await exportPlan({
    checkpoint,
    plan: { kept },
    destination: small,
    settings: exportSettingsIn(join(folder, 'overlays'), 1e9),
    control: { signal: new AbortController().signal },
  });
  const answer = await uncurlHere([
    'sweep',
    'uncurl-16',
    small,
    '--task',
    'sort',
    '--method',
    'random',
    '--factors',
    '2,4',
    '--seeds',
    '3',
    '--limit',
    '20',
    '--workspace',
    join(folder, 'w'),
    '--json',
  ]);
  const { results, notes } = parse(answer);
  const names = [...new Set(results.map(({ model }) => model))];
  expect(names).toHaveLength(2);
  for (const name of names) expect(name).toMatch(/^uncurl-16 \([0-9a-f]{6}\)$/);
  const factorsOf = (model: string | undefined): number[] =>
    results.filter((result) => result.model === model).map(({ factor }) => factor);
  expect([factorsOf(names[0]), factorsOf(names[1])]).toEqual([
    [1, 2, 4],
    [1, 2],
  ]);
  expect(notes?.[0]).toMatch(/Factor 4 was left out .*top-2 of 4 experts.*at most 2/);
  expect(results.every(({ n }) => n === 20)).toBe(true);
});

test('texts are swept by perplexity, from a plain file, without a profile', async () => {
  const folder = await temporaryFolder();
  const lines = Array.from({ length: 24 }, (_, index) =>
    JSON.stringify({ id: `t${String(index)}`, text: `\nadd ${String(index)}+${String(40 - index)}>40\n` }),
  );
  await writeFile(join(folder, 'sums.jsonl'), lines.join('\n'));
  const { results, thresholds } = parse(
    await uncurlHere([
      'sweep',
      'uncurl-16',
      '--task',
      join(folder, 'sums.jsonl'),
      '--method',
      'random',
      '--factors',
      '2',
      '--seeds',
      '0',
      '--workspace',
      join(folder, 'w'),
      '--json',
    ]),
  );
  const [unpruned, pruned] = results;
  expect(unpruned).toMatchObject({ task: 'sums', metric: 'perplexity', acc: null, n: 24, difference: 0 });
  expect(pruned?.perplexity).toBeGreaterThan(unpruned?.perplexity ?? Number.NaN);
  expect(thresholds).toHaveLength(1);
  const rows = await readParquet(
    join(
      folder,
      'w',
      'runs',
      results.length === 2 ? ((await readdir(join(folder, 'w', 'runs')))[0] ?? '') : '',
      'outcomes.parquet',
    ),
  );
  expect(rows[0]).toMatchObject({ item: 't0', answer: null, logprobs: null, tokens: expect.any(Number) });
});

test("a token lost at a boundary is refused with the item's id before anything is measured", async () => {
  const folder = await temporaryFolder();
  const scoring = fileURLToPath(new URL('../fixtures/reference/scoring/', import.meta.url));
  const [name = ''] = (await readdir(scoring)).filter((each) => each.startsWith('mixtral'));
  await cp(join(scoring, name), join(folder, 'model'), { recursive: true });
  await writeFile(
    join(folder, 'task.jsonl'),
    '{"id":"a","context":"x","choices":["y","z"],"answer":0}\n' +
      '{"id":"merged","context":"expert","choices":["s","x"],"answer":0}',
  );
  const { code, stderr } = await uncurlHere([
    'sweep',
    join(folder, 'model'),
    '--task',
    join(folder, 'task.jsonl'),
    '--method',
    'random',
    '--factors',
    '2',
    '--workspace',
    join(folder, 'w'),
  ]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('item "merged"')]);
  expect(await readdir(join(folder, 'w', 'steps'))).toEqual([]);
});
