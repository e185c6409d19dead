/**
 * A five-shot task of four choices, as a whole sweep of five factors on the synthetic checkpoint of 1 GB, compared with
 * the usual loop (python/sweep.py with lm-evaluation-harness; float32 and bfloat16). The workbench computes the
 * examples once per block and candidate, the loop once per choice. Goal: at least 15 times faster.
 *
 * Method: both read the same folder, whose items already contain the examples, and run alternately as whole processes
 * on one thread each, ROUNDS times; wall time including start-up, with a fresh workspace each time. Accuracies are
 * compared: the model is random, so they are near chance, but they must agree. The numbers of tokens of the examples
 * and of the rest are printed first. Two idle cores take about 12 minutes for a round of 100 items.
 * Usage: npx node tests/bench/few-shot.ts [rounds, default 2] [items, default 100]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { loadTokenizer } from '../../main/checkpoint/load-tokenizer.ts';
import { compareSweeps, FREQUENCY_IN_FULL } from './compare-sweeps.ts';
import { readableOneGigabyteCheckpoint } from './readable-checkpoint.ts';
import { writeFewShotTask } from './few-shot-task.ts';

const ROUNDS = Number(process.argv[2] ?? 2);
const ITEMS = Number(process.argv[3] ?? 100);

const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-few-shot-'));
try {
  const model = await readableOneGigabyteCheckpoint();
  const { task, contexts } = await writeFewShotTask(folder);
  const tokenizer = await loadTokenizer((await openCheckpoint(model)).folder);
  const lengths = contexts.slice(0, ITEMS).map((context) => tokenizer?.encode(context, true).length ?? NaN);
  console.log(
    `contexts of ${String(Math.min(...lengths))} to ${String(Math.max(...lengths))} tokens, ${String(ITEMS)} items`,
  );
  compareSweeps({
    ...FREQUENCY_IN_FULL,
    title: `${path.basename(task)}, synthetic model of 1 GB, 5 factors x ${String(ITEMS)} items, one thread`,
    model,
    tasks: [task],
    limit: ITEMS,
    threads: 1,
    rounds: ROUNDS,
  });
} finally {
  rmSync(folder, { recursive: true });
}
