import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProbeEnd, ProviderName } from '../../../../main/contract/device.ts';
import { deviceOf, numericsOf } from '../../../../main/engine/machine.ts';
import { forkProbe } from '../../../../main/inference/providers/fork-probe.ts';
import { createProvidersHere } from '../../../../main/inference/providers/providers-here.ts';
import { evaluationKey, profileKey } from '../../../../main/jobs/step.ts';
import { halfText, precisionText } from '../../../../main/words/devices.ts';

const lost: ProbeEnd = { kind: 'lost', message: 'It crashed.' };

describe('the providers of this machine', () => {
  it('are all listed without one being tried', () => {
    const here = createProvidersHere(() => Promise.reject(new Error('tried')));
    const listed = here.list('cpu');
    expect(listed.map(({ provider, used }) => [provider, used])).toEqual([
      ['cpu', true],
      ['webgpu', false],
      ['webgpu-float16', false],
      ['cuda', false],
      ['directml', false],
      ['coreml', false],
    ]);
    expect(listed[0]).toMatchObject({ present: true, probe: null });
    for (const { present, note } of listed) if (!present) expect(note).toMatch(/only on|not in the package/);
  });

  it('are tried in a process of their own, once until requested again, in a folder that is removed', async () => {
    const tried: ProviderName[] = [];
    let folder = '';
    const here = createProvidersHere(async (provider, given) => {
      tried.push(provider);
      folder = given;
      await writeFile(path.join(folder, 'left-behind'), '');
      return tried.length === 1 ? lost : forkProbe(provider, given);
    });
    expect(await here.probe('cpu')).toMatchObject({ available: false, reason: 'It crashed.', measurement: null });
    expect(existsSync(folder)).toBe(false);
    await expect(here.require('cpu')).rejects.toMatchObject({
      code: 'provider-refused',
      kind: 'refused',
      message: expect.stringContaining('It crashed.'),
    });
    expect(tried).toEqual(['cpu']);
    expect(await here.probe('cpu', true)).toMatchObject({
      available: true,
      reason: null,
      shareOnCpu: 1,
      measurement: { deviation: 0 },
    });
    expect(await here.require('cpu')).toMatchObject({ available: true });
    expect(tried).toEqual(['cpu', 'cpu']);
    expect(here.list('cpu')[0]?.probe?.available).toBe(true);
  });

  it('are tried again where the trial itself could not be started', async () => {
    let starts = 0;
    const here = createProvidersHere(() =>
      (starts += 1) === 1 ? Promise.reject(new Error('no memory')) : Promise.resolve(lost),
    );
    await expect(here.probe('cpu')).rejects.toThrow('no memory');
    expect((await here.probe('cpu')).available).toBe(false);
  });

  it('are not tried where that is impossible', async () => {
    const here = createProvidersHere(() => Promise.reject(new Error('tried')));
    const absent = process.platform === 'darwin' ? 'directml' : 'coreml';
    expect(await here.probe(absent)).toMatchObject({
      available: false,
      reason: expect.stringContaining('onnxruntime has no'),
    });
  });
});

it('keys steps by provider, so that numbers of two devices never mix', () => {
  const versions = { onnxruntime: '1.30.0' };
  const keyOn = (provider: ProviderName) => ({
    evaluation: evaluationKey({
      model: 'f',
      experts: 8,
      itemsHash: 'i',
      plan: null,
      numerics: numericsOf(versions, provider),
    }),
    profile: profileKey('f', 'i', numericsOf(versions, provider)),
  });
  expect(keyOn('webgpu').evaluation).not.toBe(keyOn('cpu').evaluation);
  expect(keyOn('webgpu').profile).not.toBe(keyOn('cpu').profile);
  expect(keyOn('webgpu-float16').evaluation).not.toBe(keyOn('webgpu').evaluation);
  expect(numericsOf(versions, 'webgpu-float16')).toMatchObject({ provider: 'webgpu', precision: 'float16' });
  expect(numericsOf(versions)).toEqual(numericsOf(versions, 'cpu'));
});

it('records the probe’s findings in the device of a manifest, and none for the processor', () => {
  expect(Object.keys(deviceOf(2))).toEqual(['provider', 'precision', 'threads', 'processor']);
  const measurement = {
    deviation: 3e-6,
    tokens: 164,
    otherChoices: 0,
    nodes: { total: 10, onCpu: 2 },
    operatorsOnCpu: [],
    millisecondsPerBlock: 1,
    cpuMillisecondsPerBlock: 1,
    deviceName: 'a card',
  };
  const probe = {
    provider: 'webgpu' as const,
    available: true,
    reason: null,
    precision: 'float32',
    measurement,
    shareOnCpu: 0.2,
  };
  const half = deviceOf(2, 'webgpu-float16', { ...probe, measurement: { ...measurement, deviation: 6.57e-3 } });
  expect(half).toMatchObject({ provider: 'webgpu', precision: 'float16', deviation: 6.57e-3 });
  expect(halfText({ device: half, versions: { onnxruntime: '1.30.0' } })).toBe(
    'onnxruntime 1.30.0 in float16 (deviation 6.6e-3) on webgpu, a card',
  );
  expect(precisionText(deviceOf(2, 'webgpu', probe))).toBe('float32');
  expect(deviceOf(2, 'webgpu', probe)).toMatchObject({
    provider: 'webgpu',
    name: 'a card',
    shareOnCpu: 0.2,
    deviation: 3e-6,
  });
});
