/**
 * GGUF exports of all supported families, in llama.cpp (node-llama-cpp, in a separate process) and in
 * @huggingface/gguf: unpruned, at half and at an odd number of experts. Prints the deviations as a table.
 */
import { createHash } from 'node:crypto';
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { loadTokenizer } from '../../main/checkpoint/load-tokenizer.ts';
import { type GgufType, ggufTypeOf, ggufTypes as writtenTypes } from '../../main/contract/export.ts';
import type { DropPlan } from '../../main/contract/plan.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { exportedTensors } from '../../main/export/exported-tensors.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import { randomMixtral } from '../main/checkpoint/gguf/gguf-bytes.ts';
import { planGguf, writeGguf } from '../../main/export/gguf/gguf-file.ts';
import { ggufTypes, isBlockType } from '../../main/checkpoint/gguf/gguf-types.ts';
import { readTensor } from '../../main/checkpoint/read-tensor.ts';
import type { TensorView } from '../../main/checkpoint/descriptor.ts';
import { encodeValues } from '../../main/export/gguf/encode-values.ts';
import { wholePlan, writeRounded } from '../../main/export/rounded-folder.ts';
import { readGguf } from '../../main/checkpoint/gguf/read-gguf.ts';
import { characterOf, llamaModel, provenModels, scoredPieces } from '../main/export/gguf/llama-models.ts';
import { deviation, maskedLogits } from './log-probabilities.ts';
import { outputOf, runPython } from './run-python.ts';

/** Bound on the difference of log-probabilities of all tokens at all positions, with float32 weights. */
const TOLERANCE = 1e-4;
const reader = fileURLToPath(new URL('llama-cpp-reader.mjs', import.meta.url));
const bundled = fileURLToPath(new URL('../../resources/models/uncurl-8', import.meta.url));
const absent = process.env['UNCURL_LLAMA_CPP_ABSENT'];
const control = { signal: new AbortController().signal };

const report = z.object({
  architecture: z.string(),
  experts: z.number(),
  tensors: z.array(z.object({ name: z.string(), shape: z.array(z.number()), type: z.number() })),
  logProbabilities: z.array(z.array(z.array(z.number()))),
  tokens: z.array(z.array(z.number())),
});

let work = '';
const rows: string[] = [];
beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-gguf-'));
});
afterAll(async () => {
  await rm(work, { recursive: true, force: true });
  if (rows.length > 0)
    process.stdout.write(`${['| model | experts | type | deviation |', '|---|---|---|---|', ...rows].join('\n')}\n`);
});

/** Opens files in one process. */
const llama = async (
  files: readonly string[],
  tokens: readonly (readonly number[])[],
  texts: readonly string[],
): Promise<readonly z.infer<typeof report>[]> => {
  const job = path.join(await mkdtemp(path.join(work, 'job-')), 'job.json');
  await writeFile(job, JSON.stringify(files.map((file) => ({ file, tokens, texts }))));
  const found = z.array(report).parse(JSON.parse(await outputOf(process.execPath, [reader, job])));
  expect(found.length).toBe(files.length);
  return found;
};

/** Kept experts of an export: all, half, and an odd number (as far as groups of experts allow). */
const plansOf = async (folder: string, { descriptor }: Checkpoint): Promise<readonly DropPlan[]> => {
  const half: unknown = JSON.parse(await readFile(path.join(folder, 'kept.json'), 'utf8'));
  const keeping = (drops: number): DropPlan => ({
    kept: descriptor.moeLayers.map(({ moe: { experts, routing } }) => {
      const size = experts / ('groups' in routing ? (routing.groups?.count ?? 1) : 1);
      return Array.from({ length: experts }, (_, expert) => expert).filter(
        (expert) => expert % size >= (size === experts ? drops : Math.min(1, drops)),
      );
    }),
  });
  return [keeping(0), z.object({ kept: z.array(z.array(z.number())) }).parse(half), keeping(3)];
};

