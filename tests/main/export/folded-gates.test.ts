import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Weight } from '../../../main/checkpoint/descriptor.ts';
import { type Checkpoint, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { readTensor, readTensorBytes } from '../../../main/checkpoint/read-tensor.ts';
import { scalableViews } from '../../../main/checkpoint/scaled-weight.ts';
import { readWithScales } from '../../../main/checkpoint/weight-reader.ts';
import type { DropPlan, Plan } from '../../../main/contract/plan.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { isMaskable, wholePlan, writeRounded } from '../../../main/export/rounded-folder.ts';
import { resolveCandidate } from '../../../main/inference/resolve-candidate.ts';
import { withGates } from '../../../main/pruning/gates.ts';
import { openModelRunner, overlaysIn } from '../../open-model-runner.ts';
import { checkpointFixture, editJson, editTensors } from '../checkpoint/checkpoint-files.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { exportRequest, mergeEvenly } from './export-settings.ts';
import { ggufOf, sparseQwen2 } from './gguf/llama-models.ts';

const { signal } = new AbortController();
const SEQUENCE = [3, 7, 11, 2, 19, 30, 5];
const FACTORS = [0.41, 0.73];
/** Sums in float32 in another order. */
const NOISE = 1e-5;
const packed = (name: string): string => path.join(import.meta.dirname, '..', '..', 'fixtures', 'packed-columns', name);

const logitsOf = async (model: Checkpoint, plan: Plan | null): Promise<Float32Array> => {
  const settings = { threads: 1, memoryBudgetBytes: 2 ** 30, overlayFolder: await temporaryFolder() };
  const runner = await openModelRunner(model, settings);
  try {
    return (await runner.forward([SEQUENCE], plan, { signal }))[0]?.logits ?? expect.fail('no logits');
  } finally {
    await runner.dispose();
  }
};

const largest = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
  Array.from(one, (value, at) => Math.abs(value - (other[at] ?? Number.NaN))).reduce((a, b) => Math.max(a, b), 0);

/** Every second expert, with gates folded by layer. */
const half = (
  { descriptor, info }: Checkpoint,
  gates: NonNullable<Plan['gates']> = { kind: 'folded', factors: FACTORS },
): DropPlan => ({
  kept: descriptor.moeLayers.map(() => Array.from({ length: info.experts / 2 }, (_, at) => 2 * at + 1)),
  gates,
});

const valuesOf = (weight: Weight): Promise<Float32Array> =>
  weight.stored.kind === 'plain' ? readTensor(weight.stored.view) : readWithScales(weight);

/** The export of a plan, which is proven to be the measured model before it gets its name. */
const exported = async (folder: string, format: 'hf' | 'gguf' = 'hf'): Promise<readonly [Checkpoint, Checkpoint]> => {
  const source = await openCheckpoint(folder);
  const request = await exportRequest(folder, half(source));
  const { folder: out, verification } = await exportPlan({ ...request, format });
  expect(verification).toMatchObject({ ok: true, sameTensors: true, sameExperts: true, problems: [] });
  return [source, await openCheckpoint(format === 'gguf' ? path.join(out, 'model.gguf') : out)];
};

/** Compares the down projections of an export with those of its source times the factors. */
const expectFolded = async (
  source: Checkpoint,
  pruned: Checkpoint,
  relative: number,
  sameOthers = true,
): Promise<void> => {
  for (const [layer, { moe }] of source.descriptor.moeLayers.entries()) {
    const own = pruned.descriptor.moeLayers[layer]?.moe.expertTensors[1] ?? expect.fail('no expert');
    const theirs = moe.expertTensors[3] ?? expect.fail('no expert');
    const before = await valuesOf(theirs.down);
    const wanted = before.map((value) => value * (FACTORS[layer] ?? Number.NaN));
    const bound = relative * before.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const is = await valuesOf(own.down);
    expect(largest(is, wanted)).toBeLessThanOrEqual(bound);
    expect(largest(is, before)).toBeGreaterThan(10 * bound);
    for (const role of sameOthers ? (['gate', 'up'] as const) : [])
      expect(await valuesOf(own[role] ?? expect.fail(role))).toEqual(await valuesOf(theirs[role] ?? expect.fail(role)));
  }
};

describe('gates folded into down projections', () => {
  it.each([
    ['qwen2_moe', 'f32', 'float32', 2 ** -22],
    ['olmoe', 'f16', 'float16', 2 ** -10],
    ['olmoe', 'bf16', 'bfloat16', 2 ** -7],
  ] as const)('of %s as %s are what the export stores', async (name, type, dtype, relative) => {
    const whole = await openCheckpoint(checkpointFixture(name));
    const overlays = overlaysIn(await temporaryFolder());
    const request = { checkpoint: whole, plan: wholePlan(whole), type, overlays, signal };
    const folder = await writeRounded(request, path.join(await temporaryFolder(), 'rounded'));
    const [source, pruned] = await exported(folder);
    expect(pruned.info.dtype).toBe(dtype);
    await expectFolded(source, pruned, relative);
    expect(largest(await logitsOf(pruned, null), await logitsOf(source, half(source)))).toBeLessThan(NOISE);
  });

  it('make the layers of switch-64 smaller by their factors, and an export of it is what was measured', async () => {
    const [source, pruned] = await exported('resources/models/switch-64');
    await expectFolded(source, pruned, 2 ** -10);
    const { gates: _gates, ...plainPlan } = half(source);
    const [folded, plain] = [await logitsOf(source, half(source)), await logitsOf(source, plainPlan)];
    expect(largest(await logitsOf(pruned, null), folded)).toBeLessThan(NOISE);
    expect(largest(folded, plain)).toBeGreaterThan(0.1);
    const renormalised = half(source, { kind: 'renormalised' });
    expect(await logitsOf(source, renormalised)).toEqual(plain);
  });

  it.each(['gptq', 'awq'])('of %s scale its scales and keep its codes', async (name) => {
    const [source, pruned] = await exported(packed(name));
    await expectFolded(source, pruned, 2 ** -9);
    const code = (model: Checkpoint, expert: number): Promise<Uint8Array> => {
      const stored = model.descriptor.moeLayers[0]?.moe.expertTensors[expert]?.down.stored;
      return readTensorBytes(stored?.kind === 'packed-columns' ? stored.view : expect.fail('no codes'));
    };
    expect(await code(pruned, 1)).toEqual(await code(source, 3));
    expect(largest(await logitsOf(pruned, null), await logitsOf(source, half(source)))).toBeLessThan(NOISE);
  });

  describe('of a GGUF file', () => {
    /** Qwen2-MoE with experts as wide as a block, whose numbers of values are those of whole blocks. */
    const wide = async (): Promise<string> => {
      const folder = await sparseQwen2();
      await editJson(path.join(folder, 'config.json'), (config) => (config['moe_intermediate_size'] = 32));
      await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
        for (const [name, tensor] of [...tensors])
          if (name.includes('.mlp.experts.')) {
            const bytes = Uint8Array.from({ length: 4096 }, (_, at) => tensor.bytes[at % tensor.bytes.length] ?? 0);
            tensors.set(name, { ...tensor, shape: [32, 32], bytes });
          }
      });
      return folder;
    };

    it.each(['q4_0', 'q5_1'] as const)('in %s scale the scales of its blocks', async (type) => {
      const [source, pruned] = await exported(await ggufOf(await wide(), type), 'gguf');
      expect(source.descriptor.moeLayers[0]?.moe.expertTensors[0]?.down.stored).toMatchObject({
        view: { dtype: type },
      });
      await expectFolded(source, pruned, 2 ** -9);
      expect(largest(await logitsOf(pruned, null), await logitsOf(source, half(source)))).toBeLessThan(NOISE);
    });

    it('are refused by name where scales are powers of two', async () => {
      const source = await openCheckpoint(await ggufOf(await wide(), 'mxfp4'));
      await expect(logitsOf(source, half(source))).rejects.toThrow(/ffn_down_exps.*mxfp4.*no factor fits/);
    });
  });

  it('of a merge scale the merged experts, in memory and in its export', async () => {
    const folder = checkpointFixture('olmoe');
    const source = await openCheckpoint(folder);
    const merged = mergeEvenly(source, 8, 'reference-row');
    const each = FACTORS.map((factor) => Array.from({ length: 8 }, (_, group) => factor + group / 8));
    const plans = [FACTORS, each].map((factors): Plan => ({ ...merged, gates: { kind: 'folded', factors } }));
    const measured: Float32Array[] = [];
    for (const plan of plans) {
      const { folder: out } = await exportPlan(await exportRequest(folder, plan));
      const logits = await logitsOf(source, plan);
      expect(largest(await logitsOf(await openCheckpoint(out), null), logits)).toBeLessThan(NOISE);
      measured.push(logits);
    }
    expect(largest(measured[0] ?? [], measured[1] ?? [])).toBeGreaterThan(100 * NOISE);
  });

  it('are folded before weights are rounded, so that a rounded folder holds what an export writes', async () => {
    const source = await openCheckpoint(checkpointFixture('olmoe'));
    const plan = half(source);
    expect(isMaskable(plan)).toBe(false);
    const request = { checkpoint: source, plan, overlays: overlaysIn(await temporaryFolder()), signal };
    const folder = await writeRounded({ ...request, type: 'bf16' }, path.join(await temporaryFolder(), 'rounded'));
    await expectFolded(source, await openCheckpoint(folder), 2 ** -7, false);
  });

  it('leave shared experts alone', async () => {
    const folder = checkpointFixture('qwen2_moe');
    const source = await openCheckpoint(folder);
    const plan = half(source);
    const candidate = { key: 'folded', plan };
    const { variants } = await resolveCandidate(source, candidate, overlaysIn(await temporaryFolder()));
    const layers = variants.flatMap(({ layer }) => layer ?? []);
    expect(layers.map(({ shared }) => shared)).toEqual(source.descriptor.moeLayers.map(({ moe }) => moe.shared));
    const factors = layers.map(({ experts }) => scalableViews(experts[1]?.down ?? expect.fail('no expert'))[0]?.factor);
    expect(factors).toEqual(FACTORS);
  });
});

