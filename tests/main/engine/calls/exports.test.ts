import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Engine } from '../../../../main/engine/engine.ts';
import { readGgufType } from '../../../../main/export/gguf/gguf-file.ts';
import { addSample } from '../../../../main/sample/sample-run.ts';
import { openWorkspace } from '../../../../main/workspace/open-workspace.ts';
import { planStanding } from '../../../../main/words/verdicts.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const resources = fileURLToPath(new URL('../../../../resources', import.meta.url));
const LIMIT_MS = 60_000;

/** The smallest bundled model and a plan that keeps four of its eight experts. */
const subject = async (engine: Engine) => {
  const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-8');
  if (model === undefined || model.info === null) throw new Error('uncurl-8 is bundled');
  return { model: model.handle, plan: { kept: Array.from({ length: model.info.moeLayers }, () => [0, 2, 5, 7]) } };
};

test.each([
  ['onnx', ['model.onnx', 'model.onnx.data'], ['onnx']],
  ['hf,onnx', ['model.onnx', 'model.safetensors'], ['hf', 'onnx']],
] as const)(
  'exports %s, with a proof of each form',
  async (format, files, forms) => {
    const engine = await openEngine(await temporaryFolder());
    const parent = await temporaryFolder();
    const { run } = await engine.call('export.start', {
      ...(await subject(engine)),
      into: engine.grantPath(parent),
      name: 'small',
      format,
    });
    const { output, spec } = await engine.finished(run);
    expect([output, spec['format']]).toEqual([join(parent, 'small'), format]);
    const listed = (await readdir(join(parent, 'small'))).filter((name) => name.startsWith('model.'));
    expect(listed.sort()).toEqual([...files].sort());
    const proof = await engine.call('verify.read', { run });
    expect(proof).toMatchObject({
      ok: true,
      sameTensors: true,
      problems: [],
      sameExperts: forms.length === 2 ? true : null,
    });
    expect(proof.forms.map(({ form }) => form)).toEqual(forms);
    for (const { maxLogitDifference, tolerance } of proof.forms)
      expect(maxLogitDifference).toBeLessThanOrEqual(tolerance);
    expect(proof.maxLogitDifference).toBe(Math.max(...proof.forms.map(({ maxLogitDifference }) => maxLogitDifference)));
  },
  LIMIT_MS,
);

test(
  'asks transformers about a folder where that is wanted, and says why it could not',
  async () => {
    const engine = await openEngine(await temporaryFolder());
    const into = engine.grantPath(await temporaryFolder());
    const { run } = await engine.call('export.start', {
      ...(await subject(engine)),
      into,
      name: 'small',
      referee: true,
    });
    await engine.finished(run);
    const why = expect.stringMatching(/^no Python with PyTorch is configured/);
    expect(await engine.call('verify.read', { run })).toMatchObject({
      ok: true,
      transformers: { word: 'not compared', why },
    });
  },
  LIMIT_MS,
);

test(
  'exports gguf in the requested type, and refuses before a run what llama.cpp would compute differently',
  async () => {
    const engine = await openEngine(await temporaryFolder());
    const parent = await temporaryFolder();
    const into = engine.grantPath(parent);
    const own = await subject(engine);
    expect(await engine.call('export.check', { ...own, format: 'gguf' })).toEqual({ refusal: null, notes: [] });
    const served = await engine.call('export.check', own);
    expect(served.notes.join(' ')).toContain('split evenly over 2 and 4 devices');
    await expect(
      engine.call('export.start', { ...own, into, name: 'typed', format: 'hf', ggufType: 'f16' }),
    ).rejects.toMatchObject({ code: 'bad-usage' });
    const { run } = await engine.call('export.start', { ...own, into, name: 'typed', format: 'gguf', ggufType: 'f32' });
    const { spec } = await engine.finished(run);
    expect(spec['ggufType']).toBe('f32');
    expect(await readGgufType(join(parent, 'typed'))).toBe('f32');
    const other = (await engine.call('models.list', {})).find(({ name }) => name === 'switch-8');
    if (other?.info == null) throw new Error('switch-8 is bundled');
    const plan = { kept: Array.from({ length: other.info.moeLayers }, () => [0, 2]) };
    const asked = { model: other.handle, plan, format: 'gguf' as const };
    expect((await engine.call('export.check', asked)).refusal?.message).toMatch(/norm_topk_prob/);
    await expect(engine.call('export.start', { ...asked, into, name: 'refused' })).rejects.toMatchObject({
      code: 'not-for-llama-cpp',
    });
    expect(await readdir(parent)).toEqual(['typed']);
  },
  LIMIT_MS,
);

test(
  'an unfinished export is resumed in the requested format',
  async () => {
    const folder = await temporaryFolder();
    const parent = await temporaryFolder();
    const first = await openEngine(folder);
    const { run } = await first.call('export.start', {
      ...(await subject(first)),
      into: first.grantPath(parent),
      name: 'small',
      format: 'onnx',
    });
    await first.dispose();
    const { runs } = await openWorkspace(folder);
    expect((await runs.read(run)).state).toBe('interrupted');
    expect(await readdir(parent)).toEqual([]);

    const second = await openEngine(folder);
    await second.call('jobs.resume', { run });
    expect((await second.finished(run)).state).toBe('done');
    await access(join(parent, 'small', 'model.onnx'));
    expect((await second.call('verify.read', { run })).forms.map(({ form }) => form)).toEqual(['onnx']);
  },
  LIMIT_MS,
);

test(
  'the results of exactly this plan are found, whatever its provenance, and none for another plan',
  async () => {
    const folder = await temporaryFolder();
    await addSample(await openWorkspace(folder), resources);
    const engine = await openEngine(folder);
    const { model, plan: other } = await subject(engine);
    const [run] = await engine.call('runs.list', {});
    if (run === undefined) throw new Error('the sample is a run');
    const point = { run: run.id, model: 'uncurl-8', task: 'plural', method: 'reap', seed: null, factor: 2 };
    const { plan } = await engine.call('sweep.plan', point);
    const kept = 'kept' in plan ? { kept: plan.kept.map((layer) => [...layer].reverse()) } : plan;
    const { results } = await engine.call('export.measured', { model, plan: kept });
    expect(results.map(({ task, factor }) => [task, factor])).toContainEqual(['plural', 2]);
    expect(planStanding(results.filter(({ task }) => task === 'plural'))).not.toBe('not-measured');
    expect((await engine.call('export.measured', { model, plan: other })).results).toEqual([]);
  },
  LIMIT_MS,
);
