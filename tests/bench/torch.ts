/**
 * The engine torch in bfloat16 compared with the usual loop in bfloat16 (python/sweep.py, python/generate.py), and what
 * its process costs beyond transformers. Goals: sweep 5x, search for thresholds 8x, 5-shot 20x, generation 3x, and at
 * most 10 % beyond transformers. By tokens that exact answers need, sweep, search and 5-shot cannot reach theirs at the
 * loop's rate (resources/docs/speed.md says how far they could).
 *
 * - sweep: the synthetic model of 1 GB, five factors by frequency, two tasks of four choices, ITEMS items (40).
 * - search: the widened model of 1 GB (widened-checkpoint.ts), whose thresholds are real; six factors by frequency and
 *   REAP, two tasks of ITEMS items (all); the workbench stops a candidate once its verdict is decided (search.ts).
 * - few-shot: five examples before each of ITEMS (40) items of a task of four choices, five factors.
 * - generation: the unpruned model and eight that keep half of the experts, ITEMS (100) prompts of 16 to 48 tokens, 32
 *   new ones each; both include the start of their programs.
 * - worker: batches of ITEMS (40) items of four choices as the engine makes them, answered by its process, and by a
 *   bare loop over transformers' model with its own head (python/batches.py), alternately within two open processes;
 *   processor time of both, on our side with that of the workbench itself.
 *
 * Method: whole processes alternate, one thread each, with a fresh workspace each time; wall time, and processor time
 * of all their processes, which other work on the machine disturbs less. Accuracies are compared: bfloat16 rounds
 * differently by batch, so they agree within a few points.
 * Usage: npx node tests/bench/torch.ts PART [rounds, default 1] [items]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { loadTokenizer } from '../../main/checkpoint/load-tokenizer.ts';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { Candidate, RowToDecode } from '../../main/inference/model-runner.ts';
import { encodeScored } from '../../main/inference/encode-item.ts';
import { loadTaskFolder } from '../../main/tasks/load-task-folder.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { openTorchModel } from '../../main/torch/open-torch-model.ts';
import { scoreWork, treeRows } from '../../main/torch/score-batches.ts';
import { TorchWorkers } from '../../main/torch/torch-model.ts';
import { overlaysIn } from '../open-model-runner.ts';
import { compareSweeps, FREQUENCY_IN_FULL } from './compare-sweeps.ts';
import { writeFewShotTask } from './few-shot-task.ts';
import { childrenMs, runningMs } from './processor-time.ts';
import { pythonEnvironment, pythonScript, startPython } from './python-environment.ts';
import { bundledTasks, oneGigabyteCheckpoint } from './shapes.ts';
import { readableOneGigabyteCheckpoint } from './readable-checkpoint.ts';
import { median, ratios } from './statistics.ts';
import { widenedCheckpoint } from './widened-checkpoint.ts';

const [, , part = '', rounds = '1', items, outFile] = process.argv;
const ROUNDS = Number(rounds);
const python = pythonEnvironment();
const engine = ['--engine', 'torch', '--python', python, '--precision', 'bfloat16'];
const shared = { dtypes: ['bfloat16'], threads: 1, rounds: ROUNDS, engine } as const;
const twoTasks = ['french', 'plural'].map((task) => path.join(bundledTasks, task));
const script = path.join(import.meta.dirname, '..', '..', 'resources', 'torch', 'worker.py');

const fewShot = async (work: (task: string, model: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-few-shot-'));
  try {
    const { task } = await writeFewShotTask(folder);
    await work(task, await readableOneGigabyteCheckpoint());
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** The processes of both are started, and their model is loaded, before anything is measured. */
const worker = async (): Promise<void> => {
  const [task = ''] = twoTasks;
  const model = await readableOneGigabyteCheckpoint();
  const checkpoint = await openCheckpoint(model);
  const tokenizer = await loadTokenizer(checkpoint.folder);
  if (tokenizer === null) throw new Error('no tokenizer');
  const { test } = await loadTaskFolder(task);
  const chosen = test.flatMap((item) => ('choices' in item ? [item] : [])).slice(0, Number(items ?? 40));
  const { maxPositions, vocabulary } = checkpoint.descriptor;
  const work = scoreWork(
    chosen.flatMap((item) => encodeScored(tokenizer, item, maxPositions)),
    vocabulary,
    'prefixes',
  );
  const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-torch-'));
  const file = path.join(folder, 'batches.json');
  const batches = work.batches.map((batch) => ({ ...batch, inRows: batch.rows === null ? null : treeRows(batch) }));
  writeFileSync(file, JSON.stringify({ ...work, batches }));
  const workers = new TorchWorkers({ python, script, device: 'cpu', threads: 1 }, { keepsOne: false });
  const settings = { threads: 1, memoryBudgetBytes: 8e9, scratchFolder: folder };
  const open = await openTorchModel(checkpoint, settings, workers, 'bfloat16');
  const runner = open.runner(overlaysIn(folder));
  const bare = await startPython('batches.py', [model, file, 'bfloat16', script]);
  const control = { signal: new AbortController().signal };
  const candidates: readonly Candidate[] = [{ key: 'unpruned', plan: null }];
  const ours = async (): Promise<number> => {
    const start = runningMs('/torch/worker.py\0cpu');
    await runner.evaluate(chosen, candidates, control);
    return runningMs('/torch/worker.py\0cpu') - start;
  };
  const theirs = async (): Promise<number> => Number(await bare.ask('go'));
  await ours();
  await theirs();
  const times: [number, number][] = [];
  for (let round = 0; round < Math.max(5, ROUNDS); round += 1) {
    // The one that is first changes, since load comes and goes.
    const first = round % 2 === 0 ? await ours() : NaN;
    const second = await theirs();
    times.push([round % 2 === 0 ? first : await ours(), second]);
  }
  bare.end();
  await open.dispose();
  await workers.dispose();
  rmSync(folder, { recursive: true });
  const [own, other] = [times.map(([first]) => first), times.map(([, second]) => second)];
  console.log(
    `${String(work.batches.length)} batches, processor time: ours ${median(own).toFixed(0)} ms, transformers on them ` +
      `${median(other).toFixed(0)} ms; bare / ours ${ratios(other, own)}`,
  );
};

