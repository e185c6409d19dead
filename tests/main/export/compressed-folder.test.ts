import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { readTensorBytes } from '../../../main/checkpoint/read-tensor.ts';
import { compressedTypes, type RoundedType } from '../../../main/contract/export.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import { checkExport } from '../../../main/export/check-export.ts';
import { requireCompressible } from '../../../main/export/compressed-folder.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { roundedBytes, roundedWeightsFact, wholePlan, writeRounded } from '../../../main/export/rounded-folder.ts';
import { verifyExport } from '../../../main/export/verify-export.ts';
import { changeableCopy, checkpointFixture, widenExperts } from '../checkpoint/checkpoint-files.ts';
import { exportSettingsIn, openModelRunner } from '../../open-model-runner.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { exportRequest, mergeEvenly } from './export-settings.ts';

const { signal } = new AbortController();
const MODEL = 'resources/models/uncurl-8';

const rounded = async (checkpoint: Checkpoint, plan: Plan, type: RoundedType): Promise<Checkpoint> => {
  const { overlays } = exportSettingsIn(await temporaryFolder());
  const folder = path.join(await temporaryFolder(), 'rounded');
  return openCheckpoint(await writeRounded({ checkpoint, plan, type, overlays, signal }, folder));
};
const logitsOf = async (model: Checkpoint, plan: Plan | null): Promise<Float32Array> => {
  const settings = { threads: 1, memoryBudgetBytes: 2 ** 30, overlayFolder: await temporaryFolder() };
  const runner = await openModelRunner(model, settings);
  try {
    return (await runner.forward([[3, 7, 11, 2, 19, 30, 5]], plan, { signal }))[0]?.logits ?? expect.fail('no logits');
  } finally {
    await runner.dispose();
  }
};
const wide = async (name: string): Promise<string> => widenExperts(await changeableCopy(checkpointFixture(name)));
const half = ({ descriptor }: Checkpoint): Plan => ({ kept: descriptor.moeLayers.map(() => [1, 3, 4, 6]) });

it('models of more than text have no quantised folder', async () => {
  const checkpoint = await openCheckpoint(MODEL);
  expect(() => requireCompressible(checkpoint, 'nvfp4')).not.toThrow();
  const { descriptor } = checkpoint;
  for (const more of [
    { ...descriptor, carriedTensors: ['vision.weight'] },
    { ...descriptor, configKeys: { ...descriptor.configKeys, within: 'text_config' } },
  ])
    expect(() => requireCompressible({ ...checkpoint, descriptor: more }, 'nvfp4')).toThrow('more than a text model');
});

