import { providerName, type ProviderName, type RunDevice } from '../contract/device.ts';
import { refuse } from '../contract/errors.ts';
import type { ProvidersHere } from '../inference/providers/providers-here.ts';
import type { ModelPool } from '../jobs/source-gate.ts';
import type { Numerics } from '../jobs/step-key.ts';
import { deviceOf, numericsOf } from './machine.ts';

/** A device for computing: its name in manifests, the identity that keys its numbers, and its open models. */
export interface DeviceInUse {
  readonly provider: ProviderName;
  readonly device: RunDevice;
  readonly numerics: Numerics;
  readonly pool: ModelPool;
}

export interface DevicesInUse {
  /** The device of the next run. */
  readonly current: DeviceInUse;
  /** Probes a device and uses it for the next runs. Refuses one that fails and keeps the previous one. */
  choose(provider: ProviderName): Promise<void>;
  /** Opens the device that a manifest names for its run: probes it and closes the models of all others. */
  open(provider: string): Promise<DeviceInUse>;
  dispose(): Promise<void>;
}

interface DeviceSettings {
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly providers: ProvidersHere;
  readonly createPool: (provider: ProviderName) => ModelPool;
}

/** The devices of an engine, starting with `first`. Jobs run one at a time, so at most one device has models open. */
export const createDevicesInUse = async (
  first: ProviderName,
  { threads, versions, providers, createPool }: DeviceSettings,
): Promise<DevicesInUse> => {
  const known = new Map<ProviderName, DeviceInUse>();

  const take = async (provider: ProviderName): Promise<DeviceInUse> => {
    const probe = provider === 'cpu' ? null : await providers.require(provider);
    const before = known.get(provider);
    const device = deviceOf(threads, provider, probe);
    const taken =
      before === undefined
        ? { provider, device, numerics: numericsOf(versions, provider), pool: createPool(provider) }
        : { ...before, device };
    known.set(provider, taken);
    return taken;
  };

  let current = await take(first);
  return {
    get current() {
      return current;
    },
    choose: async (provider) => {
      current = await take(provider);
    },
    open: async (named) => {
      const parsed = providerName.safeParse(named);
      if (!parsed.success)
        throw refuse(
          'no-such-device',
          `There is no device ${named} here.`,
          `Choose one of ${providerName.options.join(', ')}.`,
        );
      const taken = await take(parsed.data);
      // Models open on two devices would count twice against the memory budget.
      for (const other of known.values()) if (other.provider !== taken.provider) await other.pool.dispose();
      return taken;
    },
    dispose: async () => {
      for (const { pool } of known.values()) await pool.dispose();
    },
  };
};
