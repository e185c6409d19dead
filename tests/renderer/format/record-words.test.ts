import { expect, test } from 'vitest';
import type { ProviderListing, ProviderProbe } from '../../../main/contract/device.ts';
import { deviceState, operatorsText, probeFacts, runDeviceText } from '../../../renderer/format/record-words.ts';

const probe: ProviderProbe = {
  provider: 'webgpu',
  available: true,
  reason: null,
  precision: 'float32',
  measurement: {
    deviation: 2.5e-6,
    tokens: 164,
    otherChoices: 0,
    nodes: { total: 207, onCpu: 26 },
    operatorsOnCpu: [
      { operator: 'TopK', nodes: 1 },
      { operator: 'Split', nodes: 2 },
    ],
    millisecondsPerBlock: 131.2,
    cpuMillisecondsPerBlock: 2.4,
    deviceName: null,
  },
  shareOnCpu: 26 / 207,
};
const listing: ProviderListing = {
  provider: 'webgpu',
  title: 'WebGPU',
  present: true,
  note: 'In the package.',
  command: null,
  used: false,
  probe: null,
};

test('a device is in use, not available, not tested, working or refused', () => {
  const states = [
    { ...listing, used: true },
    { ...listing, present: false },
    listing,
    { ...listing, probe },
    { ...listing, probe: { ...probe, available: false, reason: 'It deviates.' } },
  ];
  expect(states.map(deviceState)).toEqual(['used', 'absent', 'untried', 'works', 'refused']);
});

test('a probe reports deviation, precision and share of nodes on the processor, or nothing', () => {
  const values = Object.fromEntries(probeFacts(probe).map(({ key, value }) => [key, value]));
  expect(values).toEqual({
    device: 'not named by the system',
    deviation: '2.5e−6',
    precision: 'float32',
    nodes: '13\u202f% (26 of 207)',
    time: '131.2 ms, processor 2.4 ms',
  });
  expect(operatorsText(probe)).toBe('TopK, Split (2)');
  expect(probeFacts({ ...probe, measurement: null, shareOnCpu: null })).toEqual([]);
  expect(operatorsText({ ...probe, shareOnCpu: 1 })).toBeNull();
});

test('a manifest states its device, with the results of the probe', () => {
  expect(runDeviceText({ provider: 'cpu', precision: 'float32', threads: 1, processor: 'x' })).toBe(
    'CPU, float32, 1 thread',
  );
  expect(
    runDeviceText({
      provider: 'webgpu',
      precision: 'float32',
      threads: 2,
      processor: 'x',
      name: 'a card',
      shareOnCpu: 0.125,
      deviation: 0,
    }),
  ).toBe('WEBGPU, a card, float32, 2 threads, 13\u202f% of nodes on the processor, deviation 0');
});
