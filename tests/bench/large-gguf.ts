import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, open, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { numberToHalf } from '../../main/checkpoint/half-precision.ts';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { withAllocation } from '../../main/contract/allocation.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { exportedTensors } from '../../main/export/exported-tensors.ts';
import { GGUF_FILE, planGguf } from '../../main/export/gguf/gguf-file.ts';
import { wholePlan } from '../../main/export/rounded-folder.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { exportSettingsIn, openModelRunner } from '../open-model-runner.ts';
import { emptyLargeCheckpoint, largeCharacter } from './large-checkpoint.ts';

/**
 * An 8-bit GGUF file of OLMoE-1B-7B's shape (7.4 GB, random weights) is profiled on 100 items, and exported at half of
 * its experts as stored. Goals: less memory than the file's size, and the file written in the time of copying the
 * source twice (its verification, which runs both models, is part of the seconds shown).
 *
 * Method: each step is a process with one thread (the profile: two), with the allocator's settings of processes that we
 * start, and with the memory that is predicted for one block at a time as its budget; the system reports its peak
 * resident memory (maxRSS), mapped pages of the file included. The copy is by the file system's own call. Needs 20 GB
 * of disk in the temporary folder, and leaves nothing.
 * Usage: npx node tests/bench/large-gguf.ts [copied | exported | profiled]
 */

const ITEMS = 100;
/** Bytes of half of an expert's matrix in Q8_0. */
const MOST_STRETCH = 34 * 2 ** 15;
const measurement = z.object({ seconds: z.number(), peakBytes: z.number(), needBytes: z.number(), done: z.string() });
type Measurement = z.infer<typeof measurement>;

/** Random blocks of Q8_0 for matrices, ones for norms, small random numbers for routers. */
const writeRandom = async (work: string): Promise<string> => {
  const folder = path.join(work, 'layout');
  await emptyLargeCheckpoint(folder);
  const source = await openCheckpoint(folder);
  const plan = wholePlan(source);
  const { overlays } = exportSettingsIn(path.join(work, 'overlays'));
  const tensors = await exportedTensors(source, plan, overlays);
  const layout = await planGguf(source, plan, tensors, 'q8_0');
  const random = seededRandom(1);
  const BLOCK = 34;
  const blocks = 2 ** 20;
  const pool = Buffer.alloc(BLOCK * blocks, 0);
  for (let at = 0; at < pool.length; at += 4) pool.writeUInt32LE(Math.floor(random.float() * 2 ** 32), at);
  for (let at = 0; at < pool.length; at += BLOCK) pool.writeUInt16LE(numberToHalf(2048 ** -0.5 / 64), at);
  const file = path.join(work, GGUF_FILE);
  const handle = await open(file, 'wx');
  await handle.write(layout.header, 0, layout.header.length, 0);
  for (const { name, type, byteOffset, byteLength, shape } of layout.infos) {
    if (type === 'q8_0')
      // Each stretch begins elsewhere: onnxruntime keeps equal matrices once, and would need less memory.
      for (let done = 0; done < byteLength;) {
        const from = BLOCK * random.integer(blocks);
        const length = Math.min(pool.length - from, byteLength - done, MOST_STRETCH);
        await handle.write(pool, from, length, byteOffset + done);
        done += length;
      }
    else {
      const count = shape.reduce((product, each) => product * each, 1);
      const values = Float32Array.from({ length: count }, () =>
        name.includes('norm') ? 1 : (random.float() - 0.5) / Math.sqrt(512),
      );
      await handle.write(new Uint8Array(values.buffer), 0, byteLength, byteOffset);
    }
  }
  await handle.close();
  await rm(folder, { recursive: true });
  return file;
};

const text = (length: number, seed: number): string =>
  Array.from({ length }, (_, position) => largeCharacter(1 + ((97 * seed + 13 * position) % 50_000))).join('');

const profiled = async (file: string, work: string): Promise<string> => {
  const items = Array.from({ length: ITEMS }, (_, index) => ({
    kind: 'choice' as const,
    id: String(index),
    context: text(14, index),
    choices: [text(1, 7 * index + 1), text(1, 11 * index + 2)],
    answer: index % 2,
  }));
  const checkpoint = await openCheckpoint(file);
  const settings = {
    threads: 2,
    memoryBudgetBytes: checkpoint.info.memory.streaming,
    overlayFolder: path.join(work, 'overlays'),
  };
  const runner = await openModelRunner(checkpoint, settings);
  const { items: count, tokens } = await runner.profile(items, { signal: new AbortController().signal });
  await runner.dispose();
  return `${String(count)} items, ${String(tokens)} tokens`;
};

const exported = async (file: string, work: string): Promise<string> => {
  const checkpoint = await openCheckpoint(file);
  let written = 0;
  const start = performance.now();
  const { sizeBytes, verification } = await exportPlan({
    checkpoint,
    plan: { kept: checkpoint.descriptor.moeLayers.map(() => Array.from({ length: 32 }, (_, expert) => 2 * expert)) },
    destination: path.join(work, 'exported'),
    settings: exportSettingsIn(path.join(work, 'overlays'), checkpoint.info.memory.streaming),
    format: 'gguf',
    control: {
      signal: new AbortController().signal,
      onProgress: (done) => {
        if (done <= 3.8e9) written = performance.now() - start;
      },
    },
  });
  return (
    `${(sizeBytes / 1e9).toFixed(2)} GB written after ${(written / 1000).toFixed(0)} s, verified: ` +
    String(verification.ok)
  );
};

const copied = async (file: string, work: string): Promise<string> => {
  await copyFile(file, path.join(work, 'copy'));
  await rm(path.join(work, 'copy'));
  return 'a copy';
};

const steps = { copied, profiled, exported };
const isStep = (kind: string): kind is keyof typeof steps => Object.hasOwn(steps, kind);

const measure = (kind: keyof typeof steps, file: string, work: string): Measurement => {
  const { status, stdout } = spawnSync(process.execPath, [import.meta.filename, kind, file, work], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: withAllocation(process.env),
  });
  if (status !== 0) throw new Error(`${kind} ended with ${String(status)}`);
  return measurement.parse(JSON.parse(stdout));
};

const [, , kind, file = '', childWork] = process.argv;
if (kind !== undefined && !isStep(kind)) throw new Error(`a step is one of ${Object.keys(steps).join(', ')}`);
if (childWork === undefined) {
  const work = await mkdtemp(path.join(os.tmpdir(), 'uncurl-bench-gguf-'));
  try {
    const source = await writeRandom(work);
    const { info } = await openCheckpoint(source);
    console.log(`file ${(info.sizeBytes / 1e9).toFixed(2)} GB, ${info.dtype}`);
    for (const step of kind === undefined ? (['copied', 'exported', 'profiled'] as const) : [kind]) {
      const { seconds, peakBytes, needBytes, done } = measure(step, source, work);
      console.log(
        `${step}: ${done}; ${seconds.toFixed(0)} s, peak ${(peakBytes / 1e9).toFixed(2)} GB resident, ` +
          `${(peakBytes / info.sizeBytes).toFixed(2)} of the file; predicted ${(needBytes / 1e9).toFixed(2)} GB`,
      );
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
} else if (kind !== undefined) {
  const start = performance.now();
  const done = await steps[kind](file, childWork);
  const seconds = (performance.now() - start) / 1000;
  const { info } = await openCheckpoint(file);
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ seconds, peakBytes, needBytes: info.memory.streaming, done }));
}