describe('a folder quantised as', () => {
  it.each(compressedTypes)('%s is the pruned model that a sweep measures at the type', async (type) => {
    const request = await exportRequest(MODEL, half(await openCheckpoint(MODEL)));
    const { checkpoint, plan, settings } = request;
    const { folder, verification, warnings } = await exportPlan({ ...request, hfType: type });
    expect(warnings.join(' ')).not.toContain('keep their stored type');
    expect(verification).toMatchObject({ ok: true, sameTensors: true, tokens: 0 });
    const exported = await openCheckpoint(folder);
    expect(exported.info.dtype).toMatch(/^(float|int)[48] \(a scale per/);
    const whole = await rounded(checkpoint, wholePlan(checkpoint), type);
    expect(await logitsOf(exported, null)).toEqual(await logitsOf(whole, plan));
    expect(await logitsOf(exported, null)).not.toEqual(await logitsOf(checkpoint, plan));
    const bytes = [...exported.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(await roundedBytes(checkpoint, plan, type, settings.overlays)).toBe(bytes);
    for (const name of ['lm_head.weight', 'model.embed_tokens.weight', 'model.norm.weight'])
      expect(await readTensorBytes(exported.tensors.get(name) ?? expect.fail(name))).toEqual(
        await readTensorBytes(checkpoint.tensors.get(name) ?? expect.fail(name)),
      );
    const card = await readFile(path.join(folder, 'README.md'), 'utf8');
    expect(card).toContain(`quantised as ${type} (compressed-tensors)`);

    const again = { exported: folder, checkpoint, plan, settings, control: { signal } };
    expect(await verifyExport(again)).toEqual(verification);
    const { file, byteOffset } =
      exported.tensors.get('model.layers.1.block_sparse_moe.experts.2.w2.weight_scale') ?? expect.fail('no scale');
    const changed = await readFile(file);
    changed[byteOffset] = (changed[byteOffset] ?? 0) ^ 1;
    await writeFile(file, changed);
    const { ok, problems } = await verifyExport(again);
    expect(ok).toBe(false);
    expect(problems.join(' ')).toMatch(
      /experts\.2\.w2\.weight_scale" is not what the plan makes of the source: byte 0/,
    );
  });

  it('int4 quantises merged experts, and names a head that is the embedding', async () => {
    const request = await exportRequest(await wide('qwen3_moe'), { kept: [] });
    const merged = mergeEvenly(request.checkpoint, 4, 'reference-row');
    const { folder } = await exportPlan({ ...request, plan: merged, hfType: 'int4' });
    const exported = await openCheckpoint(folder);
    expect(exported.info).toMatchObject({ experts: 4, dtype: 'int4 (a scale per 1 x 32)' });
    expect(await logitsOf(exported, null)).toEqual(
      await logitsOf(await rounded(request.checkpoint, merged, 'int4'), null),
    );
    // The head is the embedding, and has no tensor; its module has to be named.
    expect(request.checkpoint.tensors.has('lm_head.weight')).toBe(false);
    expect(exported.config['quantization_config']).toMatchObject({
      ignore: expect.arrayContaining(['lm_head', 'model.embed_tokens']) as unknown,
    });
  });

  it.each([...compressedTypes])('%s is refused for experts with rows of no whole groups', async (type) => {
    const checkpoint = await openCheckpoint(checkpointFixture('qwen3_moe'));
    const check = (): unknown => roundedWeightsFact(checkpoint, [type]);
    if (type === 'fp8' || type === 'fp8_block') return expect(check).not.toThrow();
    expect(check).toThrow(
      /^The weights of qwen3_moe cannot be written as \S+: rows of "model\.layers\.\S+\.weight" have 12/,
    );
  });

  it('int8 leaves matrices of one row or without whole groups as they are, and says so in the config', async () => {
    const folder = await wide('qwen2_moe');
    const request = await exportRequest(folder, { kept: [] });
    const { moeLayers, experts } = request.checkpoint.info;
    const kept = Array.from({ length: moeLayers }, () => Array.from({ length: experts / 2 }, (_, expert) => expert));
    const { folder: out, warnings } = await exportPlan({ ...request, plan: { kept }, hfType: 'int8' });
    expect(warnings.join(' ')).toMatch(
      /\b3 matrices \(model\.layers\.\S+\.weight and others .*\) keep .* not whole groups of 32 values, which int8 requires/,
    );
    const exported = await openCheckpoint(out);
    const gates = [...request.checkpoint.tensors.keys()].filter((name) => name.endsWith('shared_expert_gate.weight'));
    expect(gates.length).toBeGreaterThan(0);
    for (const name of gates) {
      const [before, after] = [request.checkpoint, exported].map(({ tensors }) => tensors.get(name));
      expect(before?.shape[0]).toBe(1);
      expect(after).toMatchObject({ dtype: before?.dtype, shape: before?.shape });
    }
    const module = gates[0]?.replace(/shared_expert_gate\.weight$/, '') ?? '';
    expect(exported.tensors.get(`${module}shared_expert.up_proj.weight_packed`)?.dtype).toBe('I32');
    // Unless it is named, compressed-tensors expects codes of every linear layer, also of one row.
    expect(JSON.stringify(exported.config['quantization_config'])).toContain('shared_expert_gate$');
  });

  it.each([
    ['gpt_oss-mxfp4', 'they are quantised already'],
    ['deepseek_v3-fp8', 'they are quantised already'],
    ['mixtral-fused', 'its experts are not stored as one matrix each'],
  ])('int4 is refused for %s before anything is measured', async (name, reason) => {
    const checkpoint = await openCheckpoint(checkpointFixture(name));
    expect(() => roundedWeightsFact(checkpoint, ['int4'])).toThrow(`cannot be written as int4: ${reason}`);
  });

  it('int4 is refused beside other formats and with sliced extra layers', async () => {
    const checkpoint = await openCheckpoint(MODEL);
    const plan = half(checkpoint);
    const refusalOf = async (...given: Parameters<typeof checkExport>): Promise<string | undefined> =>
      (await checkExport(...given)).refusal?.message;
    expect(await refusalOf(checkpoint, plan, 'hf', 'drop', 'int4')).toBeUndefined();
    expect(await refusalOf(checkpoint, plan, 'onnx', 'drop', 'int4')).toContain('a folder for onnx holds no such');
    expect(await refusalOf(checkpoint, plan, 'hf', 'slice', 'int4')).toContain('extra prediction layers have no form');
  });
});
