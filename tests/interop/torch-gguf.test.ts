/**
 * GGUF files in the engine torch: their tensors are decoded here, and go to transformers' classes in the published
 * form. The same numbers rounded into a folder of float32, which transformers reads by itself, give the same logits.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { GgufTensorType } from '../../main/checkpoint/gguf/gguf-types.ts';
import { type CompressedType, ggufTypeOf, type RoundedType } from '../../main/contract/export.ts';
import type { Plan } from '../../main/contract/plan.ts';
import { writeRounded, wholePlan } from '../../main/export/rounded-folder.ts';
import { writeSyntheticCheckpoint } from '../bench/synthetic-checkpoint.ts';
import { TEST_LIMIT_MS } from '../hang-limit.ts';
import { changeableCopy, checkpointFixture } from '../main/checkpoint/checkpoint-files.ts';
import { randomMixtral } from '../main/checkpoint/gguf/gguf-bytes.ts';
import { addCharacters, ggufOf, provenModels } from '../main/export/gguf/llama-models.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import { openModelRunner, overlaysIn } from '../open-model-runner.ts';
import { streamed, withTorchRunner } from '../torch-engine.ts';
import { expectClose } from './same-statistics.ts';

const control = { signal: new AbortController().signal };
const sequences = Array.from({ length: 3 }, (_, row) =>
  Array.from({ length: 6 + 3 * row }, (_token, at) => (3 + 7 * at + 5 * row) % 32),
);

const half = ({ descriptor }: Checkpoint): Plan => ({
  kept: descriptor.moeLayers.map(({ moe }) => Array.from({ length: moe.experts / 2 }, (_, at) => 2 * at + 1)),
});

const logitsOf = async (checkpoint: Checkpoint, plans: readonly (Plan | null)[]): Promise<readonly Float32Array[]> => {
  const scratch = await temporaryFolder();
  return withTorchRunner(checkpoint, scratch, async (runner) => {
    const logits: Float32Array[] = [];
    for (const plan of plans)
      for (const result of await runner.forward(sequences, plan, control)) logits.push(result.logits);
    return logits;
  });
};

/** Logits of a folder's GGUF file, as a whole and block by block, and of the folder with the file's numbers. */
const bothOf = async (folder: string, type: Exclude<RoundedType, CompressedType>) => {
  const [source, scratch] = [await openCheckpoint(folder), await temporaryFolder()];
  const rounded = await writeRounded(
    { checkpoint: source, plan: wholePlan(source), type, overlays: overlaysIn(scratch), ...control },
    path.join(scratch, 'rounded'),
  );
  const file = await openCheckpoint(await ggufOf(folder, ggufTypeOf(type)));
  const plans = [null, half(source)];
  const wanted = await logitsOf(await openCheckpoint(rounded), plans);
  return { wanted, whole: await logitsOf(file, plans), inBlocks: await logitsOf(streamed(file), plans) };
};

describe('a Mixtral, whose file has rows of queries and keys in pairs', () => {
  test.each(['q8_0', 'q4_0', 'q4_k', 'q6_k', 'gguf_mxfp4'] as const)(
    'in %s: bit for bit the logits of its dequantised folder, unpruned and pruned',
    async (type) => {
      const folder = path.join(await temporaryFolder(), 'mixtral');
      const shape = { hidden: 256, layers: 1, heads: 4, keyValueHeads: 2, experts: 4, topK: 2, width: 256 };
      await writeSyntheticCheckpoint(folder, { ...shape, vocabulary: 40, maxPositions: 64, dtype: 'F32' }, 5);
      await addCharacters(folder);
      const { wanted, whole, inBlocks } = await bothOf(folder, type);
      expect(whole).toEqual(wanted);
      expect(inBlocks).toEqual(whole);
    },
    TEST_LIMIT_MS,
  );
});

/** A fixture as it is stored, with a tokenizer. */
const stored = async (name: string): Promise<string> => {
  const folder = await changeableCopy(checkpointFixture(name));
  await addCharacters(folder);
  return folder;
};

