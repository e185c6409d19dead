import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { openModelRunner } from '../../../main/inference/open-model-runner.ts';
import { createRunnerCache } from '../../../main/jobs/runner-cache.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { cp } from 'node:fs/promises';

const model = fileURLToPath(new URL('../../../resources/models/uncurl-16', import.meta.url));

test('keeps two models open, and fewer where memory says so; gives each back once', async () => {
  const folder = await temporaryFolder();
  const folders = ['a', 'b', 'c'].map((name) => join(folder, name));
  for (const copy of folders) await cp(model, copy, { recursive: true });
  const checkpoints = await Promise.all(folders.map(openCheckpoint));
  const [a, b, c] = checkpoints;
  if (a === undefined || b === undefined || c === undefined) throw new Error('three models');
  const log: string[] = [];
  const cacheWith = (budgetBytes: number): ReturnType<typeof createRunnerCache> =>
    createRunnerCache(async (checkpoint) => {
      log.push(`open ${checkpoint.name}`);
      const runner = await openModelRunner(checkpoint, {
        threads: 1,
        memoryBudgetBytes: budgetBytes,
        overlayFolder: folder,
      });
      const dispose = runner.dispose.bind(runner);
      runner.dispose = () => {
        log.push(`close ${checkpoint.name}`);
        return dispose();
      };
      return runner;
    }, budgetBytes);

  const roomy = cacheWith(1e12);
  for (const checkpoint of [a, b, a, c, b]) await roomy.open(checkpoint);
  await roomy.dispose();
  expect(log.splice(0)).toEqual(['open a', 'open b', 'close b', 'open c', 'close a', 'open b', 'close c', 'close b']);

  const tight = cacheWith(1.5 * a.info.memory.resident);
  for (const checkpoint of [a, a, b]) await tight.open(checkpoint);
  await tight.dispose();
  expect(log).toEqual(['open a', 'close a', 'open b', 'close b']);
});
