import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ProbeMeasurement } from '../../../../main/contract/device.ts';
import type { Engine, EngineSettings } from '../../../../main/engine/engine.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const open = (settings: Partial<EngineSettings>): Promise<Engine> => openEngine(undefined, settings);

const measurement: ProbeMeasurement = {
  deviation: 4e-6,
  tokens: 164,
  otherChoices: 0,
  nodes: { total: 20, onCpu: 5 },
  operatorsOnCpu: [{ operator: 'TopK', nodes: 5 }],
  millisecondsPerBlock: 2,
  cpuMillisecondsPerBlock: 8,
  deviceName: 'a card',
};

describe('an engine', () => {
  it('lists devices without probing, and probes one on request', async () => {
    const engine = await open({});
    expect((await engine.call('devices.list', {})).map(({ provider, used, probe }) => [provider, used, probe])).toEqual(
      [
        ['cpu', true, null],
        ['webgpu', false, null],
        ['webgpu-float16', false, null],
        ['cuda', false, null],
        ['directml', false, null],
        ['coreml', false, null],
      ],
    );
    expect(await engine.call('devices.probe', { provider: 'cpu' })).toMatchObject({ available: true, shareOnCpu: 1 });
    expect((await engine.call('devices.list', {}))[0]?.probe?.measurement?.deviation).toBe(0);
  });

  it('probes the device for its runs, and names it with the result', async () => {
    // The accelerator's process is simulated: this machine may have none.
    const engine = await open({
      provider: 'webgpu',
      startProbe: () => Promise.resolve({ kind: 'measured', measurement }),
    });
    const { device } = await engine.call('engine.facts', {});
    expect(device).toMatchObject({
      provider: 'webgpu',
      precision: 'float32',
      name: 'a card',
      shareOnCpu: 0.25,
      deviation: 4e-6,
    });
    expect((await engine.call('devices.list', {})).filter(({ used }) => used).map(({ provider }) => provider)).toEqual([
      'webgpu',
    ]);
  });

  it('computes the next runs on the chosen device, and says so', async () => {
    const engine = await open({ startProbe: () => Promise.resolve({ kind: 'measured', measurement }) });
    let changes = 0;
    engine.subscribe(({ type }) => {
      if (type === 'device.changed') changes += 1;
    });
    expect(
      (await engine.call('devices.use', { provider: 'webgpu' }))
        .filter(({ used }) => used)
        .map(({ provider }) => provider),
    ).toEqual(['webgpu']);
    expect((await engine.call('engine.facts', {})).device).toMatchObject({ provider: 'webgpu', deviation: 4e-6 });
    await engine.call('devices.use', { provider: 'webgpu' });
    expect(changes).toBe(1);
    // The runs themselves use the CPU: this machine may have no other device.
    await engine.call('devices.use', { provider: 'cpu' });
    const [model] = await engine.call('models.list', {});
    const [task] = await engine.call('tasks.list', {});
    if (model === undefined || task === undefined) throw new Error('nothing is bundled');
    const { run } = await engine.call('profile.start', { model: model.handle, tasks: [task.handle] });
    expect((await engine.finished(run)).device).toMatchObject({ provider: 'cpu' });
    expect(
      (await engine.call('profile.read', { model: model.handle, tasks: [task.handle] })).map(({ task: name }) => name),
    ).toEqual([task.name]);
    // CPU results are not results of another device.
    await engine.call('devices.use', { provider: 'webgpu' });
    expect(await engine.call('profile.read', { model: model.handle, tasks: [task.handle] })).toEqual([]);
  });

  it('computes no steps of a run that another accelerator began, although the run was made on it', async () => {
    const workspace = await temporaryFolder();
    const on = (deviceName: string) =>
      open({
        workspace,
        provider: 'webgpu',
        startProbe: () => Promise.resolve({ kind: 'measured', measurement: { ...measurement, deviceName } }),
      });
    const maker = await on('card A');
    const [model] = await maker.call('models.list', {});
    const [task] = await maker.call('tasks.list', {});
    if (model === undefined || task === undefined) throw new Error('nothing is bundled');
    const { run } = await maker.call('sweep.start', {
      models: [model.handle],
      tasks: [task.handle],
      later: true,
      settings: { methods: ['random'], factors: [2] },
    });
    const workFolder = join(workspace, 'runs', run, 'work');
    await mkdir(workFolder, { recursive: true });
    const first = { provider: 'webgpu', precision: 'float32', processor: 'card A' };
    await writeFile(join(workFolder, 'hardware.json'), JSON.stringify(first));
    const order = {
      share: { kind: 'until-empty' } as const,
      task: null,
      say: () => undefined,
      signal: new AbortController().signal,
    };
    await expect((await on('card B')).fillSteps(run, order)).rejects.toMatchObject({
      code: 'mixed-hardware',
      message: expect.stringContaining('this worker runs on webgpu, float32, card B'),
    });
  });

  it('names the precision of a device, and another limit is for half precision', async () => {
    const half = { ...measurement, deviation: 7e-3, otherChoices: 2 };
    const engine = await open({ startProbe: () => Promise.resolve({ kind: 'measured', measurement: half }) });
    await engine.call('devices.use', { provider: 'webgpu-float16' });
    expect((await engine.call('engine.facts', {})).device).toMatchObject({
      provider: 'webgpu',
      precision: 'float16',
      deviation: 7e-3,
    });
    await expect(engine.call('devices.use', { provider: 'webgpu' })).rejects.toMatchObject({
      code: 'provider-refused',
    });
  });

  it('keeps its device if the chosen one is refused', async () => {
    const engine = await open({ startProbe: () => Promise.resolve({ kind: 'lost', message: 'The probe crashed.' }) });
    await expect(engine.call('devices.use', { provider: 'webgpu' })).rejects.toMatchObject({
      code: 'provider-refused',
      message: expect.stringContaining('The probe crashed.'),
    });
    expect((await engine.call('engine.facts', {})).device.provider).toBe('cpu');
  });

  it.each([
    [
      'deviates',
      { kind: 'measured', measurement: { ...measurement, deviation: 0.02 } },
      'deviates from the processor by 2.0e-2',
    ],
    ['crashes', { kind: 'lost', message: 'The probe crashed.' }, 'The probe crashed.'],
  ] as const)('does not start with a device that %s', async (_what, end, reason) => {
    await expect(open({ provider: 'webgpu', startProbe: () => Promise.resolve(end) })).rejects.toMatchObject({
      code: 'provider-refused',
      kind: 'refused',
      message: expect.stringContaining(reason),
    });
  });

  it('makes an environment for PyTorch in the background, and cancels it', async () => {
    const workspace = await temporaryFolder();
    const programs = await temporaryFolder();
    vi.stubEnv('PATH', programs);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const engine = await open({ workspace, settingsFile: join(workspace, 'settings.json') });
    const none = { versions: null, making: null, problem: null };
    expect(await engine.call('python.environment', {})).toEqual(none);
    await expect(engine.call('python.look', { python: null })).rejects.toMatchObject({ code: 'no-python' });
    const changed = new Promise<unknown>((resolve) => {
      engine.subscribe((event) => {
        if (event.type === 'python.changed' && event.environment.making === null) resolve(event.environment);
      });
    });
    expect(await engine.call('python.make', {})).toEqual({ ...none, making: 'Looking at Python' });
    expect(await changed).toMatchObject({ making: null, problem: { message: 'python3 does not exist.' } });
    expect(await engine.call('python.environment', {})).toEqual(await changed);
    // A Python that never answers.
    await writeFile(join(programs, 'python3'), '#!/bin/sh\nread never\n', { mode: 0o755 });
    expect(await engine.call('python.make', {})).toEqual({ ...none, making: 'Looking at Python' });
    await expect(engine.call('python.make', {})).rejects.toMatchObject({ code: 'environment-being-made' });
    expect(await engine.call('python.cancel', {})).toEqual(none);
    expect(await engine.call('python.environment', {})).toEqual(none);
  });
});
