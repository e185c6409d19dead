import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { readTensorBytes } from '../../../main/checkpoint/read-tensor.ts';
import type { PredictionChoice } from '../../../main/contract/export.ts';
import type { DropPlan } from '../../../main/contract/plan.ts';
import { checkExport, cutsPrediction } from '../../../main/export/check-export.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { verifyExport } from '../../../main/export/verify-export.ts';
import { planCost } from '../../../main/pruning/plan-cost.ts';
import {
  changeableCopy,
  checkpointFixture,
  editJson,
  editTensors,
  type StoredTensor,
} from '../checkpoint/checkpoint-files.ts';
import { exportRequest, mergeEvenly } from './export-settings.ts';

type Tensors = Map<string, StoredTensor>;
type Config = Record<string, unknown>;

/** Copies the tensors whose names begin with `from` under another beginning. */
const copyLayer = (tensors: Tensors, from: string, to: string): void => {
  for (const [name, tensor] of [...tensors])
    if (name.startsWith(from)) tensors.set(`${to}${name.slice(from.length)}`, tensor);
};
const projection: StoredTensor = { dtype: 'F32', shape: [32, 64], bytes: new Uint8Array(4 * 32 * 64) };

/** A fixture with an extra prediction layer like one of its own, as a released file has it. */
const cases: Readonly<
  Record<
    string,
    { to: string; mark: string; config: (config: Config) => void; key: string | null; lists?: Record<string, number> }
  >
> = {
  glm4_moe_lite: {
    to: 'model.layers.3.',
    mark: 'model.layers.3.eh_proj.weight',
    config: (config) => Object.assign(config, { num_nextn_predict_layers: 1 }),
    key: null,
  },
  'deepseek_v3-fp8': {
    to: 'model.layers.2.',
    mark: 'model.layers.2.eh_proj.weight',
    config: (config) => Object.assign(config, { num_nextn_predict_layers: 1 }),
    key: null,
  },
  'exaone_moe-fused': {
    to: 'mtp.layers.0.',
    mark: 'mtp.fc.weight',
    config: () => undefined,
    key: null,
  },
  'mimo_v2_flash-fused': {
    to: 'model.mtp.layers.0.',
    mark: 'model.mtp.layers.0.eh_proj.weight',
    config: (config) => Object.assign(config, { num_mtp_layers: 1 }),
    key: null,
  },
  ernie4_5_moe: {
    to: 'model.mtp_block.0.',
    mark: 'model.mtp_linear_proj.0.weight',
    config: (config) => Object.assign(config, { num_nextn_predict_layers: 1 }),
    key: null,
  },
  step3p7: {
    to: 'model.layers.4.',
    mark: 'model.layers.4.eh_proj.weight',
    config: (config) => Object.assign(config['text_config'] as Config, { token_numbers: [1, 2, 3, 4, 5] }),
    key: 'text_config',
    lists: { layer_types: 4, swiglu_limits: 4, rope_theta: 4, partial_rotary_factors: 4, token_numbers: 5 },
  },
};
const names = Object.keys(cases);

/** How the names of a fixture's last MoE layer begin. */
const lastLayer = async (name: string): Promise<string> => {
  const { descriptor } = await openCheckpoint(checkpointFixture(name));
  return `model.layers.${String(descriptor.moeLayers.at(-1)?.block)}.`;
};

const withPrediction = async (
  name: string,
  change: (tensors: Tensors, to: string) => void = () => undefined,
): Promise<string> => {
  const { to, mark, config } = cases[name] ?? expect.fail(`no case ${name}`);
  const from = await lastLayer(name);
  const folder = await changeableCopy(checkpointFixture(name));
  await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
    copyLayer(tensors, from, to);
    tensors.set(mark, projection);
    change(tensors, to);
  });
  await editJson(path.join(folder, 'config.json'), config);
  return folder;
};

/** Every second expert. */
const halfOf = async (folder: string): Promise<DropPlan> => {
  const { info } = await openCheckpoint(folder);
  return {
    kept: Array.from({ length: info.moeLayers }, (_, layer) =>
      Array.from({ length: info.experts / 2 }, (_e, index) => 2 * index + (layer % 2)),
    ),
  };
};

const exported = async (folder: string, mtp: PredictionChoice) => {
  const request = { ...(await exportRequest(folder, await halfOf(folder))), mtp };
  const result = await exportPlan(request);
  return { request, ...result, opened: await openCheckpoint(result.folder) };
};

const textConfig = (config: Readonly<Record<string, unknown>>, key: string | null): Config =>
  (key === null ? config : config[key]) as Config;

