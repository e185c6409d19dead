import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reproduction, type Reproduction } from '../../main/contract/reproduction.ts';
import { runManifest } from '../../main/contract/run.ts';
import { type OutcomeBlock, writeOutcomes } from '../../main/runs/outcomes-parquet.ts';
import { readPointBlocks } from '../../main/runs/read-outcomes.ts';
import { readPointIndex } from '../../main/runs/sweep-record.ts';
import { patiently } from '../hang-limit.ts';
import { resources, startUncurl, temporaryFolder, uncurlHere } from './run-uncurl.ts';

const LIMITED = [
  '--task',
  'sort',
  'capital',
  '--method',
  'random',
  'reap',
  'uncurl',
  '--factors',
  '1,2,4',
  '--seeds',
  '0,1',
  '--limit',
  '40',
];

const sweepIn = async (workspace: string): Promise<string> => {
  const answer = await uncurlHere(['sweep', 'uncurl-8', ...LIMITED, '--workspace', workspace, '--json']);
  expect(answer.code, answer.stderr).toBe(0);
  const [run] = await readdir(join(workspace, 'runs'));
  return run ?? expect.fail('no run');
};

const parse = (stdout: string): Reproduction => reproduction.parse(JSON.parse(stdout));

test('a sweep that is run again without its steps gives the same numbers', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const run = await sweepIn(workspace);
  const before = await readFile(join(workspace, 'runs', run, 'results.json'), 'utf8');
  // The content of the steps, and even their existence, must not matter.
  await rm(join(workspace, 'steps'), { recursive: true });
  const answer = await uncurlHere(['reproduce', run, '--workspace', workspace, '--json']);
  expect(answer.code, answer.stderr).toBe(0);
  const found = parse(answer.stdout);
  expect(found).toMatchObject({
    of: run,
    matches: true,
    changed: [],
    flipped: [],
    thresholds: [],
    missing: [],
    added: [],
    replanned: [],
    largestScoreDifference: 0,
  });
  expect([found.points, found.items]).toEqual([22, 22 * 40]);
  expect(found.sentence).toMatch(
    /^Every compared number matches: 22 values over 880 item outcomes, to the last digit\. \d+ fields were not compared/,
  );
  expect(await readdir(join(workspace, 'steps'))).toEqual([]);

  const folder = join(workspace, 'runs', found.run);
  const manifest = runManifest.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  expect(manifest).toMatchObject({
    kind: 'reproduce',
    state: 'done',
    spec: { of: run },
    models: [{ path: 'bundled:uncurl-8' }],
    output: join(folder, 'reproduction.json'),
  });
  expect((await readdir(folder)).filter((name) => name === 'steps' || name === 'overlays')).toEqual([]);
  expect(await readFile(join(workspace, 'runs', run, 'results.json'), 'utf8')).toBe(before);
});

/** Rewrites a run's outcomes with the opposite answer to one item of one point. */
const doctor = async (
  folder: string,
  wanted: { readonly task: string; readonly method: string; readonly factor: number },
  changedIndex: number,
): Promise<string> => {
  const file = join(folder, 'outcomes.parquet');
  const kept = new Map(
    (await readPointIndex(folder)).map(({ model, task, method, seed, factor, kept: experts }) => [
      JSON.stringify([model, task, method, seed, factor]),
      experts,
    ]),
  );
  const blocks: OutcomeBlock[] = [];
  let item = '';
  for await (const { point, outcomes } of (await readPointBlocks(file)) ?? []) {
    const { model, task, method, seed, factor } = point;
    const isWanted = task === wanted.task && method === wanted.method && factor === wanted.factor;
    const changed = outcomes.map((outcome, index) => {
      if (!isWanted || index !== changedIndex || outcome.kind !== 'choice') return outcome;
      item = outcome.id;
      return {
        ...outcome,
        chosen: (outcome.chosen + 1) % outcome.logprobs.length,
        logprobs: outcome.logprobs.map((score) => score - 1),
      };
    });
    blocks.push({
      run: 'doctored',
      ...point,
      kept: kept.get(JSON.stringify([model, task, method, seed, factor])) ?? 0,
      outcomes: changed,
    });
  }
  await rm(file);
  await writeOutcomes(
    file,
    (async function* () {
      yield* await Promise.resolve(blocks);
    })(),
  );
  return item;
};

