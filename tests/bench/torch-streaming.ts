/**
 * A model block by block in PyTorch on the processor, within a fifth of the bytes of its weights for everything, beside
 * the same model as a whole: memory, processor time, and whether the scores are the same bit for bit. Goals: memory
 * within the verdict and within the fifth, at most 1.3 times the processor time.
 *
 * Method: a Mixtral of LAYERS blocks (8 experts of 3.1 million weights each, one per token) with random weights:
 * - float32: weights in bfloat16, computed in float32 (72 blocks: 1.98 billion parameters, 7.9 GB);
 * - bfloat16: the same, computed in bfloat16 (144 blocks: 7.9 GB);
 * - int4: experts in four bits with a scale for each 128 (compressed-tensors), computed in bfloat16 (144 blocks).
 * SEQUENCES (16) sequences of 256 tokens are scored in batches of 2,048. Each way is a process of its own with one
 * thread for PyTorch, which it starts as the workbench does. Processor time is that of both processes from before the
 * model is loaded. Memory is the resident sets of both processes together (/proc/PID/status, every 10 ms), all of their
 * pages: also mapped ones of files and libraries, twice if both map them. Files were written just before, so most reads
 * come from the system's cache.
 * Usage: npx node tests/bench/torch-streaming.ts [form, default float32] [rounds, default 1] [sequences] [layers]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { withAllocation } from '../../main/contract/allocation.ts';
import { torchVerdict } from '../../main/contract/model.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { openTorchModel } from '../../main/torch/open-torch-model.ts';
import { TorchWorkers } from '../../main/torch/torch-model.ts';
import { overlaysIn } from '../open-model-runner.ts';
import { runningMs } from './processor-time.ts';
import { pythonEnvironment } from './python-environment.ts';
import { median, ratios } from './statistics.ts';
import { writeSyntheticCheckpoint } from './synthetic-checkpoint.ts';

const FORMS = {
  float32: { precision: 'float32', layers: 72 },
  bfloat16: { precision: 'bfloat16', layers: 144 },
  int4: { precision: 'bfloat16', layers: 144 },
} as const;
const isForm = (text: string): text is keyof typeof FORMS => Object.hasOwn(FORMS, text);

const [, , form = 'float32', rounds = '1', sequences = '16', layers, step = 'all', work = '', budget = ''] =
  process.argv;
if (!isForm(form)) throw new Error(`the form is one of ${Object.keys(FORMS).join(', ')}`);
const { precision } = FORMS[form];
const script = path.join(import.meta.dirname, '..', '..', 'resources', 'torch', 'worker.py');
const shape = {
  hidden: 1024,
  layers: Number(layers ?? FORMS[form].layers),
  heads: 16,
  keyValueHeads: 1,
  experts: 8,
  topK: 1,
  width: 1024,
  vocabulary: 1000,
  maxPositions: 512,
  dtype: 'BF16',
} as const;
const LENGTH = 256;
const control = { signal: new AbortController().signal };
const measurement = z.object({
  seconds: z.number(),
  bytes: z.number(),
  anonymousBytes: z.number(),
  scores: z.string(),
});
type Measurement = z.infer<typeof measurement>;

const write = (folder: string): Promise<void> =>
  writeSyntheticCheckpoint(folder, shape, 7, { isLarge: true, isInt4: form === 'int4' });

/** Bytes of a kind that two processes have in memory. */
const residentBytes = (ids: readonly string[], kind: 'VmRSS' | 'RssAnon'): number =>
  ids.reduce((sum, id) => {
    const found = new RegExp(`${kind}:\\s+(\\d+)`).exec(readFileSync(`/proc/${id}/status`, 'utf8'));
    return sum + 1024 * Number(found?.[1]);
  }, 0);

