import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { memoryVerdict } from '../../main/contract/model.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import { largeCharacter, largeCheckpoint } from './large-checkpoint.ts';
import { sweepOfFive } from './sweep-of-five.ts';

/**
 * A checkpoint of 14 GB (the shape of OLMoE-1B-7B, random weights, three shards) on a machine without enough memory for
 * it: its export to GGUF at half of its experts, and a sweep of five candidates. Goals: the export within 2 GB of
 * memory, the sweep within the memory that is predicted before it runs.
 *
 * Method: each is a separate process with one thread; the system reports its peak resident memory (maxRSS). The budget
 * of the sweep is the prediction for one block at a time, with 4 items of 2 choices. Needs 25 GB of disk in the
 * temporary folder; the checkpoint stays there, the export does not.
 * Usage: npx node tests/bench/large-export.ts [exported | swept]
 */

const measurement = z.object({ seconds: z.number(), startBytes: z.number(), peakBytes: z.number(), done: z.string() });

const half = (experts: number): readonly number[] => Array.from({ length: experts / 2 }, (_, expert) => 2 * expert);

const exported = async (folder: string, work: string): Promise<string> => {
  const checkpoint = await openCheckpoint(folder);
  const { sizeBytes, verification } = await exportPlan({
    checkpoint,
    plan: { kept: checkpoint.descriptor.moeLayers.map(({ moe }) => [...half(moe.experts)]) },
    destination: path.join(work, 'exported'),
    settings: exportSettingsIn(path.join(work, 'overlays'), 2 ** 30),
    format: 'gguf',
    control: { signal: new AbortController().signal },
  });
  return `${(sizeBytes / 1e9).toFixed(2)} GB, same bytes: ${String(verification.ok)}`;
};

const swept = async (folder: string, work: string): Promise<string> => {
  const items = Array.from({ length: 4 }, (_, index) => ({
    id: String(index),
    context: Array.from({ length: 12 }, (__, position) => largeCharacter(1 + 97 * index + 13 * position)).join(''),
    choices: [largeCharacter(40 + index), largeCharacter(90 + index)],
    answer: index % 2,
  }));
  const task = path.join(work, 'task.jsonl');
  await writeFile(task, items.map((item) => JSON.stringify(item)).join('\n'));
  return sweepOfFive(folder, task, path.join(work, 'workspace'));
};

const steps = { exported, swept };
const [, , given, childFolder = '', childWork] = process.argv;
const chosen = (['exported', 'swept'] as const).filter((step) => given === undefined || given === step);
const [first] = chosen;
if (first === undefined) throw new Error(`a step is one of ${Object.keys(steps).join(', ')}`);

const measure = (kind: keyof typeof steps, folder: string, work: string): z.infer<typeof measurement> => {
  const { status, stdout } = spawnSync(process.execPath, [import.meta.filename, kind, folder, work], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${kind} ended with ${String(status)}`);
  return measurement.parse(JSON.parse(stdout));
};

if (childWork === undefined) {
  const folder = await largeCheckpoint();
  const { info } = await openCheckpoint(folder);
  const work = await mkdtemp(path.join(os.tmpdir(), 'uncurl-bench-export-'));
  const words = ({ seconds, startBytes, peakBytes, done }: z.infer<typeof measurement>): string =>
    `${done}; ${seconds.toFixed(0)} s, peak ${(peakBytes / 1e9).toFixed(2)} GB resident ` +
    `(${(startBytes / 1e9).toFixed(2)} GB before)`;
  try {
    console.log(`checkpoint ${(info.sizeBytes / 1e9).toFixed(1)} GB`);
    if (chosen.includes('exported')) {
      console.log(`GGUF export at half: ${words(measure('exported', folder, work))}, goal 2 GB`);
      await rm(path.join(work, 'exported'), { recursive: true });
    }
    if (chosen.includes('swept')) {
      const { kind: verdict, needBytes } = memoryVerdict(info, info.memory.streaming);
      const sweep = measure('swept', folder, work);
      console.log(
        `sweep of five candidates: ${words(sweep)}, verdict ${verdict} ${(needBytes / 1e9).toFixed(2)} GB, ` +
          `ratio ${((sweep.peakBytes - sweep.startBytes) / needBytes).toFixed(2)}`,
      );
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
} else {
  const startBytes = process.memoryUsage.rss();
  const start = performance.now();
  const done = await steps[first](childFolder, childWork);
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ seconds, startBytes, peakBytes: process.resourceUsage().maxRSS * 1024, done }));
}