const ours = (
  checkpoint: Checkpoint,
  plan: DropPlan,
  tokens: readonly (readonly number[])[],
): ReturnType<typeof maskedLogits> => maskedLogits(checkpoint, plan, tokens, path.join(work, 'overlay'));

const made = async (checkpoint: Checkpoint, plan: DropPlan, type: GgufType): Promise<string> => {
  const destination = await mkdtemp(path.join(work, 'export-'));
  const settings = exportSettingsIn(path.join(work, 'overlay'));
  if (plan.kept[0]?.length === checkpoint.info.experts) {
    // An export never keeps all experts, but a file of the unpruned model separates errors of layout from errors of
    // pruning.
    const tensors = await exportedTensors(checkpoint, plan, settings.overlays);
    const gguf = await planGguf(checkpoint, plan, tensors, type);
    await writeGguf(gguf, destination, () => undefined);
    return path.join(destination, 'model.gguf');
  }
  const folder = path.join(destination, 'pruned');
  await exportPlan({ checkpoint, plan, destination: folder, format: 'gguf', ggufType: type, settings, control });
  return path.join(folder, 'model.gguf');
};

const floatBytes = async (view: TensorView): Promise<Uint8Array> =>
  new Uint8Array(Float32Array.from(await readTensor(view)).buffer);

/** ggml's library with the reference quantisers, beside llama.cpp; null: none for this processor. */
const quantiserLibrary = async (): Promise<string | null> => {
  const folder = process.env['UNCURL_LLAMA_CPP'] ?? '';
  const system = `linux-${process.arch}`;
  for await (const file of glob(`node_modules/@node-llama-cpp/${system}/bins/${system}/libggml-base.so`, {
    cwd: folder,
  }))
    return path.join(folder, file);
  return null;
};

const tokensOf = async (folder: string): Promise<readonly (readonly number[])[]> =>
  z.array(z.array(z.number())).parse(JSON.parse(await readFile(path.join(folder, 'tokens.json'), 'utf8')));

/** Largest deviation of each file of a model, unpruned and pruned, in float32; each is checked as a file, too. */
const deviations = async (name: string, folder: string): Promise<readonly number[]> => {
  const checkpoint = await openCheckpoint(folder);
  const tokens = await tokensOf(folder);
  const plans = await plansOf(folder, checkpoint);
  const files: string[] = [];
  for (const plan of plans) files.push(await made(checkpoint, plan, 'f32'));
  const reports = await llama(files, tokens, []);
  const all: number[] = [];
  for (const [index, plan] of plans.entries()) {
    const [found, file = ''] = [reports[index], files[index]];
    const kept = plan.kept[0]?.length ?? 0;
    expect(found?.experts).toBe(kept);
    const { tensors } = await readGguf(file);
    expect(found?.tensors).toEqual(
      tensors.map((each) => ({ name: each.name, shape: each.shape, type: ggufTypes[each.type].number })),
    );
    const largest = deviation(await ours(checkpoint, plan, tokens), found?.logProbabilities ?? []);
    rows.push(
      `| ${name} | ${String(kept)} of ${String(checkpoint.info.experts)} | f32 | ${largest.toExponential(1)} |`,
    );
    all.push(largest);
  }
  return all;
};

describe('llama.cpp computes the same as the model', () => {
  it.for(provenModels)('$name, unpruned and pruned, in float32', async ({ name, make }, context) => {
    if (absent !== undefined) context.skip(absent);
    for (const largest of await deviations(name, await make())) expect(largest).toBeLessThanOrEqual(TOLERANCE);
  });
});

/**
 * llama.cpp reads GELU from a table in float16. Where every gate is so steep that GELU is x or 0, Gemma 4 is among the
 * proven models above; that its own gates stay within a bound shows that nothing but the table is left.
 */
const TABLE_BOUND = 2e-2;

