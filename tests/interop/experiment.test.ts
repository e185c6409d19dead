import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type ExperimentArm, type ExperimentDocument, experimentDocument } from '../../main/contract/experiment.ts';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { accuracyOf } from '../../main/evaluation/experiment/pairs.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { resources, startUncurl, uncurl } from '../integration/run-uncurl.ts';

/**
 * Fine-tuned arms of an experiment equal the results of `finetune` on the same checkpoint, also when killed and
 * resumed.
 */

const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';
const ITEMS = 24;
/** Eight steps over all items, with saved states after the third and the sixth. */
const TRAINING = [
  ...['--router-steps', '2', '--epochs', '6', '--batch', String(ITEMS)],
  ...['--rate', '0.001', '--save-every', '3', '--python', python, '--threads', '1'],
];

let work = '';
const inWork = (...parts: readonly string[]): string => path.join(work, ...parts);
const experiment = (workspace: string): readonly string[] => [
  ...['experiment', 'switch-8', 'switch-32', '--task', inWork('few'), '--arms', 'as-is,tuned', '--seeds', '0'],
  ...[...TRAINING, '--workspace', inWork(workspace)],
];
const documentOf = async (args: readonly string[]): Promise<ExperimentDocument> => {
  const { code, stdout, stderr } = await uncurl([...args, '--json']);
  expect(code, stderr).toBe(0);
  return experimentDocument.parse(JSON.parse(stdout));
};

const armText = ({ task, model, kept, treatment, seed }: ExperimentArm): string =>
  `${task} ${model} ${String(kept)} ${treatment}${seed === null ? '' : ` ${String(seed)}`}`;

beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-experiment-'));
  await mkdir(inWork('few'));
  await writeFile(inWork('few', 'task.json'), JSON.stringify({ name: 'few' }));
  for (const split of ['calibration', 'test']) {
    const lines = (await readFile(path.join(resources, 'tasks', 'german', `${split}.jsonl`), 'utf8')).split('\n');
    await writeFile(inWork('few', `${split}.jsonl`), `${lines.slice(0, ITEMS).join('\n')}\n`);
  }
  await mkdir(inWork('few-written'));
  const written = { name: 'few-written', metric: 'exact_match', itemsOf: '../few', until: ['\n'], maxNewTokens: 12 };
  await writeFile(inWork('few-written', 'task.json'), JSON.stringify(written));
});
afterAll(() => rm(work, { recursive: true, force: true }));

test('fine-tuned arms equal the results of finetune, and a killed arm resumes to the same numbers', async () => {
  const whole = await documentOf(experiment('whole'));
  expect(whole.arms.map(({ model, kept, treatment }) => `${model} ${String(kept)} ${treatment}`)).toEqual([
    ...['switch-8 8 as-is', 'switch-8 8 tuned', 'switch-32 32 as-is', 'switch-32 32 tuned'],
    ...['switch-32 8 as-is', 'switch-32 8 tuned'],
  ]);
  const tuned = whole.arms.filter(({ treatment }) => treatment === 'tuned');
  expect(tuned.map(({ training }) => training?.steps)).toEqual([8, 8, 8]);
  const { firstLoss, lastLoss } = tuned.at(-1)?.training ?? expect.fail('the pruned arm was trained');
  expect(lastLoss).toBeLessThan(firstLoss);
  expect(whole.answers.map(({ pairs }) => pairs.map(({ treatment }) => treatment))).toEqual([
    ['as-is', 'tuned'],
    ['as-is', 'tuned'],
  ]);

  // The same training with the other verb, measured by a sweep.
  const made = await uncurl([
    ...['finetune', 'switch-8', '--task', inWork('few'), '--out', inWork('tuned')],
    ...[...TRAINING, '--workspace', inWork('whole')],
  ]);
  expect(made.code, made.stderr).toBe(0);
  const swept = await uncurl([
    ...['sweep', 'switch-8', '--task', inWork('few'), '--method', 'frequency', '--factors', '1', '--json'],
    ...['--candidate', `tuned=${inWork('tuned')}`, '--threads', '1', '--workspace', inWork('whole')],
  ]);
  expect(swept.code, swept.stderr).toBe(0);
  const { results } = z.looseObject(sweepDocument.shape).parse(JSON.parse(swept.stdout));
  const ours = whole.arms.find(({ model, treatment }) => model === 'switch-8' && treatment === 'tuned');
  expect(results.find(({ method }) => method === 'tuned')?.value).toBe(accuracyOf(ours?.right ?? ''));

  // Killed while the pruned arm, which has an export, has a saved state on disk.
  const { child, ended, printed } = startUncurl(experiment('killed'));
  const states = async (): Promise<readonly string[]> => {
    const files = await readdir(inWork('killed'), { recursive: true }).catch((): string[] => []);
    const pruned = files.filter((file) => file.endsWith(path.join('pruned', 'config.json'))).map(path.dirname);
    const folders = pruned.map((folder) => path.dirname(folder));
    return folders.filter((folder) => files.includes(path.join(folder, 'state.sealed.json')));
  };
  await expect.poll(states, { timeout: HANG_LIMIT_MS, interval: 10 }).toHaveLength(1);
  child.kill('SIGKILL');
  await ended;
  const run = /Run (\S+)/.exec(printed.stderr)?.[1] ?? expect.fail(printed.stderr);
  const resumed = await documentOf(['resume', run, '--threads', '1', '--workspace', inWork('killed')]);
  expect({ ...resumed, run: '' }).toEqual({ ...whole, run: '' });
  expect(await readdir(inWork('killed', 'runs', run))).not.toContain('arms');

  // Trained alike, and measured by PyTorch.
  const torch = await documentOf([...experiment('torch'), '--engine', 'torch', '--precision', 'float32']);
  const measuredIn = ({ arms }: ExperimentDocument) => arms.map((arm) => [armText(arm), arm.training, arm.right]);
  expect(measuredIn(torch)).toEqual(measuredIn(whole));
});

