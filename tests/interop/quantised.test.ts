/**
 * Exports of folders that compressed-tensors quantised, in transformers and vLLM (its CPU build, whose environment has
 * the package). Those that both load are compared; what they drop or refuse is asserted by name.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { TensorView } from '../../main/checkpoint/descriptor.ts';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readTensor, readTensorBytes } from '../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import { tensorInMemory, writeSafetensors } from '../../main/checkpoint/write-safetensors.ts';
import { type CompressedType, compressedTypes } from '../../main/contract/export.ts';
import { editJsonMembers } from '../../main/export/edit-json.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { wholePlan } from '../../main/export/rounded-folder.ts';
import { checkpointFixture, widenExperts } from '../main/checkpoint/checkpoint-files.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import { deviation, logProbabilities, maskedLogits } from './log-probabilities.ts';
import { runPython } from './run-python.ts';

/** Bound on the difference of log-probabilities of all tokens at all positions, in float32. */
const TOLERANCE = 1e-4;
const fixtures = path.join(import.meta.dirname, '..', 'fixtures', 'compressed-tensors');
const bundled = path.join(import.meta.dirname, '..', '..', 'resources', 'models', 'uncurl-8');
const tokens = [
  [1, 5, 9, 17, 33, 45, 4, 28, 31, 12, 40],
  [7, 8, 9],
];
const absent = process.env['UNCURL_VLLM_ABSENT'];
const python = process.env['UNCURL_VLLM_PYTHON'];
const control = { signal: new AbortController().signal };

const report = z.object({
  name: z.string(),
  missing: z.array(z.string()),
  unexpected: z.array(z.string()),
  mismatched: z.array(z.string()),
  error: z.string().nullable(),
});
const vllmAnswer = z.object({ name: z.string(), error: z.string().nullable() });

/** A change of the bytes of a tensor; null: none. */
type Change = (view: TensorView, bytes: Uint8Array) => Uint8Array | null;

/** Scales as powers of two: products with codes of 8 bits are then exact in bfloat16, to which transformers rounds. */
const exactScales: Change = ({ tensor, dtype }, bytes) => {
  if (!tensor.endsWith('weight_scale')) return null;
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype === 'F32')
    new Uint32Array(buffer, byteOffset, byteLength / 4).forEach((bits, at, all) => (all[at] = bits & 0x7f800000));
  else new Uint16Array(buffer, byteOffset, byteLength / 2).forEach((bits, at, all) => (all[at] = bits & 0x7f80));
  return bytes;
};
/** Groups of experts' columns in order. */
const orderedGroups: Change = ({ tensor }, bytes) =>
  /experts\..*weight_g_idx$/.test(tensor)
    ? new Uint8Array(Int32Array.from({ length: bytes.length / 4 }, (_, column) => Math.floor(column / 4)).buffer)
    : null;
/** No common divisor of an expert's scales. */
const withoutDivisors: Change = ({ tensor }) =>
  /experts\..*weight_global_scale$/.test(tensor) ? new Uint8Array(Float32Array.of(1).buffer) : null;

let work = '';
const inWork = (...parts: readonly string[]): string => path.join(work, ...parts);

/** A copy of a folder with changed tensors. */
const changed = async (from: string, name: string, change: Change): Promise<string> => {
  const folder = inWork(name);
  await mkdir(folder);
  await cp(path.join(from, 'config.json'), path.join(folder, 'config.json'));
  await writeTensors(folder, [...(await openCheckpoint(from)).tensors.values()], change);
  return folder;
};

const writeTensors = async (folder: string, views: readonly TensorView[], change: Change): Promise<void> => {
  const written = views.map(async (view) => {
    const bytes = await readTensorBytes(view);
    return {
      ...tensorInMemory(view.tensor, 'F32', view.shape, new Float32Array()),
      dtype: view.dtype,
      byteLength: bytes.length,
      bytes: () => change(view, bytes) ?? bytes,
    };
  });
  await writeSafetensors(path.join(folder, 'model.safetensors'), await Promise.all(written), { format: 'pt' });
};

