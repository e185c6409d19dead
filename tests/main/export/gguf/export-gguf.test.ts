import { open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../../../main/checkpoint/read-tensor.ts';
import type { GgufType } from '../../../../main/contract/export.ts';
import type { Plan } from '../../../../main/contract/plan.ts';
import { exportPlan, type ExportRequest, type ExportResult } from '../../../../main/export/export-plan.ts';
import { exportBytes } from '../../../../main/export/export-bytes.ts';
import { readGguf } from '../../../../main/checkpoint/gguf/read-gguf.ts';
import { verifyExport } from '../../../../main/export/verify-export.ts';
import { exportRequest, mergeEvenly } from '../export-settings.ts';
import { llamaModel } from './llama-models.ts';

const three: Plan = {
  kept: [
    [6, 2, 0],
    [1, 3, 7],
  ],
};

const exported = async (
  source: string,
  plan: Plan,
  ggufType?: GgufType,
): Promise<ExportResult & { readonly request: ExportRequest; readonly file: string }> => {
  const request = { ...(await exportRequest(source, plan)), format: 'gguf' as const, ggufType };
  const result = await exportPlan(request);
  return { ...result, request, file: path.join(result.folder, 'model.gguf') };
};

const verify = ({ request, folder }: { readonly request: ExportRequest; readonly folder: string }) =>
  verifyExport({ ...request, exported: folder });

/** Values of a float32 tensor of a GGUF file. */
const valuesOf = async (file: string, name: string): Promise<Float32Array> => {
  const info = (await readGguf(file)).tensors.find((tensor) => tensor.name === name) ?? expect.fail(name);
  return readTensor({ ...info, tensor: name, file, dtype: 'F32' });
};

describe('a GGUF export', () => {
  it('contains config, plan, card, checksums and side files beside the one file', async () => {
    const { folder, verification, sizeBytes, file } = await exported(await llamaModel('mixtral'), three);
    expect(verification).toMatchObject({ ok: true, problems: [], tokens: 0, sameTensors: true, sameExperts: null });
    expect((await readdir(folder)).sort()).toEqual([
      'README.md',
      'checksums.sha256',
      'config.json',
      'model.gguf',
      'tokenizer.json',
      'tokenizer_config.json',
      'uncurl-plan.json',
    ]);
    expect(sizeBytes).toBeGreaterThan((await readFile(file)).length);
    const card = await readFile(path.join(folder, 'README.md'), 'utf8');
    expect(card).toMatch(/written as f32: every value of its metadata and every byte of its tensors is the same/);
    expect(card).toMatch(/llama-cli --model/);
    expect(card).not.toMatch(/AutoModelForCausalLM|onnxruntime|undefined/);
  });

  it('has a type of experts for each layer where the plan says so, and its proof compares them', async () => {
    const source = await llamaModel('mixtral');
    const typed: Plan = { ...three, expertTypes: ['q8_0', 'q4_0'] };
    const made = await exported(source, typed, 'f16');
    expect(made.verification).toMatchObject({ ok: true, problems: [] });
    const { tensors } = await readGguf(made.file);
    const types = (name: RegExp) => [...new Set(tensors.filter((one) => name.test(one.name)).map(({ type }) => type))];
    expect(types(/^blk\.0\.ffn_(?:gate|up)_exps\.weight$/)).toEqual(['q8_0']);
    expect(types(/^blk\.1\.ffn_(?:gate|up)_exps\.weight$/)).toEqual(['q4_0']);
    expect(types(/attn_q\.weight$/)).toEqual(['f16']);
    const card = await readFile(path.join(made.folder, 'README.md'), 'utf8');
    expect(card).toContain('written as f16, its experts by MoE layer as q8_0, q4_0: every value');
    const { settings } = made.request;
    const checkpoint = await openCheckpoint(source);
    expect(await exportBytes(checkpoint, typed, 'gguf', 'f16', settings.overlays)).toBe(
      (await readFile(made.file)).length,
    );
    const swapped: Plan = { ...typed, expertTypes: ['q4_0', 'q8_0'] };
    const other = await verify({ ...made, request: { ...made.request, plan: swapped } });
    expect(other.ok).toBe(false);
    expect(other.problems.join('\n')).toMatch(/ffn_\w+_exps\.weight" is q8_0 .* instead of q4_0/);
    await expect(exportPlan({ ...made.request, format: 'hf', ggufType: undefined })).rejects.toMatchObject({
      code: 'types-by-layer',
    });
    await expect(exported(source, { ...typed, expertTypes: ['q8_0'] }, 'f16')).rejects.toMatchObject({
      code: 'plan-invalid',
    });
  });

  it('with another value, or another key, is told by the key', async () => {
    const made = await exported(await llamaModel('mixtral'), three);
    const bytes = await readFile(made.file);
    const problemsWith = async (edit: (copy: Buffer) => void): Promise<readonly string[]> => {
      const copy = Buffer.from(bytes);
      edit(copy);
      await writeFile(made.file, copy);
      await rm(path.join(made.folder, 'checksums.sha256'), { force: true });
      return (await verify(made)).problems;
    };
    const [used, base] = ['llama.expert_used_count', 'llama.rope.freq_base'];
    // A value of 32 bits stands after its key and four bytes for its type.
    const other = await problemsWith((copy) => void copy.writeUInt32LE(1, copy.indexOf(used) + used.length + 4));
    expect(other).toEqual([`model.gguf: "${used}" is 1 instead of 2.`]);
    const named = await problemsWith((copy) => void copy.write('llama.rope.freq_bass', copy.indexOf(base)));
    expect(named).toEqual([
      `model.gguf: "${base}" is missing instead of 1000000.`,
      'model.gguf: "llama.rope.freq_bass" is 1000000 instead of missing.',
    ]);
    expect(await problemsWith(() => undefined)).toEqual([]);
  });

  it('has the metadata for llama.cpp, and reorders queries and keys only for Mixtral', async () => {
    const source = await llamaModel('mixtral');
    const { file } = await exported(source, three);
    const { metadata, tensors } = await readGguf(file);
    const value = (key: string): unknown => metadata.get(key)?.value;
    expect([
      value('general.architecture'),
      value('llama.expert_count'),
      value('llama.expert_used_count'),
      value('llama.attention.head_count_kv'),
      value('tokenizer.ggml.model'),
    ]).toEqual(['llama', 3, 2, 2, 't5']);
    expect(tensors.find(({ name }) => name === 'blk.1.ffn_down_exps.weight')).toMatchObject({
      shape: [3, 32, 24],
      type: 'f32',
    });
    const { descriptor, tensors: own } = await openCheckpoint(source);
    const stored = own.get('model.layers.0.self_attn.q_proj.weight') ?? expect.fail('no queries');
    const before = await readTensor(stored);
    const after = await valuesOf(file, 'blk.0.attn_q.weight');
    const attention = descriptor.blocks[0]?.attention;
    if (attention?.kind !== 'grouped') expect.fail('Mixtral has grouped attention');
    const half = attention.headDimension / 2;
    const rowOf = (values: Float32Array, row: number): number[] => [...values.subarray(32 * row, 32 * row + 32)];
    // Head 1: its second pair is row 1 of either half.
    const start = attention.headDimension;
    expect(rowOf(after, start + 2)).toEqual(rowOf(before, start + 1));
    expect(rowOf(after, start + 3)).toEqual(rowOf(before, start + half + 1));

    const other = await llamaModel('olmoe');
    const kept = [0, 1, 2, 3, 4];
    const { file: plain } = await exported(other, { kept: [kept, kept] }, 'f32');
    const queries = (await openCheckpoint(other)).tensors.get('model.layers.0.self_attn.q_proj.weight');
    expect(await valuesOf(plain, 'blk.0.attn_q.weight')).toEqual(await readTensor(queries ?? expect.fail('none')));
  });

  it('keeps norms and routers in float32, and reports the tensors that do not fit Q8_0', async () => {
    const { file, warnings } = await exported(await llamaModel('mixtral'), three, 'q8_0');
    const { tensors } = await readGguf(file);
    const typeOf = (name: string): string | undefined => tensors.find((tensor) => tensor.name === name)?.type;
    expect(
      ['token_embd.weight', 'blk.0.ffn_gate_inp.weight', 'blk.0.attn_norm.weight', 'blk.0.ffn_up_exps.weight'].map(
        typeOf,
      ),
    ).toEqual(['q8_0', 'f32', 'f32', 'q8_0']);
    expect(typeOf('blk.0.ffn_down_exps.weight')).toBe('f16');
    expect(warnings.join(' ')).toMatch(/2 tensors \(blk\.0\.ffn_down_exps\.weight .* are float16/);
  });

  it('keeps the type of the source by default', async () => {
    const kept = [0, 1, 2, 3];
    const { file } = await exported(await llamaModel('olmoe'), { kept: [kept, kept] });
    const { tensors } = await readGguf(file);
    expect(tensors.find(({ name }) => name === 'token_embd.weight')?.type).toBe('f16');
  });

  it('supports merged experts', async () => {
    const source = await llamaModel('mixtral');
    const merged = mergeEvenly(await openCheckpoint(source), 4, 'reference-row');
    const result = await exported(source, merged);
    expect(result.verification.problems).toEqual([]);
    expect((await readGguf(result.file)).metadata.get('llama.expert_count')?.value).toBe(4);
  });

  it('has changes detected with name and byte, in its values and its plan', async () => {
    const result = await exported(await llamaModel('mixtral'), three, 'f16');
    expect(await verify(result)).toMatchObject({ ok: true });
    const info = (await readGguf(result.file)).tensors.find(({ name }) => name === 'blk.1.ffn_up_exps.weight');
    const handle = await open(result.file, 'r+');
    await handle.write(Buffer.of(0x7b), 0, 1, (info ?? expect.fail('no tensor')).byteOffset + 5);
    await handle.close();
    const changed = await verify(result);
    expect(changed).toMatchObject({ ok: false, sameTensors: false });
    expect(changed.problems.join(' ')).toMatch(
      /"blk\.1\.ffn_up_exps\.weight" differs from what .* byte 5 of \d+ differs/,
    );
    expect(changed.problems.join(' ')).toMatch(/model\.gguf was changed/);

    const otherPlan: Plan = { kept: [[0, 1, 2, 3].slice(1), [0, 1, 2]] };
    const other = await verify({ ...result, request: { ...result.request, plan: otherPlan } });
    expect(other.problems.join(' ')).toMatch(/blk\.0\.ffn_gate_inp\.weight/);
  });

  it('is reported if it is truncated', async () => {
    const result = await exported(await llamaModel('mixtral'), three);
    const handle = await open(result.file, 'r+');
    await handle.truncate(30_000);
    await handle.close();
    const cut = await verify(result);
    expect(cut.ok).toBe(false);
    expect(cut.problems[0]).toMatch(/is cut off|does not end within/);
  });
});
