/**
 * Odd but legal configs of every family against transformers, llama.cpp and the engine's own exports.
 *
 * Method: `python/odd_configs.py` draws COUNT configs a fixture of tests/fixtures/published by SEED: heads, experts,
 * layers, groups, biases, lists and keys changed, several at a time. transformers (or the published formulas) computes
 * their logits. A model is refused here, or its logits are those; its pruned export equals the masked original here and
 * in transformers; its GGUF file is refused, or llama.cpp opens it and computes the same. Prints a line for each model
 * that differs, and the counts. Needs what `npm run test:interop` does: UNCURL_INTEROP_PYTHON and UNCURL_LLAMA_CPP.
 * Usage: npx node tests/bench/odd-configs.ts SEED COUNT [NAME ...]
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import { WorkbenchError } from '../../main/contract/errors.ts';
import type { DropPlan } from '../../main/contract/plan.ts';
import { exportedTensors } from '../../main/export/exported-tensors.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { planGguf, writeGguf } from '../../main/export/gguf/gguf-file.ts';
import { parsePythonJson } from '../../main/files/parse-json.ts';
import { runPython } from '../interop/run-python.ts';
import { logProbabilities } from '../interop/log-probabilities.ts';
import { addCharacters } from '../main/export/gguf/llama-models.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import { publishedFixture } from '../reference/published-fixture.ts';
import { publishedNames } from '../reference/published-keys.ts';

/** Largest difference of logits, relative to the largest logit. */
const TOLERANCE = 2e-4;
/** Largest difference of log-probabilities in llama.cpp, whose norms and tables are others. */
const LLAMA_TOLERANCE = 5e-3;

const drawn = z.object({
  name: z.string(),
  folder: z.string(),
  changes: z.record(z.string(), z.unknown()),
  why: z.string().nullable(),
});
type Drawn = z.infer<typeof drawn>;
const opened = z.array(z.object({ logProbabilities: z.array(z.array(z.array(z.number()))) }));
const loaded = z.object({
  error: z.string().nullable(),
  missing: z.array(z.string()),
  unexpected: z.array(z.string()),
  mismatched: z.array(z.string()),
});

const [seed = '1', count = '4', ...asked] = process.argv.slice(2);
const work = await mkdtemp(path.join(tmpdir(), 'uncurl-odd-'));
const settings = exportSettingsIn(path.join(work, 'overlay'));
await mkdir(path.join(work, 'overlay'));
const control = { signal: new AbortController().signal };
const counts = new Map<string, number>();
const counted = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);

const logitsOf = async (checkpoint: Checkpoint, tokens: readonly number[], plan: DropPlan | null) => {
  const runner = await settings.openRunner(checkpoint, {});
  try {
    const [result] = await runner.forward([tokens], plan, control);
    return result?.logits ?? new Float32Array();
  } finally {
    await runner.dispose();
  }
};

/** Largest difference, relative to the largest number of `theirs`. */
const relative = (ours: Float32Array, theirs: Float32Array): number => {
  const most = theirs.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const apart = theirs.reduce((largest, value, at) => {
    const own = Math.abs(value - (ours[at] ?? Number.NaN));
    return own <= largest ? largest : own;
  }, 0);
  return apart / most;
};

const floats = async (file: string, name: string): Promise<Float32Array> => {
  const tensor = (await readSafetensorsHeader(file)).tensors.get(name);
  if (tensor === undefined) throw new Error(`${file} lacks ${name}`);
  return Float32Array.from(await readTensor(tensor));
};