/** The experts of the first MoE layers in one type and those of the last in another: both groups, and what they hold. */
const layered = [
  ['int8', 'int4'],
  ['int4', 'int8'],
  ['int4', 'mxfp4'],
] as const;

const quantisation = z.looseObject({ config_groups: z.object({ group_0: z.looseObject({}) }) });

/** A folder whose last MoE layer has the experts of another export, by a group of its own. */
const mixed = async (first: CompressedType, last: CompressedType, name: string): Promise<string> => {
  const [theirs, own] = [inWork(`written as ${first}`), inWork(`written as ${last}`)];
  const { block } = (await openCheckpoint(own)).descriptor.moeLayers.at(-1) ?? expect.fail('no layer');
  const isLast = (tensor: string): boolean =>
    [`layers.${String(block)}.`, 'experts.'].every((part) => tensor.includes(part));
  const stored = await Promise.all(
    [theirs, own].map((folder) => readSafetensorsHeader(path.join(folder, 'model.safetensors'))),
  );
  const views = stored.flatMap(({ tensors }, index) =>
    [...tensors.values()].filter(({ tensor }) => isLast(tensor) === (index === 1)),
  );
  const text = await readFile(path.join(theirs, 'config.json'), 'utf8');
  const [whole, other] = [text, await readFile(path.join(own, 'config.json'), 'utf8')].map((config) =>
    quantisation.parse(z.looseObject({}).parse(JSON.parse(config))['quantization_config']),
  );
  const targets = [String.raw`re:^model\.layers\.${String(block)}\..*experts\.\d+\..*$`];
  const groups = { ...whole?.config_groups, group_1: { ...other?.config_groups.group_0, targets } };
  const folder = inWork(name);
  await mkdir(folder);
  await writeFile(
    path.join(folder, 'config.json'),
    editJsonMembers(text, { quantization_config: { ...whole, config_groups: groups, format: 'mixed-precision' } }),
  );
  await writeTensors(folder, views, () => null);
  return folder;
};

interface Case {
  readonly name: string;
  readonly source: string;
  readonly kept: 'half' | 'odd';
  /** Changes the source first. */
  readonly change: Change | null;
  /** Values that transformers computes instead of those of the export. */
  readonly instead: Change | null;
  /** Type as which the export quantises a bundled model. */
  readonly write?: CompressedType;
}
const loaded: readonly Case[] = ['fp8-channel', 'fp8-tensor', 'int4'].flatMap((source) =>
  (['half', 'odd'] as const).map((kept) => ({
    name: `${source} ${kept}`,
    source,
    kept,
    change: exactScales,
    instead: null,
  })),
);
const otherwise: readonly Case[] = [
  { name: 'int4-ordered', source: 'int4-ordered', kept: 'half', change: null, instead: orderedGroups },
  { name: 'nvfp4', source: 'nvfp4', kept: 'half', change: null, instead: withoutDivisors },
];
/** transformers rounds float8 experts to bfloat16. */
const WRITTEN_TOLERANCE: Readonly<Partial<Record<CompressedType, number>>> = { fp8: 0.05, fp8_block: 0.05 };
const written = compressedTypes
  .filter((type) => type !== 'nvfp4')
  .map(
    (write) =>
      ({ name: `written as ${write}`, source: bundled, kept: 'half', change: null, instead: null, write }) as const,
  );