describe.each(names)('extra prediction layers of %s', (name) => {
  const { to, key, lists = {} } = cases[name] ?? expect.fail(`no case ${name}`);

  it('are said to be there, and left out unless they are asked for', async () => {
    const folder = await withPrediction(name);
    const { info, descriptor } = await openCheckpoint(folder);
    expect(descriptor.prediction.obstacle).toBeNull();
    expect(info.reasons.join(' ')).toMatch(/\d+ tensors are extra prediction layers \(MTP\), not used here/);
    const { request, opened, verification, warnings, ...result } = await exported(folder, 'drop');
    expect(verification).toMatchObject({ ok: true, mtp: 'drop' });
    expect([...opened.tensors.keys()].filter((tensor) => /mtp|eh_proj/.test(tensor) || tensor.startsWith(to))).toEqual(
      [],
    );
    const config = textConfig(opened.config, key);
    const counts = Object.entries(config).filter(([each]) => /^num_(nextn_predict|mtp)_layers$/.test(each));
    expect(counts.length).toBeGreaterThan(0);
    for (const [, count] of counts) expect(count).toBe(0);
    for (const [list, length] of Object.entries(lists)) expect(config[list], list).toHaveLength(length);
    expect(cutsPrediction(descriptor, request.plan)).toBe(true);
    expect(cutsPrediction({ prediction: { ...descriptor.prediction, stacked: [], prefixes: [] } }, request.plan)).toBe(
      false,
    );
    expect(warnings.join(' ')).toMatch(/Extra prediction layers \(MTP, \d+ tensors\) of the source are left out/);
    expect(await readFile(path.join(result.folder, 'README.md'), 'utf8')).toMatch(
      /## Beside the text model\n\nExtra prediction layers \(MTP, \d+ tensors\) of the source are left out/,
    );
    const bytes = [...opened.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    const { sizeBytes } = planCost(info, request.plan);
    expect(Math.abs(sizeBytes - bytes) / bytes).toBeLessThan(0.1);
  });

  it('are sliced like the last layer that the plan prunes, byte for byte', async () => {
    const folder = await withPrediction(name);
    const { request, opened, verification, ...result } = await exported(folder, 'slice');
    expect(verification).toMatchObject({ ok: true, mtp: 'slice', problems: [] });
    const kept = (request.plan as DropPlan).kept.at(-1) ?? [];
    const source = request.checkpoint;
    const ofSource = [...source.tensors.keys()].filter((tensor) => tensor.startsWith(to));
    // A layer of the model has the same tensors, cut in the same way.
    const from = await lastLayer(name);
    const { stacked, prefixes } = source.descriptor.prediction;
    expect(stacked.length + prefixes.length).toBeGreaterThan(0);
    for (const tensor of ofSource) {
      if (tensor.includes('eh_proj')) continue;
      const twin = `${from}${tensor.slice(to.length)}`;
      const [a, b] = [opened.tensors.get(tensor), opened.tensors.get(twin)];
      expect(a?.shape, tensor).toEqual(b?.shape);
      if (a !== undefined && b !== undefined)
        expect(await readTensorBytes(a), tensor).toEqual(await readTensorBytes(b));
    }
    expect(textConfig(opened.config, key)).toMatchObject({
      ...textConfig(source.config, key),
      ...Object.fromEntries(source.descriptor.configKeys.experts.map((each) => [each, kept.length])),
    });
    expect(await readFile(path.join(result.folder, 'README.md'), 'utf8')).toMatch(
      /the numbers that the plan keeps in MoE layer \d+, the last one\. This is a definition: theirs were not measured/,
    );
  });
});

describe('slicing extra prediction layers', () => {
  it('shows in a verification when one of their tensors was changed', async () => {
    const { request, folder } = await exported(await withPrediction('glm4_moe_lite'), 'slice');
    await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
      const router = tensors.get('model.layers.3.mlp.gate.weight') ?? expect.fail('no router');
      router.bytes[0] = (router.bytes[0] ?? 0) ^ 1;
    });
    const { ok, problems } = await verifyExport({
      exported: folder,
      checkpoint: request.checkpoint,
      plan: request.plan,
      settings: request.settings,
      control: request.control,
    });
    expect(ok).toBe(false);
    expect(problems.join(' ')).toMatch(/"model\.layers\.3\.mlp\.gate\.weight" is not expert 1 of the source/);
  });

  it.each([
    ['a layer without router', (tensors: Tensors, to: string) => tensors.delete(`${to}mlp.gate.weight`), /no router/],
    [
      'other numbers of experts',
      (tensors: Tensors, to: string) => {
        for (const name of tensors.keys()) if (name.startsWith(`${to}mlp.experts.7.`)) tensors.delete(name);
      },
      /has 7 experts, and the model 8/,
    ],
    [
      'experts by another name',
      (tensors: Tensors, to: string) => tensors.set(`${to}experts.0.w.weight`, projection),
      /is not a name of this family/,
    ],
    [
      'a router of another size',
      (tensors: Tensors, to: string) =>
        tensors.set(`${to}mlp.gate.weight`, { dtype: 'F32', shape: [6, 32], bytes: new Uint8Array(4 * 6 * 32) }),
      /has shape \[6, 32\], and the model 8 experts/,
    ],
  ])('is refused by name with %s', async (_what, change, message) => {
    const folder = await withPrediction('glm4_moe_lite', change);
    const request = await exportRequest(folder, await halfOf(folder));
    await expect(exportPlan({ ...request, mtp: 'slice' })).rejects.toMatchObject({
      code: 'mtp-not-sliced',
      message: expect.stringMatching(message),
    });
    expect((await exportPlan(request)).verification).toMatchObject({ ok: true, mtp: 'drop' });
  });

  it('is refused for formats without them, for merging plans, and where there are none', async () => {
    const folder = await withPrediction('glm4_moe_lite');
    const checkpoint = await openCheckpoint(folder);
    const plan = await halfOf(folder);
    const refusal = async (...[given, form]: [Parameters<typeof checkExport>[1], 'hf' | 'onnx']) =>
      (await checkExport(checkpoint, given, form, 'slice')).refusal?.message;
    expect(await refusal(plan, 'onnx')).toMatch(/onnx has no form for them/);
    expect(await refusal(mergeEvenly(checkpoint, 4, 'mean-row'), 'hf')).toMatch(/the plan merges experts/);
    const without = await openCheckpoint(checkpointFixture('glm4_moe_lite'));
    expect((await checkExport(without, plan, 'hf', 'slice')).refusal?.message).toMatch(/the model has none/);
    expect((await checkExport(without, plan, 'hf', 'drop')).refusal).toBeNull();
  });
});