describe('trained gates', () => {
  it('are those of the unpruned router: of the tokens that choose kept experts alone nothing changes', async () => {
    const source = await openCheckpoint('resources/models/switch-64');
    const settings = { threads: 1, memoryBudgetBytes: 2 ** 30, overlayFolder: await temporaryFolder() };
    const runner = await openModelRunner(source, settings);
    try {
      const whole = (await runner.forward([SEQUENCE], null, { signal }))[0] ?? expect.fail('no result');
      const tokens = SEQUENCE.length;
      const kept = source.descriptor.moeLayers.map((_, layer) => [
        ...new Set(whole.experts.slice(layer * tokens, (layer + 1) * tokens)),
      ]);
      const forward = async (plan: Plan): Promise<Float32Array> =>
        (await runner.forward([SEQUENCE], plan, { signal }))[0]?.logits ?? expect.fail('no logits');
      expect(await forward({ kept, gates: { kind: 'trained' } })).toEqual(whole.logits);
      expect(largest(await forward({ kept }), whole.logits)).toBeGreaterThan(0.1);
    } finally {
      await runner.dispose();
    }
  });

  it.each(['olmoe', 'qwen2_moe'])('of %s are exported as an ONNX graph with the whole router', async (name) => {
    const folder = checkpointFixture(name);
    const source = await openCheckpoint(folder);
    const request = await exportRequest(folder, half(source, { kind: 'trained' }));
    const { verification } = await exportPlan({ ...request, format: 'onnx' });
    expect(verification).toMatchObject({ ok: true, problems: [], forms: [{ form: 'onnx' }] });
  });

  it.each(['longcat_flash', 'longcat_flash-fused'])('of %s stay in its export, as rows of identities', async (name) => {
    const folder = checkpointFixture(name);
    const source = await openCheckpoint(folder);
    expect(source.info).toMatchObject({ gatesGrow: true, identityRows: true });
    const { kept } = half(source);
    const plan = withGates({ kept }, 'folded', source.info, { statistics: [], taskShares: [] });
    expect(plan.gates).toEqual({ kind: 'trained' });
    const { folder: out, verification } = await exportPlan(await exportRequest(folder, plan));
    expect(verification).toMatchObject({ ok: true, sameExperts: true, problems: [] });
    const pruned = await openCheckpoint(out);
    const [before, after] = [source, pruned].map(({ descriptor }) => descriptor.moeLayers[0]?.moe);
    expect(after?.identities).toBe((before?.identities ?? 0) + source.info.experts / 2);
    const logits = await logitsOf(pruned, null);
    expect(largest(logits, await logitsOf(source, plan))).toBeLessThan(NOISE);
    expect(largest(logits, await logitsOf(source, { kept }))).toBeGreaterThan(1e-3);
  });

  it.each(['olmoe', 'longcat_flash'])(
    'of %s are refused before anything is written where layers differ',
    async (name) => {
      const folder = checkpointFixture(name);
      const { kept, gates } = half(await openCheckpoint(folder), { kind: 'trained' });
      const plan = { kept: kept.map((experts, layer) => (layer === 0 ? [0, ...experts] : experts)), gates };
      for (const format of ['hf', 'onnx'] as const) {
        const request = await exportRequest(folder, plan);
        await expect(exportPlan({ ...request, format })).rejects.toMatchObject({
          code: 'not-exportable',
          message: expect.stringMatching(/Layers keep between \d+ and \d+ experts/) as unknown,
        });
      }
    },
  );

  it('are refused by name for files that drop rows of the router', async () => {
    const folder = checkpointFixture('olmoe');
    const request = await exportRequest(folder, half(await openCheckpoint(folder), { kind: 'trained' }));
    for (const format of ['hf', 'gguf'] as const)
      await expect(exportPlan({ ...request, format })).rejects.toThrow(
        `Trained gates need the rows of the router that ${format} drops`,
      );
  });
});