test('an altered outcome or value is found, and the item is listed by its id with both scores', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const run = await sweepIn(workspace);
  const folder = join(workspace, 'runs', run);
  const item = await doctor(folder, { task: 'capital', method: 'reap', factor: 2 }, 7);
  const results = join(folder, 'results.json');
  await writeFile(
    results,
    (await readFile(results, 'utf8')).replace(
      /("method": "uncurl",[^}]*?"value": )[\d.]+,([^}]*?"acc": )[\d.]+/,
      '$10.123,$20.123',
    ),
  );

  const answer = await uncurlHere(['reproduce', folder, '--json']);
  expect(answer.code, answer.stderr).toBe(1);
  const found = parse(answer.stdout);
  expect(found.matches).toBe(false);
  expect(found.flipped).toMatchObject([{ model: 'uncurl-8', task: 'capital', method: 'reap', factor: 2, item }]);
  const [flip] = found.flipped;
  expect(flip?.after.chosen).not.toBe(flip?.before.chosen);
  expect(flip?.after.scores[0]).toBeCloseTo((flip?.before.scores[0] ?? Number.NaN) + 1, 12);
  expect(found.changed).toMatchObject([{ method: 'uncurl', before: 0.123 }]);
  expect(found.sentence).toContain('1 value of 22 changed, 1 item outcome of 880 flipped');
});

test('an interrupted reproduction can be resumed, and a sweep that cannot be repeated is refused', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const run = await sweepIn(workspace);
  const first = startUncurl(['reproduce', run, '--workspace', workspace, '--threads', '1']);
  await first.says('Run reproduce-');
  const name = /Run (reproduce-[\w-]+)/.exec(first.printed.stderr)?.[1] ?? expect.fail('no name was said');
  // Stopped as soon as the first step is on disk, so the speed of the rest does not matter.
  await expect
    .poll(() => readdir(join(workspace, 'runs', name, 'steps')).catch(() => []), { interval: 5, ...patiently })
    .not.toEqual([]);
  first.child.kill('SIGINT');
  expect((await first.ended).code).toBe(130);
  const resumed = await uncurlHere(['resume', name, '--workspace', workspace]);
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(resumed.stdout).toContain('Every compared number matches: 22 values');

  expect(await uncurlHere(['reproduce', name, '--workspace', workspace])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('not a sweep'),
  });
  const manifestFile = join(workspace, 'runs', run, 'manifest.json');
  const manifest = runManifest.parse(JSON.parse(await readFile(manifestFile, 'utf8')));
  await writeFile(
    manifestFile,
    JSON.stringify({
      ...manifest,
      models: manifest.models.map((model) => ({ ...model, fingerprint: 'f'.repeat(32) })),
    }),
  );
  expect(await uncurlHere(['reproduce', run, '--workspace', workspace])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('has changed since this run'),
  });
});

test('a run of bundled models works wherever the workbench is; one of models that it lacks is refused', async () => {
  const folder = await temporaryFolder();
  const workspace = join(folder, 'workspace');
  const run = await sweepIn(workspace);
  const moved = join(folder, 'elsewhere');
  await cp(workspace, moved, { recursive: true });
  await rm(workspace, { recursive: true });
  await mkdir(join(moved, 'steps'), { recursive: true });
  // A moved run is a copy: the user confirms that it may continue here.
  const asked = await uncurlHere(['resume', run, '--workspace', moved]);
  const code = /--confirm ([0-9a-f]{32})/.exec(asked.stderr)?.[1] ?? expect.fail(asked.stderr);
  expect((await uncurlHere(['resume', run, '--workspace', moved, '--confirm', code])).code).toBe(0);
  const file = join(moved, 'runs', run, 'manifest.json');
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll('bundled:uncurl-8', 'bundled:uncurl-9'));
  expect(await uncurlHere(['reproduce', run, '--workspace', moved])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('uncurl-9 does not come with this version'),
  });
  expect(await readdir(join(resources, 'models'))).not.toContain('uncurl-9');
});

test('serve adds the sample to the default workspace at its first use, and leaves a named one unchanged', async () => {
  const folder = await temporaryFolder();
  const [usual, named] = [join(folder, 'usual'), join(folder, 'named')];
  for (const [args, runs] of [
    [['serve'], ['sample']],
    [['serve', '--workspace', named], []],
  ] as const) {
    const server = startUncurl(args, { UNCURL_WORKSPACE: usual });
    await server.says('The address contains a token');
    expect(await readdir(join(runs.length > 0 ? usual : named, 'runs'))).toEqual(runs);
    server.child.kill('SIGTERM');
    await server.ended;
  }
});