/** How llama.cpp differs on a GGUF file of a model; null: it does not. */
const llamaProblem = async (from: string, tokens: readonly number[], plan: DropPlan) => {
  const folder = await mkdtemp(path.join(work, 'gguf-'));
  try {
    await addCharacters(from);
    const own = await openCheckpoint(from);
    const tensors = await exportedTensors(own, plan, settings.overlays);
    const file = await planGguf(own, plan, tensors, 'f32');
    await writeGguf(file, folder, () => undefined);
    const job = path.join(folder, 'job.json');
    await writeFile(job, JSON.stringify([{ file: path.join(folder, 'model.gguf'), tokens: [tokens], texts: [] }]));
    const reader = path.join(import.meta.dirname, '../interop/llama-cpp-reader.mjs');
    const read = await promisify(execFile)(process.execPath, [reader, job], { maxBuffer: 2 ** 26 }).catch(
      (error: unknown) => String(error).slice(-400),
    );
    if (typeof read === 'string') return `llama.cpp cannot open it: ${read}`;
    const [found] = opened.parse(JSON.parse(read.stdout));
    const ours = await logitsOf(own, tokens, plan);
    const width = ours.length / tokens.length;
    const most = Math.max(
      ...tokens.map((_, at) => {
        const theirs = found?.logProbabilities[0]?.[at] ?? [];
        const row = logProbabilities(ours.slice(at * width, (at + 1) * width));
        return Math.max(...row.map((value, token) => Math.abs(value - (theirs[token] ?? Number.NaN))));
      }),
    );
    counted('in llama.cpp');
    return most <= LLAMA_TOLERANCE ? null : `llama.cpp is off by ${most.toFixed(4)}`;
  } catch (error) {
    if (!(error instanceof WorkbenchError)) throw error;
    counted('refused for llama.cpp');
    if (process.env['WHY'] !== undefined) console.log(`    for llama.cpp: ${error.message}`);
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

interface Pruned {
  readonly name: string;
  readonly tokens: readonly (readonly number[])[];
  readonly folder: string;
  readonly saved: string;
  readonly output: string;
  /** Logits of the masked original. */
  readonly masked: Float32Array;
  readonly words: string;
}
const pruned: Pruned[] = [];

/** Types that transformers opens under another name alone. */
const renamed: readonly string[] = ['kimi_k2', 'kimi_k25'];

/** About three of every four experts of each group, and enough for every token. */
const mostOfEachGroup = ({ descriptor }: Checkpoint): DropPlan => ({
  kept: descriptor.moeLayers.map(({ moe }) => {
    const groups = 'groups' in moe.routing ? moe.routing.groups : null;
    const size = moe.experts / (groups?.count ?? 1);
    const least = moe.topK / (groups?.kept ?? 1);
    const kept = Math.max(Math.min(Math.ceil(0.75 * size), size - 1), Math.ceil(least));
    return [...Array(moe.experts).keys()].filter((at) => at % size < kept);
  }),
});

/** How a pruned export differs here; transformers reads it later. */
const exportProblem = async (checkpoint: Checkpoint, { name, folder: from }: Drawn, words: string) => {
  const { tokens, referee } = publishedFixture(name);
  const folder = path.join(work, `pruned-${path.basename(from)}`);
  try {
    const plan = mostOfEachGroup(checkpoint);
    // Each token has all experts of some configs.
    if (plan.kept.every((kept, layer) => kept.length === checkpoint.descriptor.moeLayers[layer]?.moe.experts))
      return null;
    await exportPlan({ checkpoint, plan, destination: folder, format: 'hf', settings, control });
    const masked = await logitsOf(checkpoint, tokens, plan);
    const own = relative(await logitsOf(await openCheckpoint(folder), tokens, null), masked);
    if (!(own <= TOLERANCE)) return `the pruned export is off by ${own.toFixed(5)} here`;
    const [saved, output] = [`${folder}-saved`, `${folder}-logits`];
    if (referee === 'transformers' && !renamed.includes(name))
      pruned.push({ name, tokens: [tokens], folder, saved, output, masked, words });
    return null;
  } catch (error) {
    if (!(error instanceof WorkbenchError)) throw error;
    counted('exports refused');
    return `the export is refused: ${error.message}`;
  }
};

/** How transformers differs on a pruned export; null: it does not. */
const loaderProblem = async ({ output, masked }: Pruned, { error, ...lists }: z.infer<typeof loaded>) => {
  if (error !== null) return `transformers cannot open the export: ${error.slice(-300)}`;
  const odd = [...lists.mismatched, ...lists.unexpected];
  if (odd.length > 0) return `transformers does not expect ${odd.join(', ')} of the export`;
  const off = relative(await floats(output, 'loaded.0'), masked);
  counted('pruned exports in transformers');
  return off <= TOLERANCE ? null : `the pruned export is off by ${off.toFixed(5)} in transformers`;
};

const problemsOf = async (each: Drawn, words: string): Promise<readonly string[]> => {
  const { name, folder } = each;
  const { tokens } = publishedFixture(name);
  try {
    const checkpoint = await openCheckpoint(folder);
    const ours = await logitsOf(checkpoint, tokens, null);
    const off = relative(ours, await floats(`${folder}.logits.safetensors`, 'logits'));
    counted('against the referee');
    if (!(off <= TOLERANCE)) return [`off by ${off.toFixed(5)}`];
    const whole = { kept: checkpoint.descriptor.moeLayers.map(({ moe }) => [...Array(moe.experts).keys()]) };
    const all = [
      await exportProblem(checkpoint, each, words),
      process.env['UNCURL_LLAMA_CPP'] === undefined ? null : await llamaProblem(folder, tokens, whole),
    ];
    return all.flatMap((each) => each ?? []);
  } catch (error) {
    if (error instanceof WorkbenchError) {
      counted('refused');
      if (process.env['WHY'] !== undefined) console.log(`    ${name}: ${error.message}`);
      return [];
    }
    return [`failed: ${error instanceof Error ? (error.stack ?? '').slice(0, 600) : String(error)}`];
  }
};

const script = path.join(import.meta.dirname, 'python', 'odd_configs.py');
const names = asked.length === 0 ? publishedNames() : asked;
const python = spawn(process.env['UNCURL_INTEROP_PYTHON'] ?? 'python3', [script, seed, count, work, ...names], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, HF_HUB_OFFLINE: '1' },
});
for await (const line of createInterface({ input: python.stdout })) {
  const each = drawn.parse(parsePythonJson(line));
  if (each.why !== null) {
    counted('refused by the referee');
    continue;
  }
  const words = `${path.basename(each.folder)} ${JSON.stringify(each.changes)}`;
  for (const problem of await problemsOf(each, words)) console.log(`${words}: ${problem}`);
  await rm(each.folder, { recursive: true, force: true });
  await rm(`${each.folder}.logits.safetensors`, { force: true });
}
const reports = pruned.length === 0 ? [] : await runPython('transformers_logits.py', pruned, loaded);
for (const [at, each] of pruned.entries()) {
  const report = reports[at];
  const problem = report === undefined ? 'transformers says nothing of the export' : await loaderProblem(each, report);
  if (problem !== null) console.log(`${each.words}: ${problem}`);
}
console.log(Object.fromEntries(counts));
await rm(work, { recursive: true, force: true });