describe('llama.cpp rounds GELU to float16', () => {
  it.for(['gemma4', 'gemma4-ple'])('%s, unpruned and pruned, in float32', async (name, context) => {
    if (absent !== undefined) context.skip(absent);
    for (const largest of await deviations(name, await llamaModel(name))) {
      expect(largest).toBeGreaterThan(TOLERANCE);
      expect(largest).toBeLessThanOrEqual(TABLE_BOUND);
    }
  });
});

/** Bounds for weights in types other than float32, for which llama.cpp also rounds the activations. */
const roundedBounds = { f16: 2e-2, bf16: 2e-1, q8_0: 5e-1 } as const;

describe('llama.cpp opens weights of the other types', () => {
  it.for(['f16', 'bf16', 'q8_0'] as const)('%s, Mixtral at half of its experts', async (type, context) => {
    if (absent !== undefined) context.skip(absent);
    const folder = await llamaModel('mixtral');
    const checkpoint = await openCheckpoint(folder);
    const tokens = await tokensOf(folder);
    const [, half = { kept: [] }] = await plansOf(folder, checkpoint);
    const [found] = await llama([await made(checkpoint, half, type)], tokens, []);
    const largest = deviation(await ours(checkpoint, half, tokens), found?.logProbabilities ?? []);
    rows.push(`| mixtral | 4 of 8 | ${type} | ${largest.toExponential(1)} |`);
    expect(largest).toBeLessThanOrEqual(roundedBounds[type]);
    expect(largest).toBeGreaterThan(0);
  });
});

it('llama.cpp computes a file whose experts have a type for each layer', async (context) => {
  if (absent !== undefined) context.skip(absent);
  const folder = await llamaModel('mixtral');
  const checkpoint = await openCheckpoint(folder);
  const tokens = await tokensOf(folder);
  const [, half = { kept: [] }] = await plansOf(folder, checkpoint);
  const { overlays } = exportSettingsIn(path.join(work, 'overlay'));
  const layered = (expertTypes: DropPlan['expertTypes']): DropPlan => ({ kept: half.kept, expertTypes });
  const plan = layered(['q8_0', 'q4_0']);
  const [found] = await llama([await made(checkpoint, plan, 'f16')], tokens, []);
  const deviationFrom = async (other: DropPlan): Promise<number> => {
    const destination = path.join(await mkdtemp(path.join(work, 'layered-')), 'rounded');
    const rounded = await openCheckpoint(
      await writeRounded({ checkpoint, plan: other, type: 'f16', overlays, ...control }, destination),
    );
    return deviation(await ours(rounded, wholePlan(rounded), tokens), found?.logProbabilities ?? []);
  };
  const [own, swapped] = [await deviationFrom(plan), await deviationFrom(layered(['q4_0', 'q8_0']))];
  rows.push(`| mixtral | 4 of 8 | f16, experts q8_0 and q4_0 | ${own.toExponential(1)} |`);
  expect(own).toBeLessThanOrEqual(roundedBounds.q8_0);
  // The other way round it is another model.
  expect(own).toBeLessThan(swapped);
});

/** Bound for types of 4 to 6 bits, of which llama.cpp has other kernels, on a random model of 256 columns. */
const BLOCK_BOUND = 1e-1;

