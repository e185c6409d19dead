import { expect, test, vi } from 'vitest';
import type { ProbeEnd } from '../../../../main/contract/device.ts';
import { rememberProbes, type StartProbe } from '../../../../main/inference/providers/fork-probe.ts';

const measured = (deviceName: string): ProbeEnd => ({
  kind: 'measured',
  measurement: {
    deviation: 0,
    tokens: 1,
    otherChoices: 0,
    nodes: { total: 1, onCpu: 0 },
    operatorsOnCpu: [],
    millisecondsPerBlock: 1,
    cpuMillisecondsPerBlock: 1,
    deviceName,
  },
});

test('the last measurement of a provider is recalled; one that failed or was never tried is tried again', async () => {
  const ends: ProbeEnd[] = [measured('first'), measured('second'), { kind: 'failed', message: 'no' }, measured('last')];
  const start = vi.fn<StartProbe>(() => Promise.resolve(ends.shift() ?? { kind: 'failed', message: 'too often' }));
  const probes = rememberProbes(start);
  expect(await probes.recall('cuda', '/a')).toEqual(measured('first'));
  expect(await probes.recall('cuda', '/b')).toEqual(measured('first'));
  expect(start).toHaveBeenCalledTimes(1);
  expect(await probes.start('cuda', '/c')).toEqual(measured('second'));
  expect(await probes.recall('cuda', '/d')).toEqual(measured('second'));
  expect(await probes.start('cuda', '/e')).toMatchObject({ kind: 'failed' });
  expect(await probes.recall('cuda', '/f')).toEqual(measured('last'));
  expect(start).toHaveBeenCalledTimes(4);
});