const measure = async (folder: string, budgetBytes: number): Promise<Measurement> => {
  const random = seededRandom(1);
  const requests = Array.from({ length: Number(sequences) }, (_, index) => {
    const tokens = Array.from({ length: LENGTH }, () => random.integer(shape.vocabulary));
    return { id: String(index), contextTokens: tokens.slice(0, -1), continuationTokens: tokens.slice(-1) };
  });
  const checkpoint = await openCheckpoint(folder);
  const order = { python: pythonEnvironment(), script, device: 'cpu', threads: 1 };
  const workers = new TorchWorkers(order, { keepsOne: false });
  const settings = { threads: 1, memoryBudgetBytes: budgetBytes, scratchFolder: folder };
  const model = await openTorchModel(checkpoint, settings, workers, precision);
  const worker = execFileSync('pgrep', ['-n', '-P', String(process.pid), '-f', 'worker.py'], { encoding: 'utf8' });
  const ids = [String(process.pid), worker.trim()];
  const start = runningMs('/torch/worker.py\0cpu');
  const most = { bytes: 0, anonymousBytes: 0 };
  const watch = setInterval(() => {
    most.bytes = Math.max(most.bytes, residentBytes(ids, 'VmRSS'));
    most.anonymousBytes = Math.max(most.anonymousBytes, residentBytes(ids, 'RssAnon'));
  }, 10);
  const scores = await model.runner(overlaysIn(folder)).score(requests, null, control);
  clearInterval(watch);
  const seconds = (runningMs('/torch/worker.py\0cpu') - start) / 1000;
  await model.dispose();
  await workers.dispose();
  return { seconds, ...most, scores: createHash('sha256').update(JSON.stringify(scores)).digest('hex') };
};

const inProcess = (name: 'write' | 'measure', folder: string, budgetBytes = 0): string => {
  const parameters = [form, rounds, sequences, String(shape.layers), name, folder, String(budgetBytes)];
  const { status, stdout } = spawnSync(process.execPath, [import.meta.filename, ...parameters], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: withAllocation(process.env),
  });
  if (status !== 0) throw new Error(`${name} ended with ${String(status)}`);
  return stdout;
};

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;

const all = async (): Promise<void> => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-streaming-'));
  try {
    inProcess('write', folder);
    const { info } = await openCheckpoint(folder);
    const place = { precision, isOnProcessor: true };
    const weights = info.parameters.total * (precision === 'float32' ? 4 : 2);
    const budgets = { whole: 1e12, streamed: weights / 5 };
    const seen: Record<keyof typeof budgets, Measurement[]> = { whole: [], streamed: [] };
    for (let round = 0; round < Number(rounds); round += 1)
      for (const way of ['streamed', 'whole'] as const)
        seen[way].push(measurement.parse(JSON.parse(inProcess('measure', folder, budgets[way]))));
    console.log(`${form}, ${String(shape.layers)} blocks: weights ${gigabytes(weights)} in ${precision}`);
    for (const way of ['whole', 'streamed'] as const) {
      const { kind, needBytes, passes } = torchVerdict(info, place, budgets[way]);
      const mostOf = (part: 'bytes' | 'anonymousBytes'): string =>
        gigabytes(Math.max(...seen[way].map((each) => each[part])));
      console.log(
        `  ${kind}: budget ${gigabytes(budgets[way])}, needs ${gigabytes(needBytes)} (${String(passes)} passes); ` +
          `took ${mostOf('bytes')}, ${mostOf('anonymousBytes')} of it anonymous, ` +
          `${median(seen[way].map(({ seconds }) => seconds)).toFixed(1)} s of processor time`,
      );
    }
    const times = (way: keyof typeof budgets): number[] => seen[way].map(({ seconds }) => seconds);
    console.log(`  processor time, streamed / whole: ${ratios(times('streamed'), times('whole'))}`);
    const texts = new Set(Object.values(seen).flatMap((list) => list.map(({ scores }) => scores)));
    console.log(texts.size === 1 ? '  the scores are the same bit for bit' : '  the scores DIFFER');
  } finally {
    rmSync(folder, { recursive: true });
  }
};

if (step === 'write') await write(work);
else if (step === 'measure') console.log(JSON.stringify(await measure(work, Number(budget))));
else await all();
