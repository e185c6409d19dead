/**
 * The engine torch on small copies of released configs whose families have no reference folder: logits, plans, written
 * tokens and profiles.
 */
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { Plan } from '../../main/contract/plan.ts';
import type { ChoiceItem } from '../../main/contract/task.ts';
import type { ModelRunner } from '../../main/inference/model-runner.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { exportRequest } from '../main/export/export-settings.ts';
import { addCharacters, characterOf } from '../main/export/gguf/llama-models.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import { decodedLogits, publishedFixture, writePublished } from '../reference/published-fixture.ts';
import { openTorchRunner } from '../torch-engine.ts';
import { expectClose, expectSameStatistics } from './same-statistics.ts';

const control = { signal: new AbortController().signal };

/** Items of the made-up vocabulary; all but the last begin alike. */
const characters: readonly ChoiceItem[] = Array.from({ length: 4 }, (_, item) => {
  const text = (from: number, length: number): string =>
    Array.from({ length }, (_each, at) => characterOf(1 + ((from + 5 * at) % 60))).join('');
  return {
    id: String(item),
    context: `${item < 3 ? text(2, 34) : ''}${text(3 * item, 4 + item)}`,
    choices: [text(item, 1), text(item + 7, 2)],
    answer: item % 2,
  };
});

const written = async (runner: ModelRunner, plan: Plan): Promise<readonly (readonly number[])[]> => {
  const rows = [3, 5, 6].map((length, index) => ({
    tokens: Array.from({ length }, (_, at) => 2 + 3 * at + index),
    candidate: 'plan',
    mostNewTokens: 4 + index,
  }));
  const texts: (readonly number[])[] = [];
  for await (const { row, tokens } of runner.decode(rows, [{ key: 'plan', plan }], control)) texts[row] = tokens;
  return texts;
};

test.each(['dbrx', 'jamba', 'minimax'])('%s', async (name) => {
  const fixture = publishedFixture(name);
  // As released, DBRX says theta in one place alone, which transformers does not read.
  const { rope_parameters: stated, ...config } = fixture.config;
  const folder = await writePublished(name === 'dbrx' ? { ...fixture, config } : fixture);
  expect(stated === undefined).toBe(name !== 'dbrx');
  await addCharacters(folder);
  const checkpoint = await openCheckpoint(folder);
  const scratch = await temporaryFolder();
  const runner = await openTorchRunner(checkpoint, scratch);
  const own = await openModelRunner(checkpoint, {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    overlayFolder: scratch,
  });
  try {
    const { moeLayers } = checkpoint.descriptor;
    const plan = { kept: moeLayers.map(({ moe }) => [...Array(moe.experts).keys()].filter((at) => at % 4 < 3)) };
    const [whole] = await runner.forward([fixture.tokens], null, control);
    expectClose(whole?.logits ?? new Float32Array(), decodedLogits(fixture));
    const [pruned] = await runner.forward([fixture.tokens], plan, control);
    const [masked] = await own.forward([fixture.tokens], plan, control);
    expectClose(pruned?.logits ?? new Float32Array(), masked?.logits ?? new Float32Array([NaN]));
    // transformers continues MiniMax with another cache than the common one, and other logits with that.
    const texts = written(runner, plan);
    if (name === 'minimax')
      await expect(texts).rejects.toMatchObject({ message: expect.stringContaining('than in one pass') });
    else expect(await texts).toEqual(await written(own, plan));
    const { folder: exported } = await exportPlan(await exportRequest(folder, plan));
    const reopened = await openTorchRunner(await openCheckpoint(exported), scratch);
    const [loaded] = await reopened.forward([fixture.tokens], null, control);
    await reopened.dispose();
    expectClose(loaded?.logits ?? new Float32Array(), masked?.logits ?? new Float32Array([NaN]));
    // MiniMax adds experts to normed states, which this statistic does not know.
    const isAdded = checkpoint.descriptor.blocks.every(({ keepsNormed }) => keepsNormed === null);
    const residual = isAdded ? (['residual'] as const) : [];
    const extras = ['peaks', 'routed-outputs', 'every-output', ...residual] as const;
    const ours = await runner.profile(characters, control, extras);
    expectSameStatistics(ours, await own.profile(characters, control, extras), extras);
  } finally {
    await runner.dispose();
    await own.dispose();
  }
});

test('MiniMax whose heads turn in part is refused by the engine torch', async () => {
  const { config, ...fixture } = publishedFixture('minimax');
  const folder = await writePublished({ ...fixture, config: { ...config, rotary_dim: 4 } });
  const opened = openTorchRunner(await openCheckpoint(folder), await temporaryFolder()).then(async (runner) => {
    try {
      await runner.forward([fixture.tokens], null, control);
    } finally {
      await runner.dispose();
    }
  });
  await expect(opened).rejects.toMatchObject({
    code: 'torch-architecture',
    message: expect.stringContaining('rotary_dim'),
  });
});
