/**
 * A five-shot task of four choices, as a whole sweep of five factors on the synthetic checkpoint of 1 GB, compared with
 * the usual loop (python/sweep.py with lm-evaluation-harness; float32 and bfloat16). The workbench computes the
 * examples once per block and candidate, the loop once per choice. Goal: at least 15 times faster.
 *
 * Method: both read the same folder, whose items already contain the examples, and run alternately as whole processes
 * on one thread each, ROUNDS times; wall time including start-up, with a fresh workspace each time. Accuracies are
 * compared: the model is random, so they are near chance, but they must agree. The numbers of tokens of the examples
 * and of the rest are printed first. Usage: node tests/bench/few-shot.ts [rounds]
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, copyFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { loadTokenizer } from '../../main/checkpoint/load-tokenizer.ts';
import { loadTaskFolder } from '../../main/tasks/load-task-folder.ts';
import { compareSweeps, FREQUENCY_IN_FULL } from './compare-sweeps.ts';
import { readableOneGigabyteCheckpoint } from './readable-checkpoint.ts';
import { bundledTasks } from './shapes.ts';

const ROUNDS = Number(process.argv[2] ?? 2);
const SHOTS = 5;
const ITEMS = 100;
const TASK = 'french';

/** Writes out the bundled task with examples before every item. */
const writeFewShotTask = async (folder: string): Promise<readonly string[]> => {
  const source = path.join(bundledTasks, TASK);
  const [plain, prompted] = [path.join(folder, 'plain'), path.join(folder, `${TASK}-${String(SHOTS)}-shot`)];
  for (const each of [plain, prompted]) mkdirSync(each);
  const metadata = {
    name: path.basename(prompted),
    title: 'five examples',
    metric: 'acc',
    source: 'bundled',
    licence: 'bundled',
  };
  for (const split of ['calibration', 'test'])
    copyFileSync(path.join(source, `${split}.jsonl`), path.join(plain, `${split}.jsonl`));
  writeFileSync(path.join(plain, 'task.json'), JSON.stringify({ ...metadata, fewshot: SHOTS, fewshotDelimiter: '' }));
  const { calibration, test } = await loadTaskFolder(plain);
  writeFileSync(path.join(prompted, 'task.json'), JSON.stringify(metadata));
  for (const [split, items] of Object.entries({ calibration, test })) {
    writeFileSync(path.join(prompted, `${split}.jsonl`), items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  }
  return test.slice(0, ITEMS).map((item) => ('context' in item ? item.context : item.text));
};

const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-few-shot-'));
try {
  const model = await readableOneGigabyteCheckpoint();
  const contexts = await writeFewShotTask(folder);
  const tokenizer = await loadTokenizer((await openCheckpoint(model)).folder);
  const lengths = contexts.map((context) => tokenizer?.encode(context, true).length ?? NaN);
  console.log(
    `contexts of ${String(Math.min(...lengths))} to ${String(Math.max(...lengths))} tokens, ${String(ITEMS)} items`,
  );
  compareSweeps({
    ...FREQUENCY_IN_FULL,
    title: `${String(SHOTS)}-shot ${TASK}, synthetic model of 1 GB, 5 factors x ${String(ITEMS)} items, one thread`,
    model,
    tasks: [path.join(folder, `${TASK}-${String(SHOTS)}-shot`)],
    limit: ITEMS,
    threads: 1,
    rounds: ROUNDS,
  });
} finally {
  rmSync(folder, { recursive: true });
}
