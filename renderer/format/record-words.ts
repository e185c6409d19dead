import type { ProviderListing, ProviderName, ProviderProbe, RunDevice } from '../../main/contract/device.ts';
import { type ChangedSince, shortHash } from '../../main/contract/model.ts';
import { deviceName } from '../../main/words/devices.ts';
import { counted, formatCount, formatFixed, formatPercent, formatPower } from '../../main/words/numbers.ts';

type DeviceState = 'used' | 'works' | 'untried' | 'refused' | 'absent';

export const deviceState = ({ present, used, probe }: ProviderListing): DeviceState => {
  if (used) return 'used';
  if (!present) return 'absent';
  if (probe === null) return 'untried';
  return probe.available ? 'works' : 'refused';
};

export const stateWords: Readonly<Record<DeviceState, string>> = {
  used: 'in use',
  works: 'works here',
  untried: 'not tested',
  refused: 'refused',
  absent: 'not available',
};

/** How far the workbench itself was tested on each provider; same as in the README. */
export const experience: Readonly<Record<ProviderName, string | null>> = {
  cpu: null,
  webgpu:
    'The workbench was tested on WebGPU over software Vulkan only, not on a graphics card: let the probe judge yours.',
  'webgpu-float16':
    'Tested over software Vulkan only, not on a graphics card. Values beyond 65504 in a checkpoint are refused; ' +
    'answers and thresholds can differ from those of float32.',
  cuda: 'The workbench was not tested on CUDA hardware: let the probe judge yours.',
  directml: 'The workbench was not tested on DirectML hardware: let the probe judge yours.',
  coreml: 'The workbench was not tested on Core ML hardware: let the probe judge yours.',
};

export interface ProbeFact {
  readonly key: 'device' | 'deviation' | 'precision' | 'nodes' | 'time';
  readonly value: string;
}

/** Measurements of a probe; empty if it could not measure. */
export const probeFacts = ({ provider, measurement, precision, shareOnCpu }: ProviderProbe): readonly ProbeFact[] => {
  if (measurement === null || shareOnCpu === null) return [];
  const { deviation, deviceName, nodes, otherChoices, tokens, millisecondsPerBlock, cpuMillisecondsPerBlock } =
    measurement;
  return [
    { key: 'device', value: deviceName ?? 'not named by the system' },
    {
      key: 'deviation',
      value:
        (deviation === null ? 'outputs are not numbers' : formatPower(deviation, 1)) +
        (otherChoices === 0 ? '' : `, ${formatCount(otherChoices)} of ${formatCount(tokens)} tokens to other experts`),
    },
    { key: 'precision', value: precision },
    {
      key: 'nodes',
      value: `${formatPercent(shareOnCpu, 0)} (${formatCount(nodes.onCpu)} of ${formatCount(nodes.total)})`,
    },
    {
      key: 'time',
      value:
        `${formatFixed(millisecondsPerBlock, 1)} ` +
        `ms${provider === 'cpu' ? '' : `, processor ${formatFixed(cpuMillisecondsPerBlock, 1)} ms`}`,
    },
  ];
};

/** Operators that a provider left to the processor, with their numbers of nodes; null if there are none. */
export const operatorsText = ({ measurement, shareOnCpu }: ProviderProbe): string | null =>
  measurement === null || measurement.operatorsOnCpu.length === 0 || shareOnCpu === 1
    ? null
    : measurement.operatorsOnCpu
        .map(({ operator, nodes }) => (nodes > 1 ? `${operator} (${formatCount(nodes)})` : operator))
        .join(', ');

/** One line describing the device in a manifest. */
export const runDeviceText = ({ precision, threads, name, shareOnCpu, deviation, ...device }: RunDevice): string =>
  [
    deviceName(device),
    ...(name === undefined ? [] : [name]),
    precision,
    counted(threads, 'thread'),
    ...(shareOnCpu === undefined ? [] : [`${formatPercent(shareOnCpu, 0)} of nodes on the processor`]),
    ...(deviation === undefined ? [] : [`deviation ${formatPower(deviation, 1)}`]),
  ].join(', ');

/** "changed since it was swept". */
export const changedWords = ({ measured }: ChangedSince): string => `changed since it was ${measured}`;

const hashes = (then: string, now: string | null): string =>
  `${shortHash(then)} then${now === null ? '' : `, ${shortHash(now)} now`}`;

/** How a model changed since a run, with the beginnings of both hashes. */
export const changedSentence = (changed: ChangedSince, now: string | null): string =>
  `This model has ${changedWords(changed)} in “${changed.title}” (header hash ${hashes(changed.hash, now)}).`;

export const changedTaskSentence = ({ title, hash }: ChangedSince, now: string | null): string =>
  `This task has changed since it was used in “${title}” (content hash ${hashes(hash, now)}): the measurements ` +
  'are of different items.';
