import { createEngine } from '../../main/engine/engine.ts';
import { sweepSettings } from '../../main/contract/sweep.ts';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import path from 'node:path';

/**
 * A sweep of five random candidates at half of the experts, with one thread and the memory that is predicted for one
 * block at a time as its budget. Returns the run's state and number of points.
 */
export const sweepOfFive = async (folder: string, task: string, workspace: string): Promise<string> => {
  const { info } = await openCheckpoint(folder);
  const engine = await createEngine({
    workspace,
    resources: path.join(import.meta.dirname, '..', '..', 'resources'),
    commandLine: 'bench',
    threads: 1,
    memoryBudgetBytes: info.memory.streaming,
  });
  try {
    const { run } = await engine.call('sweep.start', {
      models: [engine.grantPath(folder)],
      tasks: [engine.grantPath(task)],
      settings: sweepSettings.parse({ methods: ['random'], factors: [2], seeds: [0, 1, 2, 3, 4] }),
      candidates: [],
    });
    const { state } = await engine.finished(run);
    const { results } = await engine.call('sweep.read', { run });
    return `${state}, ${String(results.length)} points`;
  } finally {
    await engine.dispose();
  }
};