const answered = z.object({ seconds: z.number(), rows: z.record(z.string(), z.string()) });

const toWrite = async () => {
  const folder = await oneGigabyteCheckpoint();
  const checkpoint = await openCheckpoint(folder);
  const { descriptor, info } = checkpoint;
  const random = seededRandom(11);
  const prompts = Array.from({ length: Number(items ?? 100) }, () =>
    Array.from({ length: 16 + random.integer(33) }, () => random.integer(descriptor.vocabulary)),
  );
  const half = (): number[] =>
    random
      .shuffle(Array.from({ length: info.experts }, (_, expert) => expert))
      .slice(0, info.experts / 2)
      .sort((a, b) => a - b);
  const candidates: readonly Candidate[] = [
    { key: 'unpruned', plan: null },
    ...Array.from({ length: 8 }, (_, index) => ({
      key: `plan ${String(index)}`,
      plan: { kept: descriptor.moeLayers.map(half) },
    })),
  ];
  return { folder, checkpoint, prompts, candidates };
};

const NEW_TOKENS = 32;

/** Runs in a process of its own. */
const write = async (file: string): Promise<void> => {
  const { checkpoint, prompts, candidates } = await toWrite();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-torch-'));
  const workers = new TorchWorkers({ python, script, device: 'cpu', threads: 1 }, { keepsOne: false });
  const settings = { threads: 1, memoryBudgetBytes: 8e9, scratchFolder: folder };
  const open = await openTorchModel(checkpoint, settings, workers, 'bfloat16');
  const rows = candidates.flatMap(({ key }) =>
    prompts.map((tokens): RowToDecode => ({ tokens, candidate: key, mostNewTokens: NEW_TOKENS })),
  );
  const written: Record<string, string> = {};
  const control = { signal: new AbortController().signal };
  for await (const { row, tokens } of open.runner(overlaysIn(folder)).decode(rows, candidates, control))
    written[`${rows[row]?.candidate ?? ''}/${String(row % prompts.length)}`] = tokens.join(' ');
  await open.dispose();
  await workers.dispose();
  rmSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify({ seconds: 0, rows: written }));
};

