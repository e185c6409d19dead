import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { openModel } from '../../../main/inference/open-model-runner.ts';
import { createModelPool, type ModelPool } from '../../../main/jobs/source-gate.ts';
import { createStepStore } from '../../../main/workspace/step-store.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const model = fileURLToPath(new URL('../../../resources/models/uncurl-16', import.meta.url));

/** Copies of a model. */
const copies = async (...names: readonly string[]): Promise<readonly Checkpoint[]> => {
  const folder = await temporaryFolder();
  return Promise.all(
    names.map(async (name) => {
      await cp(model, join(folder, name), { recursive: true });
      return openCheckpoint(join(folder, name));
    }),
  );
};

const orderIn = (folder: string, sources: readonly Checkpoint[] = []) => ({
  sources,
  steps: createStepStore({ steps: join(folder, 'steps'), overlays: join(folder, 'overlays'), temporary: folder }),
  say: (): void => undefined,
});

test('keeps two models open, and fewer where memory says so; gives each back once', async () => {
  const folder = await temporaryFolder();
  const [a, b, c] = await copies('a', 'b', 'c');
  if (a === undefined || b === undefined || c === undefined) throw new Error('three models');
  const log: string[] = [];
  const poolWith = (memoryBudgetBytes: number): ModelPool =>
    createModelPool({ threads: 1, memoryBudgetBytes, scratchFolder: folder }, async (checkpoint, settings) => {
      log.push(`open ${checkpoint.name}`);
      const opened = await openModel(checkpoint, settings);
      const dispose = (): Promise<void> => {
        log.push(`close ${checkpoint.name}`);
        return opened.dispose();
      };
      return { ...opened, dispose };
    });
  const openAll = (pool: ModelPool, checkpoints: readonly Checkpoint[]): Promise<void> =>
    pool.compute(orderIn(folder), async ({ runners }) => {
      for (const checkpoint of checkpoints) await runners.open(checkpoint);
    });

  const roomy = poolWith(1e12);
  await openAll(roomy, [a, b, a, c, b]);
  await roomy.dispose();
  expect(log.splice(0)).toEqual(['open a', 'open b', 'close b', 'open c', 'close a', 'open b', 'close c', 'close b']);

  const tight = poolWith(1.5 * a.info.memory.resident);
  await openAll(tight, [a, a, b]);
  await tight.dispose();
  expect(log).toEqual(['open a', 'close a', 'open b', 'close b']);
});