/** The gate of a shared expert is a matrix of one row; a head that is the embedding has no tensor. */
const widened: readonly (Case & { readonly write: CompressedType })[] = [
  ['qwen2_moe', 'int8'] as const,
  ['qwen3_moe', 'int4'] as const,
].map(([source, write]) => ({
  name: `${source} written as ${write}`,
  source,
  kept: 'half',
  change: null,
  instead: null,
  write,
}));
const refused: readonly Case[] = ['int8', 'int4-asymmetric', 'int8-asymmetric', 'fp8-block'].map((source) => ({
  name: source,
  source,
  kept: 'half',
  change: null,
  instead: null,
}));
/** Messages of vLLM 0.32 on a processor: it has kernels for experts so quantised only for Intel's AMX. */
const obstacles: Readonly<Record<string, string>> = {
  'int4-asymmetric': 'No WNA16 MoE backend supports the deployment configuration',
  'fp8-channel half': 'Failed to find a kernel that can implement the ScaledMM linear layer',
  'fp8-block': 'Failed to find a kernel that can implement the ScaledMM linear layer',
  'int4-ordered': "activation ordering (actorder='group') is no longer supported",
  nvfp4: 'Marlin FP4 not available',
};

const ours = new Map<string, readonly (readonly Float32Array[])[]>();
const unlike = new Map<string, readonly (readonly Float32Array[])[]>();
let reports: ReadonlyMap<string, z.infer<typeof report>> = new Map();
let vllm: ReadonlyMap<string, string | null> = new Map();
let hasAmx = false;

beforeAll(async () => {
  if (absent !== undefined) return;
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-quantised-'));
  const jobs: {
    readonly name: string;
    readonly folder: string;
    readonly tokens: typeof tokens;
    readonly output: string;
  }[] = [];
  for (const { source } of widened) {
    await cp(checkpointFixture(source), inWork(source), { recursive: true });
    await widenExperts(inWork(source));
  }
  for (const { name, source, kept, change, instead, write } of [
    ...loaded,
    ...otherwise,
    ...written,
    ...widened.map((each) => ({ ...each, source: inWork(each.source) })),
    ...refused,
  ] as readonly Case[]) {
    const stored = path.resolve(fixtures, source);
    const folder = change === null ? stored : await changed(stored, `${name} source`, change);
    const checkpoint = await openCheckpoint(folder);
    const { experts } = checkpoint.info;
    const chosen = Array.from({ length: experts }, (_, expert) => (5 * expert + 3) % experts)
      .slice(0, experts / 2 + (kept === 'odd' ? 1 : 0))
      .sort((a, b) => a - b);
    const plan = { kept: checkpoint.descriptor.moeLayers.map(() => chosen) };
    await exportPlan({
      checkpoint,
      plan,
      destination: inWork(name),
      settings: exportSettingsIn(inWork('overlay')),
      hfType: write,
      control,
    });
    const compared =
      instead === null ? checkpoint : await openCheckpoint(await changed(folder, `${name} instead`, instead));
    const own = write === undefined ? null : await openCheckpoint(inWork(name));
    ours.set(
      name,
      await maskedLogits(own ?? compared, own === null ? plan : wholePlan(own), tokens, inWork('overlay')),
    );
    if (instead !== null) unlike.set(name, await maskedLogits(checkpoint, plan, tokens, inWork('overlay')));
    jobs.push({ name, folder: inWork(name), tokens, output: inWork(`${name}.logits`) });
  }
  for (const [first, last] of layered) {
    const name = `${first}, then ${last}`;
    jobs.push({ name, folder: await mixed(first, last, name), tokens, output: inWork(`${name}.logits`) });
  }
  reports = new Map((await runPython('compressed_logits.py', jobs, report, python)).map((each) => [each.name, each]));
  const cpu = await readFile('/proc/cpuinfo', 'utf8');
  hasAmx = cpu.includes('amx_tile');
  const opened = jobs.filter(({ name }) => obstacles[name] !== undefined).map((job) => ({ ...job, attention: null }));
  const answers = hasAmx ? [] : await runPython('vllm_log_probabilities.py', opened, vllmAnswer, python);
  vllm = new Map(answers.map(({ name, error }) => [name, error]));
});
afterAll(async () => {
  if (work !== '') await rm(work, { recursive: true, force: true });
});

