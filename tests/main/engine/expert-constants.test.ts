import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openEngine } from './open-engine.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const bundled = join(resources, 'models', 'uncurl-8');
const LIMIT_MS = 120_000;

const start = (
  engine: Engine,
  settings: Readonly<Record<string, unknown>>,
  candidates: Readonly<Record<string, string>> = {},
  model = bundled,
): Promise<{ run: string }> =>
  engine.call('sweep.start', {
    models: [engine.grantPath(model)],
    tasks: [engine.grantPath(join(resources, 'tasks', 'add'))],
    settings: sweepSettings.parse({ methods: ['mone'], factors: [2], limit: 40, ...settings }),
    candidates: Object.entries(candidates).map(([name, folder]) => ({ name, folder: engine.grantPath(folder) })),
  });

test(
  'plans with different numbers of experts per layer are exported with constants, verified, and keep their results',
  async () => {
    const engine = await openEngine();
    const folder = await temporaryFolder();
    const { run } = await start(engine, { budget: 'global' });
    await engine.finished(run);
    const { results } = await engine.call('sweep.read', { run });
    const measured = results.find(({ method }) => method === 'mone');
    const named = { run, model: 'uncurl-8', task: 'add', seed: null, method: 'mone', factor: 2 };
    const { plan, cost } = await engine.call('sweep.plan', named);
    expect(new Set(cost.keptPerLayer).size).toBeGreaterThan(1);
    expect(cost.exportable).toEqual({ hf: true, reason: null });
    const asked = { model: engine.grantPath(bundled), plan };
    const into = engine.grantPath(folder);
    const { run: exported } = await engine.call('export.start', { ...asked, into, name: 'half', format: 'hf' });
    await engine.finished(exported);
    const proof = await engine.call('verify.read', { run: exported });
    expect(proof).toMatchObject({ ok: true, sameExperts: true, sameTensors: true, problems: [] });
    const config: unknown = JSON.parse(await readFile(join(folder, 'half', 'config.json'), 'utf8'));
    const kept = 'kept' in plan ? plan.kept : [];
    const gone = kept.map((list) => [0, 1, 2, 3, 4, 5, 6, 7].filter((expert) => !list.includes(expert)));
    expect(config).toMatchObject({ num_local_experts: 8, approximate_experts: Object.fromEntries(gone.entries()) });
    const { info, tensors } = await openCheckpoint(join(folder, 'half'));
    expect(info.constantExperts).toBe(12);
    expect(info.parameters).toEqual(cost.parameters);
    expect([...tensors.keys()].filter((name) => name.endsWith('approx_value'))).toHaveLength(12);

    const { run: again } = await start(engine, { methods: ['random'] }, { half: join(folder, 'half') });
    await engine.finished(again);
    const beside = (await engine.call('sweep.read', { run: again })).results.find(({ method }) => method === 'half');
    expect(beside).toMatchObject({ value: measured?.value, lost: measured?.lost, gained: measured?.gained });

    for (const format of ['onnx', 'hf,onnx', 'gguf'] as const) {
      const refused = engine.call('export.start', { ...asked, into, name: 'other', format });
      await expect(refused).rejects.toMatchObject({ code: 'not-for-constants' });
    }
    await expect(start(engine, {}, {}, join(folder, 'half'))).rejects.toMatchObject({ code: 'has-constants' });
  },
  LIMIT_MS,
);

test('constants are not refitted, and a plan without its constants is refused', async () => {
  const engine = await openEngine();
  await expect(start(engine, { recovery: 'both' })).rejects.toMatchObject({ code: 'no-recovery' });
  const plan = { kept: Array.from({ length: 3 }, () => [0, 1]), constants: { weights: '0'.repeat(32) } };
  const into = engine.grantPath(await temporaryFolder());
  const { run } = await engine.call('export.start', { model: engine.grantPath(bundled), plan, into, name: 'none' });
  await expect(engine.finished(run)).rejects.toMatchObject({ code: 'constants-missing' });
});
