/**
 * Released configs and their changed keys as GGUF files: what is written opens in llama.cpp and computes the same; all
 * else is refused before a byte is written.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { WorkbenchError } from '../../main/contract/errors.ts';
import { exportedTensors } from '../../main/export/exported-tensors.ts';
import { planGguf, writeGguf } from '../../main/export/gguf/gguf-file.ts';
import { changeableCopy, editTensors } from '../main/checkpoint/checkpoint-files.ts';
import { addCharacters } from '../main/export/gguf/llama-models.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import {
  publishedFixture,
  publishedFolder,
  sentenceOf,
  type Variant,
  writePublished,
} from '../reference/published-fixture.ts';
import { deviation, logProbabilities, maskedLogits } from './log-probabilities.ts';

/** Bound on the difference of log-probabilities of all tokens at all positions, with float32 weights. */
const TOLERANCE = 5e-4;
/**
 * The bound where a model amplifies rounding more, in moves of the position's log-probabilities when last bits of
 * weights change: the output of a delta net may nearly cancel before its norm. At such a position of qwen3_next
 * transformers differ from themselves in float64 by 1e-3, and the kernels of llama.cpp for AVX2 and AVX-512 by 1.7e-3.
 * Seen at most: 7.2 of these moves (step3p7, kernels for SSE 4.2).
 */
const MOVES = 16;
/** Gemma 4's GELU comes from a table in float16 there. */
const TABLE_BOUND = 5e-2;
const reader = fileURLToPath(new URL('llama-cpp-reader.mjs', import.meta.url));
const absent = process.env['UNCURL_LLAMA_CPP_ABSENT'];
const names = (await readdir(publishedFolder)).filter((name) => name.endsWith('.json')).sort();
const report = z.array(z.object({ logProbabilities: z.array(z.array(z.array(z.number()))) }));

let work = '';
beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-published-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** Largest |difference| of log-probabilities at each position. */
const apart = (left: readonly Float32Array[], right: readonly (readonly number[])[]): number[] => {
  expect(right.length).toBe(left.length);
  return left.map((row, at) => deviation([[row]], [[right[at] ?? []]]));
};

/** How far last bits of weights move the log-probabilities of each position: the most of some changes of them. */
const movesOf = async (
  folder: string,
  measure: (checkpoint: Checkpoint) => Promise<readonly Float32Array[]>,
  rows: readonly Float32Array[],
): Promise<number[]> => {
  const unmoved = rows.map(logProbabilities);
  let most = rows.map(() => 0);
  for (const salt of [1, 2, 3]) {
    const copy = await changeableCopy(folder);
    await editTensors(path.join(copy, 'model.safetensors'), (tensors) => {
      for (const { dtype, bytes } of tensors.values()) {
        if (dtype !== 'F32') continue;
        const bits = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
        bits.forEach((each, at) => (bits[at] = each ^ (Math.imul(at + salt, 0x9e3779b1 * salt) >>> 31)));
      }
    });
    const moves = apart(await measure(await openCheckpoint(copy)), unmoved);
    most = most.map((value, at) => Math.max(value, moves[at] ?? 0));
  }
  return most;
};

/** A sentence if llama.cpp computes otherwise or cannot open the file; null: the same, or refused. */
const problemOf = async (name: string, variant: Variant | undefined): Promise<string | null> => {
  const fixture = publishedFixture(name);
  const what = variant === undefined ? 'as released' : sentenceOf(variant);
  const folder = await writePublished(fixture, variant);
  const destination = await mkdtemp(path.join(work, 'file-'));
  try {
    await addCharacters(folder);
    const checkpoint = await openCheckpoint(folder);
    const plan = {
      kept: checkpoint.descriptor.moeLayers.map(({ moe }) => Array.from({ length: moe.experts }, (_, at) => at)),
    };
    const settings = exportSettingsIn(path.join(work, 'overlay'));
    const tensors = await exportedTensors(checkpoint, plan, settings.overlays);
    const file = await planGguf(checkpoint, plan, tensors, 'f32');
    await writeGguf(file, destination, () => undefined);
    const job = path.join(destination, 'job.json');
    const written = path.join(destination, 'model.gguf');
    await writeFile(job, JSON.stringify([{ file: written, tokens: [fixture.tokens], texts: [] }]));
    const read = await promisify(execFile)(process.execPath, [reader, job], { maxBuffer: 2 ** 26 }).catch(
      (error: unknown) => String(error).slice(-300),
    );
    if (typeof read === 'string') return `${what}: llama.cpp cannot open it: ${read}`;
    const [found] = report.parse(JSON.parse(read.stdout));
    const measure = async (each: Checkpoint): Promise<readonly Float32Array[]> => {
      const [rows = []] = await maskedLogits(each, plan, [fixture.tokens], path.join(work, 'overlay'));
      return rows;
    };
    const ours = await measure(checkpoint);
    const differences = apart(ours, found?.logProbabilities[0] ?? []);
    const bound = name === 'gemma4' ? TABLE_BOUND : TOLERANCE;
    if (differences.every((difference) => difference <= bound)) return null;
    const moves = await movesOf(folder, measure, ours);
    // Not "greater": a difference that is no number is wrong.
    const wrong = differences.filter((difference, at) => !(difference <= Math.max(bound, MOVES * (moves[at] ?? 0))));
    return wrong.length === 0 ? null : `${what}: off by ${Math.max(...wrong).toFixed(5)}`;
  } catch (error) {
    if (!(error instanceof WorkbenchError)) throw error;
    return null;
  } finally {
    await rm(destination, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  }
};

describe.each(names.map((name) => name.replace('.json', '')))('a file of %s', (name) => {
  it('opens in llama.cpp and computes the same, or is refused', async (context) => {
    if (absent !== undefined) context.skip(absent);
    await mkdir(path.join(work, 'overlay'), { recursive: true });
    const problems: string[] = [];
    for (const variant of [undefined, ...publishedFixture(name).variants]) {
      // What changes neither logits nor tensors gives the same file.
      if (variant?.end === 'same' || variant?.end === 'refused') continue;
      const problem = await problemOf(name, variant);
      if (problem !== null) problems.push(problem);
    }
    expect(problems).toEqual([]);
  });
});
