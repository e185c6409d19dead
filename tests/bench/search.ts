/**
 * "Up to which factor is my task safe?" on a model of 1 GB: the workbench's whole search (`sweep --stop early`,
 * including start-up and profiles) compared with the usual loop, which measures every factor in full (python/sweep.py:
 * observe with hooks, slice, save, reload, score with lm-evaluation-harness). Goals: 15 times faster than its float32,
 * 6 times faster than its bfloat16.
 *
 * Method: the bundled model of 16 experts widened by zeros to 1.02 GB (widened-checkpoint.ts), so that the thresholds
 * are real; two tasks of four choices, all items; frequency and REAP; six factors (14, 12, 10, 8, 4 and 2 of 16 experts
 * kept). Whole processes alternate with their default threads, with a fresh workspace each time; the workbench computes
 * in float32. Accuracies are compared where the workbench measured in full. Two idle cores take about 18 minutes for a
 * round of all 300 items; with fewer, more candidates answer them all.
 * Usage: npx node tests/bench/search.ts [rounds, default 1] [items, default all]
 */
import path from 'node:path';
import { compareSweeps } from './compare-sweeps.ts';
import { bundledTasks } from './shapes.ts';
import { widenedCheckpoint } from './widened-checkpoint.ts';

const [, , rounds = '1', items] = process.argv;
compareSweeps({
  title: `search, model of 1 GB, 6 factors x 2 methods x 2 tasks of 4 choices x ${items ?? 'all'} items`,
  model: await widenedCheckpoint(),
  methods: ['frequency', 'reap'],
  kept: [14, 12, 10, 8, 4, 2],
  stopsEarly: true,
  dtypes: ['float32', 'bfloat16'],
  tasks: ['french', 'plural'].map((task) => path.join(bundledTasks, task)),
  limit: items === undefined ? null : Number(items),
  threads: null,
  rounds: Number(rounds),
});
