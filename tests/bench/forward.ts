/**
 * Forward tokens per second compared with transformers, in float32 and in its fastest dtype, one thread each.
 *
 * Method: one process of the workbench and one of Python have the same checkpoint and the same token ids (of equal
 * length, so that neither pads). Python has the model in float32 and in bfloat16, each with its fastest implementation
 * of experts; the workbench computes in float32. They alternate, ROUNDS times after one warm-up round, each with as
 * many passes as take about a second, as in a sweep. Prints the medians, the ratio of each pair, and how far bfloat16
 * changes the logits. All compute the logits of every position. "Of one product": the workbench's arithmetic rate over
 * the whole pass, relative to that of onnxruntime multiplying two matrices of 2048 x 2048 in the same rounds. The
 * processor is printed first, since matrix units for bfloat16 speed up PyTorch.
 * Usage: npx node tests/bench/forward.ts [rounds, default 9] [bundled | large | fine, default all]
 */
import { openCheckpoint, type Checkpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { openModelRunner } from '../open-model-runner.ts';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openProduct } from './large-product.ts';
import { startPython } from './python-environment.ts';
import { bundledModel, fineGrainedCheckpoint, oneGigabyteCheckpoint } from './shapes.ts';
import { median, ratios } from './statistics.ts';

const [, , rounds = '9', which = 'all'] = process.argv;
if (!['bundled', 'large', 'fine', 'all'].includes(which)) throw new Error('the model is bundled, large, fine or all');
const ROUNDS = Number(rounds);
const DTYPES = ['float32', 'bfloat16'] as const;
type Dtype = (typeof DTYPES)[number];
/** The first line of forward.py. */
const theirModel = z.object({
  implementations: z.record(z.enum(DTYPES), z.string()),
  largest: z.number(),
  flipped: z.number(),
});
const control = { signal: new AbortController().signal };

/**
 * Multiplications and additions of one pass: projections, routers, chosen experts, attention scores and mixing, logits.
 */
const operations = ({ descriptor }: Checkpoint, sequences: number, length: number): number => {
  const { hidden, vocabulary, blocks } = descriptor;
  const first = blocks[0]?.attention;
  if (first?.kind !== 'grouped') throw new Error('a model with grouped attention is measured');
  const { heads, keyValueHeads, headDimension } = first;
  const attention =
    2 * hidden * heads * headDimension +
    2 * hidden * keyValueHeads * headDimension +
    2 * length * heads * headDimension;
  const experts = blocks.map(({ moe }) =>
    moe === null ? 0 : hidden * moe.experts + 3 * moe.topK * hidden * moe.width,
  );
  const perToken = blocks.length * attention + experts.reduce((sum, each) => sum + each, 0) + hidden * vocabulary;
  return 2 * sequences * length * perToken;
};

const compare = async (
  name: string,
  folder: string,
  sequences: number,
  length: number,
  passes: number,
): Promise<void> => {
  const checkpoint = await openCheckpoint(folder);
  const runner = await openModelRunner(checkpoint, {
    threads: 1,
    memoryBudgetBytes: Infinity,
    overlayFolder: path.join(os.tmpdir(), 'uncurl-bench-overlays'),
  });
  const tokens = Array.from({ length: sequences }, (_, row) =>
    Array.from({ length }, (__, column) => (row * 31 + column * 7) % checkpoint.descriptor.vocabulary),
  );
  const python = await startPython('forward.py', [folder, '1', String(sequences), String(length)]);
  const { implementations, largest, flipped } = theirModel.parse(JSON.parse(await python.nextLine()));
  const product = await openProduct();
  const [ours, products]: [number[], number[]] = [[], []];
  const theirs: Record<Dtype, number[]> = { float32: [], bfloat16: [] };
  for (let round = 0; round <= ROUNDS; round += 1) {
    const start = performance.now();
    for (let pass = 0; pass < passes; pass += 1) await runner.forward(tokens, null, control);
    const seconds = (performance.now() - start) / 1000;
    if (round > 0) ours.push(seconds);
    for (const dtype of DTYPES) {
      const other = Number((await python.ask(`${dtype} ${String(passes)}`)).split(' ')[0]);
      if (round > 0) theirs[dtype].push(other);
    }
    const rate = await product.rate();
    if (round > 0) products.push(rate);
  }
  python.end();
  await runner.dispose();
  await product.dispose();
  const rate = (list: readonly number[]): string =>
    `${((passes * sequences * length) / median(list)).toFixed(0)} tokens/s`;
  const own = ours.map((seconds) => (passes * operations(checkpoint, sequences, length)) / seconds);
  console.log(
    `${name}: ours ${rate(ours)}; ${(median(own) / 1e9).toFixed(0)} GFLOP/s, of one product ${ratios(own, products)}`,
  );
  for (const dtype of DTYPES)
    console.log(
      `  transformers in ${dtype} (${implementations[dtype]}) ${rate(theirs[dtype])}, ` +
        `ratio ${ratios(theirs[dtype], ours)}`,
    );
  console.log(
    `  bfloat16 changes logits by ${(100 * largest).toFixed(1)} % of the largest at most, and the most likely token ` +
      `at ${(100 * flipped).toFixed(1)} % of positions`,
  );
};

console.log(`Processor: ${os.cpus()[0]?.model ?? 'unknown'}`);
const wants = (model: string): boolean => which === 'all' || which === model;
if (wants('bundled')) await compare('bundled model, 64 sequences of 32', bundledModel, 64, 32, 25);
if (wants('large'))
  await compare('synthetic model of 1 GB, 2 sequences of 512', await oneGigabyteCheckpoint(), 2, 512, 1);
if (wants('fine'))
  await compare(
    'fine-grained model of 1 GB (64 experts, top-8), 2 sequences of 512',
    await fineGrainedCheckpoint(),
    2,
    512,
    1,
  );
