/**
 * The cost of fidelity: answers of plans to a task's items with it and without it.
 *
 * Method: one runner on one thread, nine plans (frequency-like: the first n of the experts) and the unpruned model on
 * 100 items of each of three bundled choice tasks, with and without alternately; processor time of this process, the
 * median ratio of the rounds. Whole sweeps cost less beside it, since they also profile and make plans.
 * Usage: npx node tests/bench/fidelity.ts [model folder, default bundled uncurl-64] [rounds, default 5]
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { bundledModel, bundledTasks } from './shapes.ts';

const folder = process.argv[2] ?? path.join(path.dirname(bundledModel), 'uncurl-64');
const rounds = Number(process.argv[3] ?? 5);
const signal = new AbortController().signal;
const checkpoint = await openCheckpoint(folder);
const { experts, topK, moeLayers } = checkpoint.info;
const runner = await openModelRunner(checkpoint, {
  threads: 1,
  memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
  overlayFolder: mkdtempSync(path.join(tmpdir(), 'fidelity-')),
});
const counts = Array.from({ length: 9 }, (_, index) => Math.max(topK, Math.round((experts * (9 - index)) / 10)));
const candidates = [
  { key: 'unpruned', plan: null },
  ...counts.map((count, index) => ({
    key: `${String(index)}: ${String(count)}`,
    plan: { kept: Array.from({ length: moeLayers }, () => Array.from({ length: count }, (_, expert) => expert)) },
  })),
];
const tasks = await Promise.all(
  ['french', 'bracket', 'mood'].map(async (name) => (await loadTask(path.join(bundledTasks, name))).test.slice(0, 100)),
);

/** Processor time in milliseconds; `fidelity`: names that are new each round, so that states are made each time. */
const timed = async (round: number, isCompared: boolean): Promise<number> => {
  const before = process.cpuUsage();
  for (const [task, items] of tasks.entries()) {
    const fidelity = isCompared ? { fidelity: `${String(round)} ${String(task)}` } : {};
    await runner.evaluate(items, candidates, { signal, ...fidelity });
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};

await timed(-1, true);
const ratios: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  const [plain, compared] = [await timed(round, false), await timed(round, true)];
  ratios.push(compared / plain);
  console.log(`without ${plain.toFixed(0)} ms, with ${compared.toFixed(0)} ms: ${(compared / plain).toFixed(3)}`);
}
const sorted = ratios.toSorted((one, other) => one - other);
console.log(
  `${checkpoint.name}, vocabulary ${String(checkpoint.descriptor.vocabulary)}: median ratio ` +
    (sorted[Math.floor(rounds / 2)] ?? NaN).toFixed(3),
);
await runner.dispose();