describe('llama.cpp opens weights that were written again', () => {
  it('as Q6_K, Q5_K, Q4_K, NVFP4 and MXFP4, at 3 of 5 experts', async (context) => {
    if (absent !== undefined) context.skip(absent);
    const folder = await mkdtemp(path.join(work, 'again-'));
    const source = path.join(folder, 'source.gguf');
    const plain = { attention: 'f32', gate: 'f32', up: 'f32', down: 'f32', embedding: 'f32' } as const;
    await writeFile(source, randomMixtral(plain));
    const checkpoint = await openCheckpoint(source);
    const plan: DropPlan = { kept: checkpoint.descriptor.moeLayers.map(() => [0, 2, 4]) };
    const { overlays } = exportSettingsIn(path.join(work, 'overlay'));
    const types = ['q6_k', 'q5_k', 'q4_k', 'gguf_nvfp4', 'gguf_mxfp4'] as const;
    const files: string[] = [];
    for (const type of types)
      files.push(await writeRounded({ checkpoint, plan, type, overlays, ...control }, path.join(folder, type)));
    const tokens = [[1, 2, 3, 4, 5, 6], [39]];
    const reports = await llama(files, tokens, []);
    for (const [index, type] of types.entries()) {
      const found = reports[index];
      expect(found?.tensors.filter(({ name }) => name.includes('_exps')).map((tensor) => tensor.type)).toEqual(
        Array.from({ length: 6 }, () => ggufTypes[ggufTypeOf(type)].number),
      );
      const written = await openCheckpoint(files[index] ?? '');
      const whole = { kept: written.descriptor.moeLayers.map(() => [0, 1, 2]) };
      const largest = deviation(await ours(written, whole, tokens), found?.logProbabilities ?? []);
      rows.push(`| random Mixtral written again | 3 of 5 | ${type} | ${largest.toExponential(1)} |`);
      expect([type, largest <= BLOCK_BOUND, largest > 0]).toEqual([type, true, true]);
    }
  });
});

/** ggml's result for ties depends on whether its build rounds a product before a sum: ours are those of gguf. */
const fused: readonly string[] = ['q5_0', 'q4_0'];

describe("blocks are those of llama.cpp's own quantiser", () => {
  it.for(['uncurl-8', 'switch-8', 'wordy-16'])('of all weights of %s, in every type', async (name, context) => {
    if (absent !== undefined) context.skip(absent);
    const library = await quantiserLibrary();
    if (library === null) context.skip(`llama.cpp has no libggml-base for ${process.platform} ${process.arch}`);
    const { tensors } = await openCheckpoint(path.join(path.dirname(bundled), name));
    const values = Buffer.concat(await Promise.all([...tensors.values()].map(floatBytes)));
    const whole = new Float32Array(Uint8Array.from(values.subarray(0, values.length - (values.length % 1024))).buffer);
    const file = path.join(await mkdtemp(path.join(work, 'blocks-')), 'values');
    await writeFile(file, new Uint8Array(whole.buffer));
    const types = writtenTypes.filter(isBlockType).filter((type) => !fused.includes(type));
    const jobs = types.map((type) => {
      const { number, values: count, bytes } = ggufTypes[type];
      return { library, file, type: number, bytes: (whole.length / count) * bytes };
    });
    const hashes = await runPython('ggml_quantise.py', jobs, z.object({ sha256: z.string() }));
    expect(hashes.length).toBe(types.length);
    for (const [index, type] of types.entries())
      expect([type, hashes[index]?.sha256]).toEqual([
        type,
        createHash('sha256').update(encodeValues(type, whole)).digest('hex'),
      ]);
  });
});