/** Log-probabilities from transformers, [sequence][position][token]. */
const inTransformers = async (name: string): Promise<readonly (readonly (readonly number[])[])[]> => {
  const { tensors } = await readSafetensorsHeader(inWork(`${name}.logits`));
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
const reportOf = (name: string): z.infer<typeof report> => reports.get(name) ?? expect.fail(`nothing of ${name}`);

describe('transformers computes an export as stored', () => {
  it.for(loaded)('$name', async ({ name }, context) => {
    if (absent !== undefined) context.skip(absent);
    expect(reportOf(name)).toEqual({ name, missing: [], unexpected: [], mismatched: [], error: null });
    expect(deviation(ours.get(name) ?? [], await inTransformers(name))).toBeLessThanOrEqual(TOLERANCE);
  });
});

describe('transformers computes an export quantised', () => {
  it.for([...written, ...widened])('$name', async ({ name, write }, context) => {
    if (absent !== undefined) context.skip(absent);
    expect(reportOf(name)).toEqual({ name, missing: [], unexpected: [], mismatched: [], error: null });
    const largest = deviation(ours.get(name) ?? [], await inTransformers(name));
    expect(largest).toBeLessThanOrEqual(WRITTEN_TOLERANCE[write] ?? TOLERANCE);
  });
});

describe('transformers leaves out a part of experts', () => {
  it.for([
    ['int4-ordered', 'weight_g_idx'],
    ['nvfp4', 'weight_global_scale'],
  ] as const)('%s: it computes as if they had no %s', async ([name, part], context) => {
    if (absent !== undefined) context.skip(absent);
    const { unexpected, error } = reportOf(name);
    expect(error).toBe(null);
    expect(unexpected.length).toBeGreaterThan(0);
    expect(unexpected.filter((key) => !key.includes('.experts.') || !key.endsWith(part))).toEqual([]);
    const theirs = await inTransformers(name);
    expect(deviation(ours.get(name) ?? [], theirs)).toBeLessThanOrEqual(TOLERANCE);
    expect(deviation(unlike.get(name) ?? [], theirs)).toBeGreaterThan(0.1);
  });
});

describe('transformers decodes the experts of all layers by one scheme, and so types by layer are refused', () => {
  // transformers 5.19 loads int4 and then int8, and stops at their shapes; 5.24 does not load them.
  it.for(layered.slice(1))('%s, then %s: it does not run them', ([first, last], context) => {
    if (absent !== undefined) context.skip(absent);
    expect(reportOf(`${first}, then ${last}`).error).toMatch(
      /automatic conversion of the weights|mismatched_sizes|shapes cannot be multiplied/,
    );
  });

  it('int8, then int4: it loads them, and computes the numbers of neither', async (context) => {
    if (absent !== undefined) context.skip(absent);
    const name = 'int8, then int4';
    expect(reportOf(name)).toEqual({ name, missing: [], unexpected: [], mismatched: [], error: null });
    const theirs = await inTransformers(name);
    const [wide = [], narrow = []] = ['int8', 'int4'].map((type) => ours.get(`written as ${type}`));
    const apart = deviation(wide, await inTransformers('written as int4'));
    for (const each of [wide, narrow]) expect(deviation(each, theirs)).toBeGreaterThan(3 * apart);
  });
});

describe('transformers does not load', () => {
  it.for(refused)('$name', ({ name }, context) => {
    if (absent !== undefined) context.skip(absent);
    expect(reportOf(name).error).toContain('automatic conversion of the weights');
  });
});

describe('vLLM does not run on a processor without AMX', () => {
  it.for(Object.entries(obstacles))('%s, and says why', ([name, obstacle], context) => {
    if (absent !== undefined) context.skip(absent);
    if (hasAmx) context.skip('this processor has AMX, with which vLLM has kernels for some of these');
    expect(vllm.get(name)).toContain(obstacle);
  });
});
