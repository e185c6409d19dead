import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { forkCompute } from '../../main/compute/start-compute.ts';
import { computeReport } from '../../main/contract/compute.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import { createEngine, type Engine } from '../../main/engine/engine.ts';
import { processState, thisProcess } from '../../main/files/process-alive.ts';
import { writeSyntheticCheckpoint } from '../bench/synthetic-checkpoint.ts';
import { patiently } from '../hang-limit.ts';
import { resources, temporaryFolder } from './run-uncurl.ts';

export interface ComputingEngine {
  readonly engine: Engine;
  readonly workspace: string;
  readonly events: readonly EngineEvent[];
  /** Compute processes in the order of their start; empty if jobs run in this process. */
  readonly pids: readonly number[];
  /** Resolves on the first event of the requested kind. */
  readonly hears: (isWanted: (event: EngineEvent) => boolean) => Promise<void>;
}

/** An engine whose jobs run in a separate process, or in this one, on a new or existing workspace. */
export const openComputingEngine = async (
  where: 'beside' | 'here' = 'beside',
  workspace?: string,
): Promise<ComputingEngine> => {
  const folder = workspace ?? join(await temporaryFolder(), 'workspace');
  const pids: number[] = [];
  const engine = await createEngine({
    workspace: folder,
    resources,
    commandLine: 'test',
    threads: 1,
    startCompute:
      where === 'here'
        ? undefined
        : (settings) => {
            const process = forkCompute(settings);
            process.onMessage((message) => {
              const report = computeReport.parse(message);
              if (report.type === 'ready') pids.push(report.pid);
            });
            return process;
          },
  });
  onTestFinished(() => engine.dispose());
  const events: EngineEvent[] = [];
  const waiting = new Set<() => void>();
  engine.subscribe((event) => {
    events.push(event);
    for (const look of waiting) look();
  });
  const hears: ComputingEngine['hears'] = (isWanted) =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!events.some(isWanted)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { engine, workspace: folder, events, pids, hears };
};

/** Handles of a bundled model and of bundled tasks. */
export const bundled = async (
  { engine }: ComputingEngine,
  ...tasks: readonly string[]
): Promise<{ readonly model: PathHandle; readonly tasks: PathHandle[] }> => {
  const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-16');
  const listed = await engine.call('tasks.list', {});
  const handles = tasks.flatMap((name) => listed.find((task) => task.name === name)?.handle ?? []);
  if (model === undefined || handles.length < tasks.length) throw new Error(`no bundled uncurl-16 or ${tasks.join()}`);
  return { model: model.handle, tasks: handles };
};

/**
 * A model of one layer in which a batch of 2048 tokens occupies a thread for seconds; it has the bundled vocabulary.
 */
export const slowModel = async ({ engine }: ComputingEngine): Promise<PathHandle> => {
  const folder = join(await temporaryFolder(), 'slow');
  await writeSyntheticCheckpoint(
    folder,
    {
      hidden: 1024,
      layers: 1,
      heads: 8,
      keyValueHeads: 8,
      experts: 2,
      topK: 2,
      width: 3072,
      vocabulary: 2048,
      maxPositions: 256,
      dtype: 'F32',
    },
    1,
  );
  await cp(join(resources, 'models', 'uncurl-16', 'tokenizer.json'), join(folder, 'tokenizer.json'));
  return engine.grantPath(folder);
};

/** Suspends a process: it stays alive without responding. */
export const halt = async (pid: number): Promise<void> => {
  process.kill(pid, 'SIGSTOP');
  await vi.waitFor(async () => {
    const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
    if (!/\) [Tt] /.test(stat)) throw new Error(`process ${String(pid)} goes on`);
  }, patiently);
};

export const waitUntilGone = (pid: number): Promise<void> =>
  vi.waitFor(() => {
    if (processState({ ...thisProcess(), pid, startedAt: null }) !== 'dead')
      throw new Error(`process ${String(pid)} runs`);
  }, patiently);
