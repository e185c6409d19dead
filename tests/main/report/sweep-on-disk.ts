import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { RunManifest } from '../../../main/contract/run.ts';
import { type SweepDocument, sweepSettings } from '../../../main/contract/sweep.ts';
import { evaluationRecord } from '../../../main/runs/evaluation-record.ts';
import { type OutcomeBlock, writeOutcomes } from '../../../main/runs/outcomes-parquet.ts';
import { openWorkspace, type Workspace } from '../../../main/workspace/open-workspace.ts';
import { sampleSizeTrend } from '../evaluation/size-trend/sample-size-trend.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { plainRun } from '../contract/run-of.ts';

/** Two models of different size on two tasks; the run of `sweepOnDisk`. */
export const sample = sampleSizeTrend({
  sizes: [8, 16],
  tasks: ['french', 'sort'],
  methods: ['frequency'],
  limit: (experts) => experts / 8,
});

const blocks = async function* (run: string): AsyncGenerator<OutcomeBlock> {
  for (const result of sample.document.results) {
    const { model, task, method, seed, factor, kept } = result;
    yield await Promise.resolve({
      run,
      model,
      task,
      method,
      seed,
      factor,
      kept,
      outcomes: sample.outcomesOf(result) ?? [],
    });
  }
};

/**
 * A workspace with a sweep as written by jobs: results, points and steps; outcomes only once it is finished. `delta`:
 * the margin in its manifest; `stored`: the document in its file.
 */
export const sweepOnDisk = async ({
  delta,
  stored = sample.document,
}: { readonly delta?: number; readonly stored?: SweepDocument } = {}): Promise<{
  readonly workspace: Workspace;
  readonly run: string;
  readonly outcomesFile: string;
}> => {
  const workspace = await openWorkspace(await temporaryFolder());
  const manifest: Omit<RunManifest, 'id' | 'kind' | 'createdAt'> = {
    ...plainRun,
    spec: sweepSettings.parse({ methods: ['frequency'], factors: [2, 4], ...(delta === undefined ? {} : { delta }) }),
    models: [
      { name: 'e8', path: '/m/e8', fingerprint: 'f8' },
      { name: 'e16', path: '/m/e16', fingerprint: 'f16' },
    ],
  };
  const { manifest: made, lock } = await workspace.runs.create('sweep', manifest);
  await lock.release();
  const folder = workspace.runs.folder(made.id);
  const points = await Promise.all(
    sample.document.results.map(async (result, index) => {
      const step = index.toString(16).padStart(64, '0');
      const { model, task, method, seed, factor, kept } = result;
      const outcomes = sample.outcomesOf(result) ?? [];
      await workspace.steps.writeJson(
        step,
        z.encode(evaluationRecord, {
          kind: 'evaluation',
          model: { name: model, fingerprint: 'f' },
          task,
          items: 'i',
          plan: null,
          outcomes,
        }),
      );
      return { model, task, method, seed, factor, kept, step };
    }),
  );
  await writeFile(join(folder, 'points.json'), JSON.stringify(points));
  await writeFile(join(folder, 'results.json'), JSON.stringify({ ...stored, run: made.id }));
  const outcomesFile = join(folder, 'outcomes.parquet');
  await writeOutcomes(outcomesFile, blocks(made.id));
  return { workspace, run: made.id, outcomesFile };
};
