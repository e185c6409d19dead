/**
 * A model block by block in PyTorch on the processor, compared with the same model as a whole: processor time and
 * memory of the process, and that the scores are the same bit for bit. Goal: at most 1.3 times the processor time.
 *
 * Method: a Mixtral of 24 blocks with random weights in bfloat16 (0.24 B parameters, 1 GB in float32), SEQUENCES (32)
 * sequences of 256 tokens in batches of 2,048, one thread. Both ways in turns, each in a process of its own. Memory is
 * the most anonymous memory (RssAnon) beyond that of the process before it loads the model, looked at every 20 ms.
 * Usage: npx node tests/bench/torch-streaming.ts [rounds, default 1] [sequences]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { torchVerdict } from '../../main/contract/model.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { openTorchModel } from '../../main/torch/open-torch-model.ts';
import { TorchWorkers } from '../../main/torch/torch-model.ts';
import { overlaysIn } from '../open-model-runner.ts';
import { pythonEnvironment } from './python-environment.ts';
import { median } from './statistics.ts';
import { writeSyntheticCheckpoint } from './synthetic-checkpoint.ts';

const [, , rounds = '1', sequences = '32'] = process.argv;
const script = path.join(import.meta.dirname, '..', '..', 'resources', 'torch', 'worker.py');
const shape = { hidden: 512, layers: 24, heads: 8, keyValueHeads: 1, experts: 12, topK: 2, width: 512 };
const vocabulary = 1000;
const LENGTH = 256;
const TICKS_PER_SECOND = 100;
const control = { signal: new AbortController().signal };

/** The PyTorch process that this one started last. */
const workerId = (): string =>
  execFileSync('pgrep', ['-n', '-P', String(process.pid), '-f', 'worker.py'], { encoding: 'utf8' }).trim();

/** User and system time of a process in seconds. */
const secondsOf = (id: string): number => {
  const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
};

const anonymousBytes = (id: string): number =>
  1024 * Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1]);

const random = seededRandom(1);
const requests = Array.from({ length: Number(sequences) }, (_, index) => {
  const tokens = Array.from({ length: LENGTH }, () => random.integer(vocabulary));
  return { id: String(index), contextTokens: tokens.slice(0, -1), continuationTokens: tokens.slice(-1) };
});

const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-streaming-'));
try {
  await writeSyntheticCheckpoint(folder, { ...shape, vocabulary, maxPositions: 512, dtype: 'BF16' }, 7);
  const checkpoint = await openCheckpoint(folder);
  const place = { precision: 'float32', isOnProcessor: true };
  const whole = torchVerdict(checkpoint.info, place, Infinity).needBytes;
  const measured = async (budgetBytes: number) => {
    const workers = new TorchWorkers(
      { python: pythonEnvironment(), script, device: 'cpu', threads: 1 },
      { keepsOne: false },
    );
    const settings = { threads: 1, memoryBudgetBytes: budgetBytes, scratchFolder: folder };
    const model = await openTorchModel(checkpoint, settings, workers, 'float32');
    const id = workerId();
    const [before, start] = [anonymousBytes(id), secondsOf(id)];
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, anonymousBytes(id))), 20);
    const scores = await model.runner(overlaysIn(folder)).score(requests, null, control);
    clearInterval(watch);
    const seconds = secondsOf(id) - start;
    await model.dispose();
    await workers.dispose();
    return { seconds, megabytes: (most - before) / 1e6, text: JSON.stringify(scores) };
  };
  const streamed = torchVerdict(checkpoint.info, place, whole - 1);
  if (streamed.kind !== 'streamed') throw new Error('the model is not streamed within less than it takes as a whole');
  const fifth = (4 * checkpoint.info.parameters.total) / 5;
  const ways = {
    whole: [whole],
    streamed: [streamed.needBytes + 3 * (checkpoint.info.memory.torch.pass?.float32 ?? 0)],
  };
  const seen: Record<string, { seconds: number; megabytes: number; text: string }[]> = { whole: [], streamed: [] };
  for (let round = 0; round < Number(rounds); round += 1)
    for (const [name, [budget = 0]] of Object.entries(ways)) seen[name]?.push(await measured(budget));
  for (const [name, list] of Object.entries(seen))
    console.log(
      `${name}: budget ${((ways[name as 'whole'][0] ?? 0) / 1e6).toFixed(0)} MB, ` +
        `${median(list.map(({ seconds }) => seconds)).toFixed(1)} s of processor time, ` +
        `${median(list.map(({ megabytes }) => megabytes)).toFixed(0)} MB more memory`,
    );
  console.log(`a fifth of the weights: ${(fifth / 1e6).toFixed(0)} MB`);
  const texts = new Set(Object.values(seen).flatMap((list) => list.map(({ text }) => text)));
  console.log(texts.size === 1 ? 'the scores are the same bit for bit' : 'the scores DIFFER');
} finally {
  rmSync(folder, { recursive: true });
}