describe('families in q8_0, unpruned and pruned', () => {
  test.each(['qwen3_moe', 'deepseek_v3'])(
    '%s: bit for bit',
    async (name) => {
      const { wanted, whole, inBlocks } = await bothOf(await stored(name), 'q8_0');
      expect(whole).toEqual(wanted);
      expect(inBlocks).toEqual(whole);
    },
    TEST_LIMIT_MS,
  );

  // Gemma 4's folder opens as a class of texts and images, and its file as that of texts, which round otherwise; files
  // of Qwen3-Next have e to the power of decays, and norms plus one.
  test.each(['gemma4', 'qwen3_next with values as wide as keys'])(
    '%s: but for rounding',
    async (name) => {
      const made = provenModels.find((each) => each.name === name);
      const { wanted, whole, inBlocks } = await bothOf(await (made?.make() ?? stored(name)), 'q8_0');
      for (const [at, logits] of whole.entries()) expectClose(logits, wanted[at] ?? []);
      expect(inBlocks).toEqual(whole);
    },
    TEST_LIMIT_MS,
  );
});

/** Types that are only read. */
const read: readonly Readonly<Record<'attention' | 'gate' | 'up' | 'down' | 'embedding', GgufTensorType>>[] = [
  { attention: 'q5_k', gate: 'q3_k', up: 'q2_k', down: 'iq4_xs', embedding: 'iq3_s' },
];

/** Logits in PyTorch, as a whole and block by block, are those of onnxruntime, unpruned and pruned. */
const expectSameAsOnnxruntime = async (file: string): Promise<void> => {
  const scratch = await temporaryFolder();
  const checkpoint = await openCheckpoint(file);
  const plans = [null, half(checkpoint)];
  const own = await openModelRunner(checkpoint, { threads: 1, memoryBudgetBytes: 1e11, overlayFolder: scratch });
  try {
    const whole = await logitsOf(checkpoint, plans);
    expect(await logitsOf(streamed(checkpoint), plans)).toEqual(whole);
    const wanted = [];
    for (const plan of plans) wanted.push(...(await own.forward(sequences, plan, control)));
    for (const [at, logits] of whole.entries()) expectClose(logits, wanted[at]?.logits ?? []);
  } finally {
    await own.dispose();
  }
};

test.each(read)(
  'blocks of $attention, $gate, $up, $down and $embedding: the logits of onnxruntime',
  async (types) => {
    const file = path.join(await temporaryFolder(), 'model.gguf');
    await writeFile(file, randomMixtral(types, 256, { experts: 4 }));
    await expectSameAsOnnxruntime(file);
  },
  TEST_LIMIT_MS,
);

// Partial rotation and biases; a state; factors of angles; a table of experts by token; objects within the config;
// attention in one of so many layers; experts that the class takes stacked.
const others = [
  'glm4_moe',
  'nemotron_h',
  'llama4 with the published chunks',
  'deepseek_v4 with published windows',
  'dbrx that clamps',
  'jamba',
  'mistral4',
];
test.each(provenModels.filter(({ name }) => others.includes(name)))(
  '$name in float32: the logits of onnxruntime',
  async ({ make }) => expectSameAsOnnxruntime(await ggufOf(await make(), 'f32')),
  TEST_LIMIT_MS,
);

test(
  'a file whose weights change while its blocks take turns is given up with that reason',
  async () => {
    const scratch = await temporaryFolder();
    const file = path.join(scratch, 'model.gguf');
    const types = { attention: 'q8_0', gate: 'q8_0', up: 'q8_0', down: 'q8_0', embedding: 'q8_0' } as const;
    const bytes = randomMixtral(types, 256, { experts: 4 });
    await writeFile(file, bytes);
    const checkpoint = await openCheckpoint(file);
    await withTorchRunner(streamed(checkpoint), scratch, async (runner) => {
      await runner.forward(sequences, null, control);
      const last = checkpoint.tensors.get('blk.1.ffn_down_exps.weight') ?? expect.fail('no tensor');
      bytes.fill(7, last.byteOffset, last.byteOffset + last.byteLength);
      await writeFile(file, bytes);
      await expect(runner.forward(sequences, null, control)).rejects.toMatchObject({ code: 'model-changed' });
    });
  },
  TEST_LIMIT_MS,
);

test('the text model of Step 3.7, which transformers has no class for, is refused by that name', async () => {
  const step = provenModels.find(({ name }) => name === 'step3p7') ?? expect.fail('no step3p7');
  const checkpoint = await openCheckpoint(await ggufOf(await step.make(), 'f32'));
  await expect(logitsOf(checkpoint, [null])).rejects.toMatchObject({
    code: 'torch-architecture',
    message: 'model has the text model of step3p7 alone, which transformers has no class for.',
  });
});
