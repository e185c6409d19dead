import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { dequantise } from '../../../../main/checkpoint/gguf/dequantise.ts';
import { ggufTypes, isBlockType } from '../../../../main/checkpoint/gguf/gguf-types.ts';
import { readGguf } from '../../../../main/checkpoint/gguf/read-gguf.ts';
import { tableOf } from '../../../../main/checkpoint/routing.ts';
import { loadTokenizer } from '../../../../main/checkpoint/load-tokenizer.ts';
import { type Checkpoint, openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import { exportPlan } from '../../../../main/export/export-plan.ts';
import { GGUF_FILE } from '../../../../main/export/gguf/gguf-file.ts';
import { openModelRunner } from '../../../open-model-runner.ts';
import { exportRequest } from '../../export/export-settings.ts';
import { ggufOf, provenModels, scoredPieces } from '../../export/gguf/llama-models.ts';
import { ggufFile, metadata, randomMixtral, type RawTensor, text, u32, u64 } from './gguf-bytes.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

const control = { signal: new AbortController().signal };

const logitsOf = async (checkpoint: Checkpoint, tokens: number[][]): Promise<readonly Float32Array[]> => {
  const overlayFolder = await temporaryFolder();
  const runner = await openModelRunner(checkpoint, {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    overlayFolder,
  });
  const results = await runner.forward(tokens, null, control);
  await runner.dispose();
  return results.map(({ logits }) => logits);
};

const largestDifference = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  Math.max(...a.flatMap((row, index) => Array.from(row, (value, at) => Math.abs(value - (b[index]?.[at] ?? NaN)))));

/** Families whose GGUF files are read as those of another family. */
const otherFamilies: ReadonlyMap<string, string> = new Map([
  ['solar_open', 'glm4_moe'],
  ['glm4v_moe', 'glm4_moe'],
  ['sarvam_mla', 'deepseek_v3'],
  ['mistral3', 'mistral4'],
  ['kimi_k2', 'deepseek_v3'],
  ['glm4_moe_lite', 'deepseek_v3'],
  ['qwen3_5_moe', 'qwen3_5_moe_text'],
  ['llama4', 'llama4_text'],
  ['gemma4', 'gemma4_text'],
]);

describe('a GGUF file is opened as a model', () => {
  // Other layouts of the same folders give the same files.
  const read = provenModels.filter(({ name }) => !/-fused$|-sharded$|^kimi_k25/.test(name));
  it.for(read)('$name computes as the folder that it was made of', async ({ make }) => {
    const folder = await make();
    const tokens = z
      .array(z.array(z.number()))
      .parse(JSON.parse(await readFile(path.join(folder, 'tokens.json'), 'utf8')));
    const source = await openCheckpoint(folder);
    const opened = await openCheckpoint(await ggufOf(folder, 'f32'));
    expect(opened.info.memory.resident).toBeLessThanOrEqual(source.info.memory.resident);
    // Towers for images are left out, and convolutions of Mamba have a bias in any case.
    const { unusedBytes: _towers, ...info } = source.info;
    const zeros = source.descriptor.blocks.reduce(
      (sum, { state }) =>
        sum + (state?.kind === 'mamba' && state.convolution.bias === null ? state.convolution.channels : 0),
      0,
    );
    const { active, total, expert } = info.parameters;
    expect({ ...opened.info, sizeBytes: 0, reasons: [], dtype: '' }).toEqual({
      ...info,
      parameters: { active: active + zeros, total: total + zeros, expert },
      // Tables of experts have whole numbers.
      weightTypes: [
        'float32',
        ...(source.descriptor.moeLayers.some(({ moe }) => tableOf(moe.routing)) ? ['I32'] : []),
      ].map((type) => ({ type, bytes: expect.any(Number) })),
      isGguf: true,
      sizeBytes: 0,
      reasons: [],
      dtype: '',
      // Sessions map values in float32, and make those of other types.
      memory: opened.info.memory,
      // Some families share an architecture, and a file has the text model alone.
      ...(otherFamilies.has(source.info.family) ? { family: otherFamilies.get(source.info.family) } : {}),
    });
    expect(largestDifference(await logitsOf(source, tokens), await logitsOf(opened, tokens))).toBeLessThan(1e-4);
  });

  it.for([
    { attention: 'q8_0', gate: 'q4_k', up: 'q5_k', down: 'q6_k', embedding: 'q4_0' },
    { attention: 'q5_1', gate: 'q2_k', up: 'iq4_xs', down: 'q3_k', embedding: 'q8_0' },
  ] as const)('with experts in $gate, $up and $down computes as its values in float32', async (types) => {
    const folder = await temporaryFolder();
    const blocks = path.join(folder, 'blocks.gguf');
    await writeFile(blocks, randomMixtral(types));
    const contents = await readGguf(blocks);
    const values: Buffer[] = [];
    let offset = 0;
    const tensors: RawTensor[] = [];
    for (const { name, type, shape, byteOffset, byteLength } of contents.tensors) {
      const bytes = (await readFile(blocks)).subarray(byteOffset, byteOffset + byteLength);
      const own = isBlockType(type) ? Buffer.from(new Uint8Array(dequantise(type, bytes).buffer)) : bytes;
      tensors.push({ name, shape, type: 0, offset });
      values.push(own);
      offset += own.length;
    }
    const floats = path.join(folder, 'floats.gguf');
    const metadata = [...contents.metadata.values()].map(({ bytes }) => Buffer.from(bytes));
    await writeFile(floats, ggufFile(metadata, tensors, Buffer.concat(values)));
    const [own, plain] = [await openCheckpoint(blocks), await openCheckpoint(floats)];
    expect(own.info.dtype).toBe(`${types.gate}, ${types.up}, ${types.down}`);
    // The float32 values of one block beside its session, and what the allocator keeps of opening it.
    const block = 4 * (3 * 5 * 256 * 256 + (2 + 1) * 256 * 256 + 5 * 256 + 2 * 256);
    const isMapped = process.platform === 'linux' && process.env['MALLOC_MMAP_THRESHOLD_'] !== undefined;
    const more = own.info.memory.streaming - plain.info.memory.streaming;
    expect(more).toBe(block * (isMapped ? 1 : 2));
    expect(own.info.memory.resident - plain.info.memory.resident).toBe(block * (isMapped ? 1 : 3));
    const tokens = [[1, 2, 3, 4, 5], [39]];
    const logits = await logitsOf(own, tokens);
    expect(logits).toEqual(await logitsOf(plain, tokens));
    expect(logits.flatMap((each) => [...each]).every((value) => Number.isFinite(value) && value !== 0)).toBe(true);
  });

  it('in two parts is the same model, whichever part is named, and refused without one of them', async () => {
    const whole = randomMixtral({ attention: 'q8_0', gate: 'q8_0', up: 'q8_0', down: 'q8_0', embedding: 'f32' });
    const folder = await temporaryFolder();
    const file = path.join(folder, 'whole.gguf');
    await writeFile(file, whole);
    const { metadata: values, tensors } = await readGguf(file);
    const partOf = (part: number): Buffer => {
      const own = tensors.filter((_, index) => index < 7 === (part === 0));
      const data = own.map(({ byteOffset, byteLength }) => whole.subarray(byteOffset, byteOffset + byteLength));
      let offset = 0;
      const infos = own.map(({ name, shape, type, byteLength }) => {
        const at = offset;
        offset += Math.ceil(byteLength / 32) * 32;
        return { name, shape, type: ggufTypes[type].number, offset: at };
      });
      const split = [
        metadata('split.no', 2, Buffer.of(part, 0)),
        metadata('split.count', 2, Buffer.of(2, 0)),
        metadata('split.tensors.count', 5, u32(tensors.length)),
      ];
      const padded = data.map((each) => Buffer.concat([each, Buffer.alloc((32 - (each.length % 32)) % 32)]));
      return ggufFile(
        part === 0 ? [...[...values.values()].map(({ bytes }) => Buffer.from(bytes)), ...split] : split,
        infos,
        Buffer.concat(padded),
      );
    };
    const parts = [1, 2].map((part) => path.join(folder, `m-0000${String(part)}-of-00002.gguf`));
    for (const [index, name] of parts.entries()) await writeFile(name, partOf(index));
    const tokens = [[1, 2, 3]];
    const expected = await logitsOf(await openCheckpoint(file), tokens);
    for (const name of parts) expect(await logitsOf(await openCheckpoint(name), tokens)).toEqual(expected);
    const [first = '', second = ''] = parts;
    // Pruned as stored, both give the same file.
    const kept = [
      [0, 2, 4],
      [1, 2, 3],
    ];
    const exportedOf = async (name: string): Promise<Buffer> => {
      const { folder: own, verification } = await exportPlan({
        ...(await exportRequest(name, { kept })),
        format: 'gguf',
      });
      expect(verification).toMatchObject({ ok: true, sameTensors: true, sameExperts: true });
      return readFile(path.join(own, GGUF_FILE));
    };
    expect((await exportedOf(second)).equals(await exportedOf(file))).toBe(true);
    await rename(second, path.join(folder, 'elsewhere.gguf'));
    await expect(openCheckpoint(first)).rejects.toThrow('has no m-00002-of-00002.gguf');
    await writeFile(second, partOf(0));
    await expect(openCheckpoint(first)).rejects.toThrow(
      'says that it is part 1 of 2, but by its name it is part 2 of 2',
    );
  });

  it('is refused by name where it is not read', async () => {
    const file = path.join(await temporaryFolder(), 'm.gguf');
    await writeFile(file, ggufFile([metadata('general.architecture', 8, text('mamba'))], [], Buffer.alloc(0)));
    await expect(openCheckpoint(file)).rejects.toThrow('"general.architecture" is "mamba"; only llama, qwen2moe');
    await writeFile(file, ggufFile([metadata('general.architecture', 8, text('llama'))], [], Buffer.alloc(0)));
    await expect(openCheckpoint(file)).rejects.toThrow(
      'its model has no experts ("llama.expert_count" is missing or 0)',
    );
  });

  it.for([
    ['byte-level', 'gpt-2'],
    ['split-digits', 'qwen2'],
    ['split-triples', 'llama-bpe'],
    ['split-case', 'gpt-4o'],
    ['split-sequence', 'deepseek-v3'],
  ] as const)('splits texts of %s as %s', async ([name, pre]) => {
    const folder = path.join(import.meta.dirname, '../../../fixtures/reference/tokenizers', name);
    const {
      model,
      added_tokens: added,
      normalizer,
      post_processor: around,
    } = z
      .looseObject({
        model: z.object({
          vocab: z.record(z.string(), z.number()),
          merges: z.array(z.tuple([z.string(), z.string()])),
        }),
        added_tokens: z.array(z.object({ id: z.number(), content: z.string(), special: z.boolean() })),
        normalizer: z.unknown(),
        post_processor: z.unknown(),
      })
      .parse(JSON.parse(await readFile(path.join(folder, 'tokenizer.json'), 'utf8')));
    const { bos_token: bos } = z
      .looseObject({ bos_token: z.string().nullish() })
      .parse(JSON.parse(await readFile(path.join(folder, 'tokenizer_config.json'), 'utf8')));
    const ids = new Map([...Object.entries(model.vocab), ...added.map((each) => [each.content, each.id] as const)]);
    const tokens = [...ids].sort(([, a], [, b]) => a - b).map(([token]) => token);
    const kindOf = (token: string): number => {
      const own = added.find(({ content }) => content === token);
      return own === undefined ? 1 : own.special ? 3 : 4;
    };
    const list = (key: string, type: number, values: readonly Buffer[]): Buffer =>
      metadata(`tokenizer.ggml.${key}`, 9, u32(type), u64(values.length), ...values);
    const file = path.join(await temporaryFolder(), 'tokenizer.gguf');
    const values = [
      metadata('tokenizer.ggml.model', 8, text('gpt2')),
      metadata('tokenizer.ggml.pre', 8, text(pre)),
      list('tokens', 8, tokens.map(text)),
      list(
        'token_type',
        5,
        tokens.map((token) => u32(kindOf(token))),
      ),
      list(
        'merges',
        8,
        model.merges.map((pair) => text(pair.join(' '))),
      ),
      ...(bos == null ? [] : [metadata('tokenizer.ggml.bos_token_id', 4, u32(ids.get(bos) ?? -1))]),
      metadata('tokenizer.ggml.add_bos_token', 7, Buffer.of(around === null ? 0 : 1)),
    ];
    await writeFile(file, ggufFile(values, [], Buffer.alloc(0)));
    const cases = z
      .array(z.object({ text: z.string(), ids: z.array(z.number()), decoded: z.string() }))
      .parse(JSON.parse(await readFile(path.join(folder, 'cases.json'), 'utf8')))
      // GPT-2's own tokenizer does not compose characters; the fixture's does.
      .filter((each) => pre !== 'gpt-2' || normalizer === null || each.text.normalize('NFC') === each.text);
    const read = await loadTokenizer(file);
    expect(cases.map((each) => read?.encode(each.text, true))).toEqual(cases.map((each) => each.ids));
    expect(cases.map((each) => read?.decode(read.encode(each.text, false)))).toEqual(cases.map((each) => each.decoded));
  });

  it('has the same tokens for texts, with pieces or single characters', async () => {
    for (const folder of [
      await scoredPieces(),
      path.join(import.meta.dirname, '../../../../resources/models/uncurl-8'),
    ]) {
      const [own, read] = [await loadTokenizer(folder), await loadTokenizer(await ggufOf(folder, 'f32'))];
      const texts = [
        'expert layers are pruned',
        '  two  spaces',
        'Stra\u00dfe 25: sort\n',
        'emoji \u{1f600}',
        '<unk>x',
        '',
      ];
      expect(texts.map((text) => read?.encode(text, true))).toEqual(texts.map((text) => own?.encode(text, true)));
      const decoded = (tokenizer: typeof own): unknown =>
        texts.map((text) => {
          const ids = tokenizer?.encode(text, false) ?? [];
          return [tokenizer?.decode(ids), tokenizer?.decodeText(ids)];
        });
      expect(decoded(read)).toEqual(decoded(own));
      expect([read?.endToken, read?.prefixToken]).toEqual([own?.endToken, own?.prefixToken]);
    }
  });
});
