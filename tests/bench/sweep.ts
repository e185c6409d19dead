/**
 * A whole sweep, including start-up, compared with the usual loop (python/sweep.py: observe with hooks, slice, save,
 * reload, score with lm-evaluation-harness, per factor).
 *
 * Method: the workbench in float32, the loop in float32 and in bfloat16, alternately as whole processes with their
 * default threads; wall time, with a fresh workspace each time so that nothing is reused. Method frequency, five
 * factors. The accuracies of both are compared and printed: a faster wrong answer is worthless. Bundled model: all nine
 * tasks, all items. Synthetic 1 GB model (with the bundled tokenizer): two four-choice tasks, 40 items; its loop spends
 * most of its time saving and loading. PyTorch's threads are made to sleep while they wait: by default they spin, and
 * then any other process makes the loop several times slower.
 * Usage: npx node tests/bench/sweep.ts [bundled | large | both, default both] [rounds, default 1] [items of each split]
 */
import path from 'node:path';
import { compareSweeps, FREQUENCY_IN_FULL } from './compare-sweeps.ts';
import { bundledModel, bundledTasks, chosenTasks } from './shapes.ts';
import { readableOneGigabyteCheckpoint } from './readable-checkpoint.ts';

const which = process.argv[2] ?? 'both';
if (!['bundled', 'large', 'both'].includes(which)) throw new Error('the model is one of bundled, large, both');
const rounds = Number(process.argv[3] ?? 1);
const items = process.argv[4] === undefined ? null : Number(process.argv[4]);
/** Tasks with chosen answers only; their written twins have the same items. */
const taskFolders = chosenTasks.map((task) => path.join(bundledTasks, task));
if (which !== 'large') {
  compareSweeps({
    ...FREQUENCY_IN_FULL,
    title: `bundled model, 5 factors x 9 tasks x ${String(items ?? 'all')} items`,
    model: bundledModel,
    tasks: taskFolders,
    limit: items,
    threads: null,
    rounds,
  });
}
if (which !== 'bundled') {
  const model = await readableOneGigabyteCheckpoint();
  const tasks = taskFolders.filter((task) => ['french', 'plural'].includes(path.basename(task)));
  compareSweeps({
    ...FREQUENCY_IN_FULL,
    title: `synthetic model of 1 GB, 5 factors x 2 tasks x ${String(items ?? 40)} items`,
    model,
    tasks,
    limit: items ?? 40,
    threads: null,
    rounds,
  });
}