const generation = async (): Promise<void> => {
  const { folder, prompts, candidates } = await toWrite();
  const work = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-generation-'));
  const [request, answer] = [path.join(work, 'request.json'), path.join(work, 'answer.json')];
  const plans = Object.fromEntries(candidates.map(({ key, plan }) => [key, plan]));
  writeFileSync(request, JSON.stringify({ prompts, newTokens: NEW_TOKENS, plans }));
  const commands = {
    ours: [process.execPath, import.meta.filename, 'write', '1', String(prompts.length), answer],
    theirs: [...pythonScript('generate.py'), folder, request, answer, 'bfloat16'],
  };
  const times = { ours: { wall: [], processor: [] }, theirs: { wall: [], processor: [] } } as Record<
    keyof typeof commands,
    Record<'wall' | 'processor', number[]>
  >;
  for (let round = 0; round < ROUNDS; round += 1) {
    const rows: string[][] = [];
    for (const name of ['ours', 'theirs'] as const) {
      const [program = '', ...parameters] = commands[name];
      const [start, before] = [performance.now(), childrenMs()];
      const { status } = spawnSync(program, parameters, {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' },
      });
      if (status !== 0) throw new Error(`${name} ended with ${String(status)}`);
      times[name].wall.push((performance.now() - start) / 1000);
      times[name].processor.push((childrenMs() - before) / 1000);
      const given = answered.parse(JSON.parse(readFileSync(answer, 'utf8'))).rows;
      rows.push(
        Object.keys(given)
          .sort()
          .map((key) => given[key] ?? ''),
      );
    }
    const [own = [], other = []] = rows;
    const equal = own.filter((text, index) => text === other[index]).length;
    console.log(`  round ${String(round + 1)}: ${String(equal)} of ${String(own.length)} texts the same`);
  }
  rmSync(work, { recursive: true });
  for (const kind of ['wall', 'processor'] as const)
    console.log(
      `generation, 9 candidates x ${String(prompts.length)} items: ${kind} time, ours ` +
        `${median(times.ours[kind]).toFixed(1)} s, generate in bfloat16 ${median(times.theirs[kind]).toFixed(1)} s, ` +
        `ratio ${ratios(times.theirs[kind], times.ours[kind])}`,
    );
};

const parts: Readonly<Record<string, () => Promise<void>>> = {
  sweep: async () =>
    compareSweeps({
      ...FREQUENCY_IN_FULL,
      ...shared,
      title: `sweep, 1 GB, 5 factors x 2 tasks x ${items ?? '40'} items`,
      model: await readableOneGigabyteCheckpoint(),
      tasks: twoTasks,
      limit: Number(items ?? 40),
    }),
  search: async () =>
    compareSweeps({
      ...shared,
      title: `search, 1 GB, 6 factors x 2 methods x 2 tasks x ${items ?? 'all'} items`,
      model: await widenedCheckpoint(),
      methods: ['frequency', 'reap'],
      kept: [14, 12, 10, 8, 4, 2],
      stopsEarly: true,
      tasks: twoTasks,
      limit: items === undefined ? null : Number(items),
    }),
  'few-shot': () =>
    fewShot(async (task, model) =>
      compareSweeps({
        ...FREQUENCY_IN_FULL,
        ...shared,
        title: `5-shot, 1 GB, 5 factors x ${items ?? '40'} items`,
        model,
        tasks: [task],
        limit: Number(items ?? 40),
      }),
    ),
  generation,
  worker,
  write: () => write(outFile ?? ''),
};
const chosen = parts[part];
if (chosen === undefined) throw new Error(`PART is one of ${Object.keys(parts).join(', ')}`);
await chosen();
