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
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { WorkbenchError } from '../../main/contract/errors.ts';
import { exportedConfig } from '../../main/export/export-config.ts';
import { exportedTensors } from '../../main/export/exported-tensors.ts';
import { planGguf, writeGguf } from '../../main/export/gguf/gguf-file.ts';
import { addCharacters } from '../main/export/gguf/llama-models.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import {
  publishedFixture,
  publishedFolder,
  sentenceOf,
  type Variant,
  writePublished,
} from '../reference/published-fixture.ts';
import { deviation, maskedLogits } from './log-probabilities.ts';

/**
 * Bound on the difference of log-probabilities of all tokens at all positions, with float32 weights. Norms of delta
 * nets have a floor there in place of an addend, which moves those of short keys by a thousandth.
 */
const TOLERANCE = 2e-3;
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
    const file = await planGguf(checkpoint, await exportedConfig(checkpoint, plan), tensors, 'f32');
    await writeGguf(file, destination, () => undefined);
    const job = path.join(destination, 'job.json');
    const written = path.join(destination, 'model.gguf');
    await writeFile(job, JSON.stringify([{ file: written, tokens: [fixture.tokens], texts: [] }]));
    const read = await promisify(execFile)(process.execPath, [reader, job], { maxBuffer: 2 ** 26 }).catch(
      (error: unknown) => String(error).slice(-300),
    );
    if (typeof read === 'string') return `${what}: llama.cpp cannot open it: ${read}`;
    const [found] = report.parse(JSON.parse(read.stdout));
    const ours = await maskedLogits(checkpoint, plan, [fixture.tokens], path.join(work, 'overlay'));
    const largest = deviation(ours, found?.logProbabilities ?? []);
    return largest <= (name === 'gemma4' ? TABLE_BOUND : TOLERANCE) ? null : `${what}: off by ${largest.toFixed(5)}`;
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