describe('llama.cpp opens a GGUF file that was pruned as stored', () => {
  it.for([
    { attention: 'q8_0', gate: 'q4_k', up: 'q5_k', down: 'q6_k', embedding: 'q8_0' },
    { attention: 'f32', gate: 'iq3_s', up: 'iq4_xs', down: 'q3_k', embedding: 'f32' },
  ] as const)('$gate, $up and $down, at half and at 3 of 8 experts', async (types, context) => {
    if (absent !== undefined) context.skip(absent);
    const folder = await mkdtemp(path.join(work, 'stored-'));
    const source = path.join(folder, 'source.gguf');
    const experts = 8;
    await writeFile(source, randomMixtral(types, 256, { experts }));
    const checkpoint = await openCheckpoint(source);
    // Kept experts whose choice is not changed by the rounding of activations.
    const plans: readonly DropPlan[] = [
      {
        kept: [
          [1, 3, 5, 7],
          [0, 2, 4, 6],
        ],
      },
      {
        kept: [
          [1, 3, 7],
          [0, 4, 5],
        ],
      },
    ];
    const files: string[] = [];
    for (const [index, plan] of plans.entries()) {
      const destination = path.join(folder, `pruned-${String(index)}`);
      const settings = exportSettingsIn(path.join(work, 'overlay'));
      await exportPlan({ checkpoint, plan, destination, format: 'gguf', settings, control });
      // The same bytes, put into a file without the export.
      const packed = path.join(folder, `packed-${String(index)}.gguf`);
      await writeFile(packed, randomMixtral(types, 256, { experts, kept: plan.kept }));
      files.push(path.join(destination, 'model.gguf'), packed);
    }
    const tokens = [[1, 2, 3, 4, 5, 6], [39]];
    const reports = await llama(files, tokens, []);
    for (const [index, plan] of plans.entries()) {
      const [exported, packed] = [reports[2 * index], reports[2 * index + 1]];
      const kept = plan.kept[0]?.length;
      expect([exported?.experts, packed?.experts]).toEqual([kept, kept]);
      expect(exported?.logProbabilities).toEqual(packed?.logProbabilities);
      const largest = deviation(await ours(checkpoint, plan, tokens), exported?.logProbabilities ?? []);
      rows.push(
        `| random Mixtral as stored | ${String(kept)} of 8 | ${types.gate}, ${types.up}, ${types.down} | ` +
          `${largest.toExponential(1)} |`,
      );
      expect(largest).toBeLessThanOrEqual(roundedBounds.q8_0);
    }
    expect(reports[0]?.logProbabilities).not.toEqual(reports[2]?.logProbabilities);
  });
});

/**
 * Exports a model with a tokenizer; returns its texts tokenized by llama.cpp and by the model's own tokenizer, and the
 * deviation.
 */
const readTexts = async (folder: string, kept: number, texts: readonly string[]) => {
  const checkpoint = await openCheckpoint(folder);
  const plan = {
    kept: checkpoint.descriptor.moeLayers.map(() => Array.from({ length: kept }, (_, expert) => expert)),
  };
  const tokenizer = (await loadTokenizer(folder)) ?? expect.fail(`${folder} has no tokenizer`);
  const wanted = texts.map((text) => tokenizer.encode(text, false));
  const tokens = wanted.filter(({ length }) => length > 0 && length < 60);
  const [found = expect.fail('llama.cpp said nothing')] = await llama(
    [await made(checkpoint, plan, 'f32')],
    tokens,
    texts,
  );
  return { wanted, found, largest: deviation(await ours(checkpoint, plan, tokens), found.logProbabilities) };
};

describe('llama.cpp gives the same tokens of a text', () => {
  it('for single characters, as in the bundled models', async (context) => {
    if (absent !== undefined) context.skip(absent);
    const texts = [
      'hello world',
      '  two  spaces\n\nand lines ',
      'plural of mouse > mice\n',
      '(3 + 4) > [7]',
      'a\u00e9b',
    ];
    const { wanted, found, largest } = await readTexts(bundled, 5, texts);
    expect(found.tokens).toEqual(wanted);
    rows.push(`| uncurl-8 | 5 of 8 | f32 | ${largest.toExponential(1)} |`);
    expect(largest).toBeLessThanOrEqual(TOLERANCE);
  });

  it('for pieces with byte fallback, merged in the order of their scores', async (context) => {
    if (absent !== undefined) context.skip(absent);
    const folder = await scoredPieces();
    const texts = [
      'expert layers are pruned',
      '  two  spaces',
      'Stra\u00dfe 25: sort the words?',
      'emoji \u{1f600} and \u00fc',
    ];
    const { wanted, found, largest } = await readTexts(folder, 5, texts);
    expect(found.tokens).toEqual(wanted);
    expect(largest).toBeLessThanOrEqual(TOLERANCE);
  });

  it('for made-up vocabularies', async (context) => {
    if (absent !== undefined) context.skip(absent);
    const folder = await llamaModel('olmoe');
    const ids = [5, 1, 95, 40];
    const { wanted, found } = await readTexts(folder, 5, [ids.map(characterOf).join('')]);
    expect(wanted).toEqual([ids]);
    expect(found.tokens).toEqual([ids]);
  });
});
