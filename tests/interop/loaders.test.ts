/**
 * Exports at half and at an odd number of 16 experts, in transformers, and those of the servable families in vLLM (its
 * CPU build, in a separate environment). Prints the deviations as a table; llama-cpp.test.ts prints those of llama.cpp.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { triedInVllm } from '../../main/export/server-members.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import { deviation, logProbabilities, maskedLogits } from './log-probabilities.ts';
import { runPython } from './run-python.ts';

/** Bound on the difference of log-probabilities of all tokens at all positions, in float32. */
const TOLERANCE = 1e-4;
/**
 * vLLM 0.32 on the CPU computes these differently even when unpruned (Phi: NaN). The test only checks that it finds
 * architecture, routing and tensors, which it does not with the configs written by transformers.
 */
const openedOnly = ['phimoe', 'deepseek_v3', 'glm4_moe_lite', 'ernie4_5_moe', 'lfm2_moe'] as const;
const families = [...triedInVllm].filter((family) => !openedOnly.some((opened) => opened === family));
/**
 * Messages of vLLM 0.32 on exports that it does not open: it reads keys of their hub configs that transformers 5.24
 * does not write, or has no kernel for processors in float32. Tried at the odd number of experts.
 */
const obstacles: Readonly<Record<string, string>> = {
  minimax_m2: "has no attribute 'rotary_dim'",
  mimo_v2_flash: "has no attribute 'hybrid_layer_pattern'",
  afmoe: "has no attribute 'score_func'",
  qwen3_next: 'CPU GDN attention requires BF16',
  nemotron_h: 'is_act_and_mul=False is supported only for CUDA',
  deepseek_v32: 'Sparse Attention is not supported on CPU',
};
const notOpened = Object.keys(obstacles);
const all = [...families, ...openedOnly, ...notOpened];
/**
 * On a CPU with AMX, vLLM chooses AMX_MLA for DeepSeek's attention, which supports only bfloat16 weights and fails on
 * float32. CPU_MLA, its choice elsewhere, computes float32 everywhere.
 */
const attentionOf = (family: string): string | null =>
  family === 'deepseek_v3' || family === 'glm4_moe_lite' ? 'CPU_MLA' : null;
/** Opened again in a vLLM that is made to assume AMX. */
const asWithAmx = ['mixtral', 'deepseek_v3'] as const;
const counts = [8, 11] as const;
/**
 * The counts that vLLM is asked for, which takes seconds to open a model: the odd one, and half too where its kernels
 * are compared. It reads both from the same lines. With VLLM_COUNTS=all both of every family, for the table of
 * exports.md.
 */
const countsInVllm = (family: string): readonly number[] =>
  process.env['VLLM_COUNTS'] === 'all' || asWithAmx.some((both) => both === family) ? counts : counts.slice(-1);
const tokens = [
  [1, 5, 9, 17, 33, 60, 4, 88, 91, 12, 40],
  [7, 8, 9],
];
const absent = process.env['UNCURL_VLLM_ABSENT'];
const control = { signal: new AbortController().signal };

const made = z.object({ name: z.string() });
const answer = z.object({
  name: z.string(),
  log_probabilities: z.array(
    z.array(
      z.array(
        z
          .number()
          .nullable()
          .transform((value) => value ?? NaN),
      ),
    ),
  ),
  error: z.string().nullable(),
});
const loaderReport = z.object({
  name: z.string(),
  missing: z.array(z.string()),
  unexpected: z.array(z.string()),
  mismatched: z.array(z.string()),
  error: z.string().nullable(),
});
const nameOf = (family: string, kept: number): string => `${family} ${String(kept)}`;
const byName = <T extends { readonly name: string }>(answers: readonly T[]): ReadonlyMap<string, T> =>
  new Map(answers.map((each) => [each.name, each]));

interface LoaderJob {
  readonly name: string;
  readonly isForVllm: boolean;
  readonly folder: string;
  readonly tokens: typeof tokens;
  readonly attention: string | null;
}

let work = '';
const rows: string[] = [];
const ours = new Map<string, readonly (readonly Float32Array[])[]>();
let reports: ReadonlyMap<string, z.infer<typeof loaderReport>> = new Map();
let theirs: ReadonlyMap<string, z.infer<typeof answer>> = new Map();
let theirsWithAmx: ReadonlyMap<string, z.infer<typeof answer>> = new Map();

beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-vllm-'));
  const inWork = (...parts: readonly string[]): string => path.join(work, ...parts);
  for (const folder of ['exports', 'saved']) await mkdir(inWork(folder));
  await runPython(
    'random_checkpoints.py',
    all.map((name) => ({ name, folder: inWork(name) })),
    made,
  );
  const jobs: LoaderJob[] = [];
  for (const family of all) {
    const checkpoint = await openCheckpoint(inWork(family));
    for (const kept of counts) {
      // Not the first experts, so that a loader that takes those is detected.
      const experts = Array.from({ length: 16 }, (_, expert) => (5 * expert + 3) % 16)
        .slice(0, kept)
        .sort((a, b) => a - b);
      const plan = { kept: checkpoint.descriptor.moeLayers.map(() => experts) };
      const settings = exportSettingsIn(inWork('overlay'));
      const name = nameOf(family, kept);
      await exportPlan({ checkpoint, plan, destination: inWork('exports', name), settings, control });
      ours.set(name, await maskedLogits(checkpoint, plan, tokens, inWork('overlay')));
      const isForVllm = countsInVllm(family).includes(kept);
      jobs.push({ name, isForVllm, folder: inWork('exports', name), tokens, attention: attentionOf(family) });
    }
  }
  const loaded = await runPython(
    'transformers_logits.py',
    jobs.map((job) => ({ ...job, saved: inWork('saved', job.name), output: inWork(`${job.name}.transformers`) })),
    loaderReport,
  );
  reports = byName(loaded);
  if (absent !== undefined) return;
  const vllm = process.env['UNCURL_VLLM_PYTHON'];
  const amxJobs = jobs.filter(({ name }) => asWithAmx.some((family) => name.startsWith(`${family} `)));
  const vllmJobs = jobs.filter(({ isForVllm }) => isForVllm);
  theirs = byName(await runPython('vllm_log_probabilities.py', vllmJobs, answer, vllm));
  theirsWithAmx = byName(await runPython('vllm_as_with_amx.py', amxJobs, answer, vllm));
});
afterAll(async () => {
  await rm(work, { recursive: true, force: true });
  if (rows.length > 0)
    process.stdout.write(`${['| family | experts | loader | deviation |', '|---|---|---|---|', ...rows].join('\n')}\n`);
});

/** Log-probabilities from transformers, [sequence][position][token]. */
const inTransformers = async (name: string): Promise<readonly (readonly (readonly number[])[])[]> => {
  const { tensors } = await readSafetensorsHeader(path.join(work, `${name}.transformers`));
  return Promise.all(
    tokens.map(async (sequence, index) => {
      const logits = await readTensor(
        tensors.get(`loaded.${String(index)}`) ?? expect.fail(`no sequence ${String(index)}`),
      );
      const vocabulary = logits.length / sequence.length;
      return sequence.map((_, position) =>
        logProbabilities(logits.subarray(position * vocabulary, (position + 1) * vocabulary)),
      );
    }),
  );
};

describe('transformers computes the same as the masked original', () => {
  it.for(all.flatMap((family) => counts.map((kept) => ({ family, kept }))))(
    '$family at $kept of 16 experts',
    async ({ family, kept }) => {
      const name = nameOf(family, kept);
      expect(reports.get(name)).toEqual({ name, missing: [], unexpected: [], mismatched: [], error: null });
      const largest = deviation(ours.get(name) ?? expect.fail(`no ${name}`), await inTransformers(name));
      rows.push(`| ${family} | ${String(kept)} of 16 | transformers | ${largest.toExponential(1)} |`);
      expect(largest).toBeLessThanOrEqual(TOLERANCE);
    },
  );
});

describe('vLLM computes the same as the masked original', () => {
  it.for(families.flatMap((family) => countsInVllm(family).map((kept) => ({ family, kept }))))(
    '$family at $kept of 16 experts',
    ({ family, kept }, context) => {
      if (absent !== undefined) context.skip(absent);
      const name = nameOf(family, kept);
      const { error, log_probabilities: found } = theirs.get(name) ?? expect.fail(`vLLM said nothing of ${name}`);
      expect(error).toBe(null);
      const largest = deviation(ours.get(name) ?? expect.fail(`no ${name}`), found);
      rows.push(`| ${family} | ${String(kept)} of 16 | vLLM | ${largest.toExponential(1)} |`);
      expect(largest).toBeLessThanOrEqual(TOLERANCE);
    },
  );
});

describe('vLLM does not open', () => {
  it.for(Object.entries(obstacles))('%s, and says why', ([family, obstacle], context) => {
    if (absent !== undefined) context.skip(absent);
    const name = nameOf(family, counts[1]);
    const { error } = theirs.get(name) ?? expect.fail(`vLLM said nothing of ${name}`);
    expect(error).toContain(obstacle);
    rows.push(`| ${family} | ${String(counts[1])} of 16 | vLLM | ${obstacle} |`);
  });
});

describe('vLLM opens', () => {
  it.for(openedOnly.flatMap((family) => countsInVllm(family).map((kept) => ({ family, kept }))))(
    '$family at $kept of 16 experts',
    ({ family, kept }, context) => {
      if (absent !== undefined) context.skip(absent);
      const name = nameOf(family, kept);
      const { error, log_probabilities: found } = theirs.get(name) ?? expect.fail(`vLLM said nothing of ${name}`);
      expect(error).toBe(null);
      const largest = deviation(ours.get(name) ?? expect.fail(`no ${name}`), found);
      rows.push(`| ${family} | ${String(kept)} of 16 | vLLM | opens, not equal (${largest.toExponential(1)}) |`);
    },
  );
});

describe('vLLM computes the same when it assumes AMX', () => {
  it.for(asWithAmx.flatMap((family) => counts.map((kept) => ({ family, kept }))))(
    '$family at $kept of 16 experts',
    ({ family, kept }, context) => {
      if (absent !== undefined) context.skip(absent);
      const name = nameOf(family, kept);
      const usual = theirs.get(name) ?? expect.fail(`vLLM said nothing of ${name}`);
      const amx = theirsWithAmx.get(name) ?? expect.fail(`vLLM as with AMX said nothing of ${name}`);
      expect(amx.error).toBe(null);
      const rowsOfUsual = usual.log_probabilities.map((sequence) => sequence.map((row) => Float32Array.from(row)));
      expect(deviation(rowsOfUsual, amx.log_probabilities)).toBeLessThanOrEqual(TOLERANCE);
    },
  );
});