test('both stages and a new router are trained for every draw, once for chosen and written answers', async () => {
  const { code, stdout, stderr } = await uncurl([
    ...['experiment', 'switch-8', 'switch-32', '--task', inWork('few'), inWork('few-written'), '--seeds', '0,1'],
    ...['--arms', 'tuned,two-stage,new-router,new-router-two-stage', '--general-steps', '2'],
    ...['--router-steps', '2', '--epochs', '1', '--batch', String(ITEMS), '--rate', '0.001', '--save-every', '3'],
    ...['--python', python, '--threads', '1', '--workspace', inWork('stages'), '--json'],
  ]);
  expect(code, stderr).toBe(0);
  const { arms, answers, mixture } = experimentDocument.parse(JSON.parse(stdout));
  const own = (task: string): readonly string[] => [
    ...['8', '32'].flatMap((size) => [
      `${task} switch-${size} ${size} tuned`,
      `${task} switch-${size} ${size} two-stage`,
    ]),
    ...['tuned', 'two-stage', 'new-router', 'new-router-two-stage'].flatMap((treatment) =>
      [0, 1].map((seed) => `${task} switch-32 8 ${treatment} ${String(seed)}`),
    ),
  ];
  expect(arms.map(armText)).toEqual([...own('few'), ...own('few-written')]);
  expect(mixture).toMatchObject({ name: 'bundled', leftOut: 0 });
  for (const arm of arms) expect(arm.training?.steps, armText(arm)).toBe(arm.treatment.includes('two-stage') ? 5 : 3);
  // A new router starts with a far larger loss, in each draw.
  const firstLoss = (treatment: string, seed: number): number =>
    arms.find((arm) => arm.treatment === treatment && arm.seed === seed && arm.task === 'few')?.training?.firstLoss ??
    expect.fail(treatment);
  expect(firstLoss('new-router', 0)).toBeGreaterThan(firstLoss('tuned', 0));
  expect(firstLoss('new-router', 0)).not.toBe(firstLoss('new-router', 1));
  expect(firstLoss('new-router-two-stage', 0)).toBe(firstLoss('new-router', 0));
  // The same training is measured twice: computed for the chosen answers, reused for the written ones.
  const trainingOf = (task: string) => arms.filter((arm) => arm.task === task).map(({ training }) => training);
  expect(trainingOf('few-written')).toEqual(trainingOf('few'));
  const trained = [...stderr.matchAll(/^.*Fine-tuning .* on (\S+): step/gm)].map(([, task]) => task);
  expect(new Set(trained)).toEqual(new Set(['few']));
  expect(answers[0]?.cells.map(({ task, treatment, draws }) => [task, treatment, draws])).toEqual(
    ['few', 'few-written'].flatMap((task) =>
      ['tuned', 'two-stage', 'new-router', 'new-router-two-stage'].map((treatment) => [task, treatment, 2]),
    ),
  );
});
