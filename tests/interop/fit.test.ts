/** What `uncurl fit` recommends, exported: of a GGUF file in llama.cpp, of a folder in transformers. */
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import { readTensor } from '../../main/checkpoint/read-tensor.ts';
import { dropPlan } from '../../main/contract/plan.ts';
import { exportedTensors } from '../../main/export/exported-tensors.ts';
import { planGguf, writeGguf } from '../../main/export/gguf/gguf-file.ts';
import { wholePlan } from '../../main/export/rounded-folder.ts';
import { bundled, openEngine } from '../main/engine/open-engine.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import { deviation, logProbabilities, maskedLogits } from './log-probabilities.ts';
import { outputOf, runPython } from './run-python.ts';

/** Bound on the difference of log-probabilities of all tokens at all positions, with float32 weights. */
const TOLERANCE = 1e-4;
const source = fileURLToPath(new URL('../../resources/models/uncurl-8', import.meta.url));
const tokens = [
  [1, 5, 9, 17, 33, 4, 40, 12],
  [7, 8, 9],
];

/** Searches for a model of 70 % of the unpruned bytes, exports it as the search says, and returns its plan and folder. */
const fitted = async (folder: string, format: 'gguf' | 'hf', limit: number) => {
  const engine = await openEngine();
  const { task } = await bundled(engine, 'uncurl-8', 'add');
  const into = await temporaryFolder();
  const settings = { format, methods: ['frequency'], scoringItems: 16, finalists: 0, types: ['stored' as const] };
  const { run } = await engine.call('fit.start', {
    model: engine.grantPath(folder),
    task,
    limit: { kind: 'bytes', bytes: limit },
    ...settings,
  });
  await engine.finished(run);
  const found = await engine.call('fit.read', { run });
  expect(found.state).toBe('done');
  const exported = await engine.call('fit.export', { run, into: engine.grantPath(into), name: 'fitted' });
  expect(await engine.finished(exported.run)).toMatchObject({ state: 'done' });
  return { plan: dropPlan.parse(found.plan), folder: path.join(into, 'fitted') };
};

test('the model that fits, of a GGUF file, computes in llama.cpp what the plan says', async ({ skip }) => {
  const absent = process.env['UNCURL_LLAMA_CPP_ABSENT'];
  if (absent !== undefined) skip(absent);
  const folder = await temporaryFolder();
  const checkpoint = await openCheckpoint(source);
  const settings = exportSettingsIn(path.join(folder, 'overlay'));
  const whole = wholePlan(checkpoint);
  const tensors = await exportedTensors(checkpoint, whole, settings.overlays);
  const layout = await planGguf(checkpoint, whole, tensors, 'f32');
  const unpruned = path.join(folder, 'unpruned');
  await mkdir(unpruned);
  await writeGguf(layout, unpruned, () => undefined);
  const stored = path.join(unpruned, 'model.gguf');
  const { plan, folder: exported } = await fitted(stored, 'gguf', 1_200_000);
  expect(plan.kept[0]?.length).toBeLessThan(8);
  const [name = ''] = (await readdir(exported)).filter((file) => file.endsWith('.gguf'));
  const job = path.join(await mkdtemp(path.join(folder, 'job-')), 'job.json');
  await writeFile(job, JSON.stringify([{ file: path.join(exported, name), tokens, texts: [] }]));
  const reader = fileURLToPath(new URL('llama-cpp-reader.mjs', import.meta.url));
  const report = z.object({ experts: z.number(), logProbabilities: z.array(z.array(z.array(z.number()))) });
  const [found] = z.array(report).parse(JSON.parse(await outputOf(process.execPath, [reader, job])));
  expect(found?.experts).toBe(plan.kept[0]?.length);
  const ours = await maskedLogits(await openCheckpoint(stored), plan, tokens, path.join(folder, 'masked'));
  expect(deviation(ours, found?.logProbabilities ?? [])).toBeLessThanOrEqual(TOLERANCE);
});

test('the model that fits, of a folder, computes in transformers what the plan says', async () => {
  const { plan, folder } = await fitted(source, 'hf', 1_000_000);
  expect(plan.kept[0]?.length).toBeLessThan(8);
  const work = await temporaryFolder();
  const output = path.join(work, 'logits.safetensors');
  const job = { name: 'fitted', folder, tokens, saved: path.join(work, 'saved'), output };
  const report = z.object({
    missing: z.array(z.string()),
    unexpected: z.array(z.string()),
    error: z.string().nullable(),
  });
  const reports = await runPython('transformers_logits.py', [job], report);
  expect(reports).toEqual([{ missing: [], unexpected: [], error: null }]);
  const { tensors } = await readSafetensorsHeader(output);
  const checkpoint = await openCheckpoint(source);
  const { vocabulary } = checkpoint.descriptor;
  const theirs = await Promise.all(
    tokens.map(async (sequence, index) => {
      const view = tensors.get(`loaded.${String(index)}`);
      if (view === undefined) throw new Error('transformers computed no logits');
      const values = Float32Array.from(await readTensor(view));
      return sequence.map((_, at) => logProbabilities(values.subarray(at * vocabulary, (at + 1) * vocabulary)));
    }),
  );
  const ours = await maskedLogits(checkpoint, plan, tokens, path.join(work, 'masked'));
  expect(deviation(ours, theirs)).toBeLessThanOrEqual(TOLERANCE);
});
