/**
 * Processor time of a forward pass of every family, relative to transformers.
 *
 * Method: the released config of each family (tests/fixtures/published), with FACTOR times the widths of the fixture
 * (hidden states of some 1,024 numbers), and random weights of transformers' own initialisation, which it saves. One
 * process of the workbench and one of Python have that folder and the same SEQUENCES x LENGTH tokens, one thread each.
 * Python has it in float32 and in bfloat16, each with its faster implementation of experts; the workbench computes in
 * float32. They alternate ROUNDS times after one warm-up round, each with as many passes as take half a second or more.
 * Both compute the logits of every position. Time is that of the processor, in all threads of the process. Written to
 * `families.jsonl`, one line a family: the median of the rounds' ratios, ours / theirs (below 1 is faster here), and
 * their range; or why the family is not measured.
 * Usage: npx node tests/bench/families.ts [NAME ...]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { publishedConfigText, publishedFixture, publishedFolder } from '../reference/published-fixture.ts';
import { jsonLines } from '../structure/project-files.ts';
import { measuredFamily, type MeasuredFamily, type Ratio } from '../structure/proven-families.ts';
import { pythonScript, startPython } from './python-environment.ts';
import { median } from './statistics.ts';

const FACTOR = 32;
const ROUNDS = 3;
const [SEQUENCES, LENGTH] = [2, 256];
const LEAST_SECONDS = 0.5;
const DTYPES = ['float32', 'bfloat16'] as const;
const record = path.join(import.meta.dirname, 'families.jsonl');

const control = { signal: new AbortController().signal };
const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/** Seconds of processor time that work takes in this process. */
const processorSeconds = async (work: () => Promise<unknown>): Promise<number> => {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
};

const summary = (ours: readonly number[], theirs: readonly number[]): Ratio => {
  const all = ours.map((seconds, round) => seconds / (theirs[round] ?? Number.NaN));
  return { median: rounded(median(all)), least: rounded(Math.min(...all)), most: rounded(Math.max(...all)) };
};

const measure = async (family: string): Promise<MeasuredFamily> => {
  if (publishedFixture(family).referee !== 'transformers') return { family, why: 'transformers has no class for it' };
  const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-family-'));
  try {
    const source = path.join(folder, 'source.json');
    writeFileSync(source, publishedConfigText(family));
    const [python = '', script = ''] = pythonScript('widened.py');
    const made = spawnSync(python, [script, source, folder, String(FACTOR)], { encoding: 'utf8' });
    if (made.status !== 0) return { family, why: made.stderr.trim().split('\n').at(-1) ?? 'no reason' };
    rmSync(source);
    return await compare(family, folder);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { family, why: error.message.replaceAll(`${folder}/`, '') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const compare = async (family: string, folder: string): Promise<MeasuredFamily> => {
  const checkpoint = await openCheckpoint(folder);
  const overlayFolder = path.join(os.tmpdir(), 'uncurl-bench-overlays');
  const runner = await openModelRunner(checkpoint, { threads: 1, memoryBudgetBytes: Infinity, overlayFolder });
  const tokens = Array.from({ length: SEQUENCES }, (_, row) =>
    Array.from({ length: LENGTH }, (__, column) => (row * 31 + column * 7) % checkpoint.descriptor.vocabulary),
  );
  const python = await startPython('forward.py', [folder, '1', String(SEQUENCES), String(LENGTH)]);
  try {
    await python.nextLine();
    const run = (passes: number) => async (): Promise<void> => {
      for (let pass = 0; pass < passes; pass += 1) await runner.forward(tokens, null, control);
    };
    await run(1)();
    const passes = Math.max(1, Math.ceil(LEAST_SECONDS / (await processorSeconds(run(1)))));
    const ours: number[] = [];
    const theirs: Record<(typeof DTYPES)[number], number[]> = { float32: [], bfloat16: [] };
    for (let round = 0; round <= ROUNDS; round += 1) {
      const own = await processorSeconds(run(passes));
      if (round > 0) ours.push(own);
      for (const dtype of DTYPES) {
        const [, seconds] = (await python.ask(`${dtype} ${String(passes)}`)).split(' ').map(Number);
        if (round > 0) theirs[dtype].push(seconds ?? Number.NaN);
      }
    }
    const { total: parameters } = checkpoint.info.parameters;
    return { family, parameters, float32: summary(ours, theirs.float32), bfloat16: summary(ours, theirs.bfloat16) };
  } finally {
    python.end();
    await runner.dispose();
  }
};

const known = new Map(jsonLines(record, measuredFamily).map((each) => [each.family, each]));
const all = readdirSync(publishedFolder).map((file) => path.basename(file, '.json'));
const asked = process.argv.slice(2);
console.log(`Processor: ${os.cpus()[0]?.model ?? 'unknown'}`);
for (const family of asked.length === 0 ? all : asked) {
  const result = await measure(family);
  known.set(family, result);
  console.log(JSON.stringify(result));
  writeFileSync(record, [...known.values()].map((each) => `${JSON.stringify(each)}\n`).join(''));
}
