/**
 * A whole sweep, including start-up, compared with the usual loop (python/sweep.py: observe with hooks, slice, save,
 * reload, score with lm-evaluation-harness, per factor).
 *
 * Method: the workbench in float32, the loop in float32 and in bfloat16, alternately as whole processes; wall time,
 * with a fresh workspace each time so that nothing is reused. The accuracies of both are compared and printed: a faster
 * wrong answer is worthless. PyTorch's threads are made to sleep while they wait: by default they spin, and then any
 * other process makes the loop several times slower.
 *
 * - bundled: frequency at five factors on all nine tasks, all items.
 * - large: the same on a synthetic model of 1 GB with the bundled tokenizer, two tasks of four choices, 40 items; the
 *   loop spends most of its time saving and loading.
 * - few-shot: the same on a task of four choices with five examples before each of 100 items, one thread each. The
 *   workbench computes the examples once per block and candidate, the loop once per choice. Goal: 15 times faster. Two
 *   idle cores take about 12 minutes for a round.
 * - search: "up to which factor is my task safe?" (`sweep --stop early`) against the loop, which measures every factor
 *   in full: the bundled model of 16 experts widened by zeros to 1.02 GB (widened-checkpoint.ts), so that the
 *   thresholds are real; two tasks, all items; frequency and REAP at six factors. Accuracies are compared where the
 *   workbench measured in full. Goals: 15 times faster than float32, 6 times than bfloat16. A round takes 18 minutes.
 *
 * Usage: npx node tests/bench/sweep.ts [bundled | large | few-shot | search, default bundled] [rounds, default 1]
 * [items of each split]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { loadTokenizer } from '../../main/checkpoint/load-tokenizer.ts';
import { compareSweeps, FREQUENCY_IN_FULL } from './compare-sweeps.ts';
import { writeFewShotTask } from './few-shot-task.ts';
import { readableOneGigabyteCheckpoint } from './readable-checkpoint.ts';
import { bundledModel, bundledTasks, chosenTasks } from './shapes.ts';
import { widenedCheckpoint } from './widened-checkpoint.ts';

const [, , which = 'bundled', roundsGiven = '1', itemsGiven] = process.argv;
const rounds = Number(roundsGiven);
const items = itemsGiven === undefined ? null : Number(itemsGiven);
const folderOf = (task: string): string => path.join(bundledTasks, task);
const twoTasks = ['french', 'plural'].map(folderOf);

const fewShot = async (): Promise<void> => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-few-shot-'));
  const limit = items ?? 100;
  try {
    const model = await readableOneGigabyteCheckpoint();
    const { task, contexts } = await writeFewShotTask(folder);
    const tokenizer = await loadTokenizer((await openCheckpoint(model)).folder);
    const lengths = contexts.slice(0, limit).map((context) => tokenizer?.encode(context, true).length ?? NaN);
    console.log(
      `contexts of ${String(Math.min(...lengths))} to ${String(Math.max(...lengths))} tokens, ${String(limit)} items`,
    );
    compareSweeps({
      ...FREQUENCY_IN_FULL,
      title: `${path.basename(task)}, synthetic model of 1 GB, 5 factors x ${String(limit)} items, one thread`,
      model,
      tasks: [task],
      limit,
      threads: 1,
      rounds,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const comparisons: Readonly<Record<string, () => Promise<void> | void>> = {
  bundled: () => {
    // Written twins of the tasks have the same items.
    compareSweeps({
      ...FREQUENCY_IN_FULL,
      title: `bundled model, 5 factors x 9 tasks x ${String(items ?? 'all')} items`,
      model: bundledModel,
      tasks: chosenTasks.map(folderOf),
      limit: items,
      threads: null,
      rounds,
    });
  },
  large: async () => {
    compareSweeps({
      ...FREQUENCY_IN_FULL,
      title: `synthetic model of 1 GB, 5 factors x 2 tasks x ${String(items ?? 40)} items`,
      model: await readableOneGigabyteCheckpoint(),
      tasks: twoTasks,
      limit: items ?? 40,
      threads: null,
      rounds,
    });
  },
  'few-shot': fewShot,
  search: async () => {
    compareSweeps({
      title: `search, model of 1 GB, 6 factors x 2 methods x 2 tasks of 4 choices x ${String(items ?? 'all')} items`,
      model: await widenedCheckpoint(),
      methods: ['frequency', 'reap'],
      kept: [14, 12, 10, 8, 4, 2],
      stopsEarly: true,
      dtypes: ['float32', 'bfloat16'],
      tasks: twoTasks,
      limit: items,
      threads: null,
      rounds,
    });
  },
};

const compare = comparisons[which];
if (compare === undefined) throw new Error(`${which} is none of ${Object.keys(comparisons).join(', ')}`);
await compare();
