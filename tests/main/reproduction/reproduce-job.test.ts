import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { loadTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import type { ChoiceItem } from '../../../main/contract/task.ts';
import { profileSequences } from '../../../main/inference/encode-item.ts';
import { nearestChoice } from '../../../main/reproduction/reproduce-job.ts';
import { checkpointFixture } from '../checkpoint/checkpoint-files.ts';
import { bundled, openEngine } from '../engine/open-engine.ts';
import { openRunner, uncancelled } from '../inference/open-runner.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { resources } from './small-runs.ts';

const around = async (task: string, id: string): Promise<readonly ChoiceItem[]> => {
  const lines = (await readFile(join(resources, 'tasks', task, 'calibration.jsonl'), 'utf8')).trim().split('\n');
  const items = lines.map((line): ChoiceItem => JSON.parse(line) as ChoiceItem);
  const at = items.findIndex((item) => item.id === id);
  return items.slice(at - 10, at + 10);
};

describe('the nearest routed choice', () => {
  it('finds the token of the bundled items whose experts a processor chooses by the last digit', async () => {
    const folder = join(resources, 'models', 'uncurl-32');
    const [runner, tokenizer] = [await openRunner(folder), await loadTokenizer(folder)];
    if (tokenizer === null) throw new Error('no tokenizer');
    const items = await around('plural', 'plural-cal-0177');
    const nearestOf = (from: number, to: number) =>
      nearestChoice(runner, tokenizer, items, { layer: 1, from: [from], to: [to] }, uncancelled);
    // Which of the two is taken depends on the processor.
    const both = [await nearestOf(3, 20), await nearestOf(20, 3)].filter((one) => one !== null);
    const [nearest] = both.sort((a, b) => a.distance - b.distance);
    expect(nearest).toMatchObject({ item: 'plural-cal-0177', isRounding: true });
    const sequences = items.flatMap((item) => profileSequences(tokenizer, item, 1000));
    const { experts, moeLayers } = runner.checkpoint.info;
    const distances = (await runner.forward(sequences, null, uncancelled)).flatMap(({ routerLogits }) => {
      const tokens = routerLogits.length / experts / moeLayers;
      const logits = routerLogits.subarray(tokens * experts, 2 * tokens * experts);
      return Array.from({ length: tokens }, (_, token) => {
        const own = logits.subarray(token * experts, (token + 1) * experts);
        const [, second, third] = [...own].sort((a, b) => b - a);
        const pair = [own[3], own[20]];
        const isPair = [second, third].every((logit) => logit !== undefined && pair.includes(logit));
        return isPair ? Math.abs((second ?? 0) - (third ?? 0)) : Infinity;
      });
    });
    expect(nearest?.distance).toBe(Math.min(...distances));
    expect((await nearestOf(9, 20))?.isRounding).not.toBe(true);
  });

  it('says nothing of routers that add a correction to their scores', async () => {
    const tokenizer = await loadTokenizer(join(resources, 'models', 'uncurl-8'));
    const runner = await openRunner(checkpointFixture('deepseek_v3'));
    if (tokenizer === null) throw new Error('no tokenizer');
    const items = await around('plural', 'plural-cal-0177');
    const choice = { layer: 0, from: [0], to: [1] };
    expect(await nearestChoice(runner, tokenizer, items, choice, uncancelled)).toBeNull();
  });
});

const namedPoints = z.array(z.object({ method: z.string(), factor: z.number() }));

test('a reproduction lists its points in the order of the sweep, also those of rounded weights', async () => {
  const workspace = await temporaryFolder();
  const engine = await openEngine(workspace);
  const { model, task } = await bundled(engine, 'uncurl-8', 'add');
  const { run } = await engine.call('sweep.start', {
    models: [model],
    tasks: [task],
    settings: { methods: ['frequency'], factors: [2], weights: ['stored', 'q8_0'], limit: 2 },
  });
  await engine.finished(run);
  const { run: again } = await engine.call('run.reproduce', { run });
  await engine.finished(again);
  const pointsOf = async (id: string) =>
    namedPoints.parse(JSON.parse(await readFile(join(workspace, 'runs', id, 'points.json'), 'utf8')));
  const points = await pointsOf(run);
  expect(points.map(({ method }) => method)).toEqual(['unpruned', 'frequency', 'unpruned@q8_0', 'frequency@q8_0']);
  expect(await pointsOf(again)).toEqual(points);
});
