/**
 * A whole sweep, start-up included, against the loop that users write today (python/sweep.py: observe with hooks,
 * slice, save, reload, score with lm-evaluation-harness, per factor).
 *
 * Method: both are run as whole processes in turn, with their default threads, and their wall time is taken; a fresh
 * workspace each time, so that nothing is reused. Method frequency, five factors. Accuracies of both are compared and
 * printed: a faster wrong answer is worth nothing. Bundled model: all nine tasks, all items. Synthetic 1 GB model (with
 * the bundled tokenizer): two four-choice tasks, 40 items. Usage: node tests/bench/sweep.ts [bundled | large]
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { pythonScript } from './python-environment.ts';
import { bundledModel, bundledTasks, oneGigabyteCheckpoint } from './shapes.ts';
import { median, ratios } from './statistics.ts';

const KEPT = [16, 12, 8, 4, 2];
const EXPERTS = 16;
const command = path.join(import.meta.dirname, '..', '..', 'main', 'cli', 'uncurl.ts');

const line = z.object({ task: z.string(), kept: z.number(), acc: z.number() });
const document = z.object({ results: z.array(line) });
type Accuracies = Map<string, number>;
const keyed = (lines: readonly z.infer<typeof line>[]): Accuracies => new Map(lines.map(({ task, kept, acc }) => [`${task} ${String(kept)}`, acc]));

const timed = (program: string, parameters: readonly string[]): { seconds: number; output: string } => {
  const start = performance.now();
  const { status, stdout } = spawnSync(program, parameters, {
    encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1e9, env: { ...process.env, HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' },
  });
  if (status !== 0) throw new Error(`${program} ${parameters.join(' ')} ended with ${String(status)}`);
  return { seconds: (performance.now() - start) / 1000, output: stdout };
};

const ours = (model: string, tasks: readonly string[], limit: number | null): { seconds: number; accuracies: Accuracies } => {
  const workspace = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-workspace-'));
  const factors = KEPT.map((kept) => String(EXPERTS / kept)).join(',');
  const { seconds, output } = timed(process.execPath, [
    command, 'sweep', model, ...tasks.flatMap((task) => ['--task', task]), '--method', 'frequency', '--factors', factors,
    '--workspace', workspace, '--json', ...(limit === null ? [] : ['--limit', String(limit)]),
  ]);
  rmSync(workspace, { recursive: true });
  return { seconds, accuracies: keyed(document.parse(JSON.parse(output)).results) };
};

const theirs = (model: string, tasks: readonly string[], limit: number | null): { seconds: number; accuracies: Accuracies } => {
  const [python = '', script = ''] = pythonScript('sweep.py');
  const { seconds, output } = timed(python, [script, model, KEPT.join(','), ...tasks, ...(limit === null ? [] : ['--limit', String(limit)])]);
  return { seconds, accuracies: keyed(output.trim().split('\n').map((text) => line.parse(JSON.parse(text)))) };
};

const compare = (name: string, model: string, tasks: readonly string[], limit: number | null, rounds: number): void => {
  const [mine, other]: [number[], number[]] = [[], []];
  let [same, all, largest] = [0, 0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const [left, right] = [ours(model, tasks, limit), theirs(model, tasks, limit)];
    mine.push(left.seconds);
    other.push(right.seconds);
    for (const [key, accuracy] of right.accuracies) {
      const difference = Math.abs(accuracy - (left.accuracies.get(key) ?? NaN));
      all += 1;
      if (difference < 1e-9) same += 1;
      largest = Math.max(largest, difference);
    }
  }
  console.log(`${name}: ours ${median(mine).toFixed(1)} s, loop of today ${median(other).toFixed(1)} s, ratio ${ratios(other, mine)}`);
  console.log(`  accuracies equal in ${String(same)} of ${String(all)} points, largest difference ${largest.toFixed(4)}`);
};

const which = process.argv[2];
const taskFolders = readdirSync(bundledTasks).map((task) => path.join(bundledTasks, task));
if (which !== 'large') compare('bundled model, 5 factors x 9 tasks', bundledModel, taskFolders, null, 3);
if (which !== 'bundled') {
  const large = await oneGigabyteCheckpoint();
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) copyFileSync(path.join(bundledModel, file), path.join(large, file));
  const fourChoices = taskFolders.filter((task) => ['french', 'plural'].includes(path.basename(task)));
  compare('synthetic model of 1 GB, 5 factors x 2 tasks x 40 items', large, fourChoices, 40, 1);
}
