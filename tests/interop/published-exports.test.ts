/**
 * Pruned exports of released configs (tests/fixtures/published) of families without a reference checkpoint, loaded by
 * transformers and, as ONNX, by Python's onnxruntime: the logits of the masked original.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import {
  exportedNames,
  publishedConfigText,
  publishedFixture,
  threeOfFour,
  writePublishedIn,
} from '../reference/published-fixture.ts';
import { runPython } from './run-python.ts';

/** Largest difference of logits, relative to the largest logit. */
const RELATIVE_TOLERANCE = 1e-4;

const report = z.object({ name: z.string(), error: z.string().nullable() });
const loaderReport = report.extend({
  missing: z.array(z.string()),
  unexpected: z.array(z.string()),
  mismatched: z.array(z.string()),
});

/** Fixtures have the text model alone. */
const isOfImages = (name: string): boolean => /vision|visual|audio|projector|resampler/.test(name);

/** Decays of MiniMax's lightning attention, which transformers computes from the config where a folder lacks them. */
const isComputed = (name: string): boolean => /\.self_attn\.(?:slope_rate|(?:query|key|diagonal)_decay)$/.test(name);

const names = exportedNames.filter((name) => publishedFixture(name).referee === 'transformers');
const logits = new Map<string, Float32Array>();
let work = '';
let loaders: readonly z.infer<typeof loaderReport>[] = [];
let graphs: readonly z.infer<typeof report>[] = [];

beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-published-'));
  for (const folder of ['whole', 'pruned', 'saved', 'overlay', 'loaded', 'graph']) await mkdir(path.join(work, folder));
  const settings = exportSettingsIn(path.join(work, 'overlay'));
  const control = { signal: new AbortController().signal };
  for (const name of names) {
    const folder = path.join(work, 'whole', name);
    await mkdir(folder);
    await writePublishedIn(folder, publishedFixture(name));
    // transformers refuses the whole numbers that JavaScript writes for some of them.
    await writeFile(path.join(folder, 'config.json'), publishedConfigText(name));
    const checkpoint = await openCheckpoint(folder);
    const plan = threeOfFour(checkpoint);
    const runner = await settings.openRunner(checkpoint, {});
    const [masked] = await runner.forward([publishedFixture(name).tokens], plan, control);
    await runner.dispose();
    logits.set(name, masked?.logits ?? new Float32Array());
    const destination = path.join(work, 'pruned', name);
    await exportPlan({ checkpoint, plan, destination, format: 'hf,onnx', settings, control });
  }
  const jobs = (output: string): readonly unknown[] =>
    names.map((name) => ({
      name,
      tokens: [publishedFixture(name).tokens],
      folder: path.join(work, 'pruned', name),
      saved: path.join(work, 'saved', name),
      output: path.join(work, output, name),
    }));
  loaders = await runPython('transformers_logits.py', jobs('loaded'), loaderReport);
  graphs = await runPython('onnxruntime_logits.py', jobs('graph'), report);
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** Compares logits in a file with those of the masked original. */
const expectEqual = async (name: string, from: string, tensor: string): Promise<void> => {
  const ours = logits.get(name) ?? expect.fail(`no ${name}`);
  const { tensors } = await readSafetensorsHeader(path.join(work, from, name));
  const theirs = await readTensor(tensors.get(tensor) ?? expect.fail(`${from} of ${name} lacks ${tensor}`));
  expect(theirs).toHaveLength(ours.length);
  const largest = ours.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = ours.reduce((most, value, at) => Math.max(most, Math.abs(value - (theirs[at] ?? NaN))), 0);
  expect(difference / largest, tensor).toBeLessThanOrEqual(RELATIVE_TOLERANCE);
};

test.each(names)('a pruned export of %s is read by transformers', async (name) => {
  const { error, missing, mismatched, unexpected } =
    loaders.find((each) => each.name === name) ?? expect.fail(`no report on ${name}`);
  expect(error).toBeNull();
  const lacking = missing.filter((each) => !isOfImages(each) && !isComputed(each));
  expect([...lacking, ...mismatched, ...unexpected]).toEqual([]);
  await expectEqual(name, 'loaded', 'loaded.0');
});

test.each(names)('a pruned export of %s as ONNX is read by onnxruntime', async (name) => {
  expect(graphs.find((each) => each.name === name)?.error).toBeNull();
  for (const tensor of ['alone.0', 'left.0']) await expectEqual(name, 'graph', tensor);
});
