import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type GgufContents, readGguf } from '../../../../main/checkpoint/gguf/read-gguf.ts';
import { openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import type { DropPlan, Plan } from '../../../../main/contract/plan.ts';
import { exportPlan, type ExportResult } from '../../../../main/export/export-plan.ts';
import { verifyExport } from '../../../../main/export/verify-export.ts';
import { exportSettingsIn } from '../../../open-model-runner.ts';
import { ggufOf, provenModels } from './llama-models.ts';
import { randomMixtral } from '../../checkpoint/gguf/gguf-bytes.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

const control = { signal: new AbortController().signal };
const types = { attention: 'q5_k', gate: 'q4_k', up: 'iq3_s', down: 'q6_k', embedding: 'q8_0' } as const;
/** Three of five experts, and others in each layer. */
const plan: DropPlan = {
  kept: [
    [0, 2, 4],
    [1, 2, 3],
  ],
};

const source = async (): Promise<string> => {
  const file = path.join(await temporaryFolder(), 'model.gguf');
  await writeFile(file, randomMixtral(types));
  return file;
};

const exported = async (
  file: string,
  given: Plan,
  request: { readonly format?: 'hf' | 'gguf'; readonly ggufType?: 'q8_0' } = {},
): Promise<ExportResult> =>
  exportPlan({
    checkpoint: await openCheckpoint(file),
    plan: given,
    destination: path.join(await temporaryFolder(), 'pruned'),
    format: 'gguf',
    settings: exportSettingsIn(await temporaryFolder()),
    control,
    ...request,
  });

/** Bytes of every tensor by name. */
const bytesOf = async ({ file, tensors }: GgufContents): Promise<ReadonlyMap<string, Buffer>> => {
  const all = await readFile(file);
  return new Map(
    tensors.map(({ name, byteOffset, byteLength }) => [name, all.subarray(byteOffset, byteOffset + byteLength)]),
  );
};

describe('a GGUF file pruned as stored', () => {
  it('keeps the bytes of every kept expert, of all other tensors, and of all metadata but one', async () => {
    const file = await source();
    const { folder, verification } = await exported(file, plan);
    expect(verification).toMatchObject({ ok: true, sameTensors: true, sameExperts: true, problems: [] });
    expect(verification.tokens).toBeGreaterThan(100);
    const [before, after] = [await readGguf(file), await readGguf(path.join(folder, 'model.gguf'))];
    const [theirs, ours] = [await bytesOf(before), await bytesOf(after)];
    expect([...ours.keys()]).toEqual([...theirs.keys()]);
    for (const { name, type, shape } of before.tensors) {
      const layer = Number(/^blk\.(\d)\.ffn_(?:gate_inp|gate_exps|up_exps|down_exps)/.exec(name)?.[1] ?? NaN);
      const whole = theirs.get(name) ?? Buffer.alloc(0);
      const size = whole.length / 5;
      const wanted = Number.isNaN(layer)
        ? whole
        : Buffer.concat((plan.kept[layer] ?? []).map((expert) => whole.subarray(expert * size, (expert + 1) * size)));
      expect(ours.get(name)?.equals(wanted), name).toBe(true);
      const found = after.tensors.find((each) => each.name === name);
      expect(found).toMatchObject({ type, shape: Number.isNaN(layer) ? shape : [3, ...shape.slice(1)] });
    }
    const values = ({ metadata }: GgufContents): unknown => [...metadata].map(([key, { value }]) => [key, value]);
    const changed = new Map(before.metadata).set('llama.expert_count', { value: 3, bytes: new Uint8Array() });
    expect(values(after)).toEqual(values({ ...before, metadata: changed }));
    const { info } = await openCheckpoint(path.join(folder, 'model.gguf'));
    expect(info).toMatchObject({ experts: 3, dtype: 'q4_k, iq3_s, q6_k' });
    expect(await readFile(path.join(folder, 'README.md'), 'utf8')).toContain('every token chose the same experts');
  });

  it.each([2, 3])('keeps the type %d of 16 bits in which its file counts experts', async (type) => {
    const file = await source();
    const [bytes, { tensors }] = [await readFile(file), await readGguf(file)];
    const key = 'llama.expert_count';
    const at = bytes.indexOf(key) + key.length;
    const start = Math.min(...tensors.map(({ byteOffset }) => byteOffset));
    // A number of 32 bits becomes one of 16; tensors stay where they are.
    const short = Buffer.concat([bytes.subarray(0, at + 6), bytes.subarray(at + 8, start), Buffer.alloc(2)]);
    short.writeUInt32LE(type, at);
    await writeFile(file, Buffer.concat([short, bytes.subarray(start)]));
    const { folder, verification } = await exported(file, plan);
    expect(verification).toMatchObject({ ok: true, problems: [] });
    const stored = (await readGguf(path.join(folder, 'model.gguf'))).metadata.get(key);
    expect(stored?.value).toBe(3);
    const again = Buffer.from(stored?.bytes ?? []);
    expect([again.readUInt32LE(8 + key.length), again.length]).toEqual([type, 8 + key.length + 6]);
  });

  it.for([
    /^deepseek_v3/,
    /^glm_moe_dsa with a shared/,
    /^deepseek_v4/,
    /^bailing_hybrid/,
    /^qwen3_next/,
    /^qwen3_5_moe/,
    /^nemotron_h with/,
    /^llama4/,
    /^step3p7/,
    /^gemma4 with inputs/,
  ])('of %s chooses and computes as the masked file', async (name) => {
    const file = await ggufOf((await provenModels.find((model) => name.test(model.name))?.make()) ?? '', 'f32');
    const { descriptor } = await openCheckpoint(file);
    // The last expert of each group is dropped.
    const kept = descriptor.moeLayers.map(({ moe: { experts, routing } }) => {
      const size = experts / ('groups' in routing ? (routing.groups?.count ?? 1) : 1);
      return Array.from({ length: experts }, (_, expert) => expert).filter((expert) => (expert + 1) % size !== 0);
    });
    const { verification } = await exported(file, { kept });
    expect(verification).toMatchObject({ ok: true, sameTensors: true, sameExperts: true, problems: [] });
    expect(verification.tokens).toBeGreaterThan(100);
  });

  it('is found out if a byte, the header or the plan is another', async () => {
    const file = await source();
    const { folder } = await exported(file, plan);
    const verified = async (): Promise<readonly string[]> => {
      const settings = exportSettingsIn(await temporaryFolder());
      const checkpoint = await openCheckpoint(file);
      return (await verifyExport({ exported: folder, checkpoint, plan, settings, control })).problems;
    };
    const model = path.join(folder, 'model.gguf');
    const sound = await readFile(model);
    const edited = async (edit: (bytes: Buffer) => void): Promise<string> => {
      const copy = Buffer.from(sound);
      edit(copy);
      await writeFile(model, copy);
      return (await verified()).join('\n');
    };
    const down = (await readGguf(model)).tensors.find(({ name }) => name === 'blk.1.ffn_down_exps.weight');
    const middle = (down?.byteOffset ?? 0) + 100;
    expect(await edited((bytes) => bytes.writeUInt8((bytes[middle] ?? 0) ^ 1, middle))).toContain(
      'tensor "blk.1.ffn_down_exps.weight"',
    );
    await copyFile(file, path.join(folder, 'other.gguf'));
    const name = sound.indexOf('random');
    expect(await edited((bytes) => bytes.writeUInt8(0x72 ^ 1, name))).toMatch(
      /its header is not the source[^]*"other.gguf" does not belong to the export/,
    );
    await rm(model);
    expect((await verified()).join('\n')).toContain('pruned has no model.gguf');
  });

  it('is refused in other formats and types, and for plans with weights of their own', async () => {
    const file = await source();
    await expect(exported(file, plan, { format: 'hf' })).rejects.toThrow('it is exported as GGUF, not as hf');
    await expect(exported(file, plan, { ggufType: 'q8_0' })).rejects.toThrow('not written again as q8_0');
    const merging: Plan = {
      groups: [0, 1].map(() =>
        [[0, 1], [2], [3, 4]].map((members) => ({
          members,
          weights: members.map(() => 1),
          reference: members[0] ?? 0,
        })),
      ),
      router: 'reference-row',
      align: false,
    };
    await expect(exported(file, merging)).rejects.toThrow('this plan merges, refits or replaces some');
  });
});
