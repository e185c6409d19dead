import { providerName, type ProviderName } from '../contract/device.ts';
import { forkProbe } from '../inference/providers/fork-probe.ts';
import { createProvidersHere } from '../inference/providers/providers-here.ts';
import type { OptionReader } from './option-values.ts';
import type { VerbOption } from './verb.ts';

export const DEVICE_OPTION: Readonly<Record<string, VerbOption>> = {
  device: {
    type: 'string',
    value: 'NAME',
    help: `What computes: ${providerName.options.join(', ')} (default cpu); another than cpu is probed first.`,
  },
};

/** The device that was asked for, untried: an engine probes it when it starts. */
export const readDevice = (reader: OptionReader): ProviderName =>
  reader.choice('device', providerName.options) ?? 'cpu';

/** The device that was asked for, for a verb without an engine; one whose probe fails is refused. */
export const probedDevice = async (reader: OptionReader): Promise<ProviderName> => {
  const provider = readDevice(reader);
  if (provider !== 'cpu') await createProvidersHere(forkProbe).require(provider);
  return provider;
};
