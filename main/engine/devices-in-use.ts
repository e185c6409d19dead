import {
  deviceNamed,
  type ProviderName,
  type RunDevice,
  runtimeDevices,
  torchDevice,
  torchPrecision,
  type TorchPrecision,
} from '../contract/device.ts';
import type { Numerics } from '../jobs/job-context.ts';
import { refuse, requireAsked } from '../contract/errors.ts';
import type { ModelRunnerSettings } from '../inference/model-runner.ts';
import type { ProvidersHere } from '../inference/providers/providers-here.ts';
import { createModelPool, createTorchPool, type ModelPool } from '../jobs/source-gate.ts';
import { type TorchChoice, torchOrder, workerOrder } from '../torch/torch-choice.ts';
import { type ComputedBy, TorchWorkers, usualPrecision } from '../torch/torch-model.ts';
import { deviceOf, numericsOf, torchDeviceOf, torchNumericsOf } from './machine.ts';

/** PyTorch as chosen for an engine's runs; `dtype`: in which their models are stored. */
export interface TorchInUse extends TorchChoice {
  readonly dtype?: string;
}

/** A device for computing: its name in manifests, the identity that keys its numbers, and its open models. */
export interface DeviceInUse {
  /** Null: PyTorch. */
  readonly provider: ProviderName | null;
  readonly device: RunDevice;
  readonly numerics: Numerics;
  /** Versions of everything that its numbers depend on. */
  readonly versions: Readonly<Record<string, string>>;
  /** PyTorch's report of itself; null: onnxruntime. */
  readonly computedBy: ComputedBy | null;
  readonly pool: ModelPool;
}

export interface DevicesInUse {
  /** The device of the next run. */
  readonly current: DeviceInUse;
  /** Probes a device and uses it for the next runs. Refuses one that fails and keeps the previous one. */
  choose(choice: ProviderName | TorchInUse, signal: AbortSignal): Promise<void>;
  /** Looks at the PyTorch of the current device again, whose packages may be others now. */
  renew(): Promise<void>;
  /** Opens the device that a manifest names for its run: probes it and closes the models of all others. */
  open(device: RunDevice): Promise<DeviceInUse>;
  /** Models of onnxruntime on the processor, beside those of the open device. */
  referee(): Promise<ModelPool>;
  dispose(): Promise<void>;
}

interface DeviceSettings {
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly providers: ProvidersHere;
  readonly createPool: (device: RunDevice, workers?: TorchWorkers) => ModelPool;
  readonly resources: string;
  /** Whether another process computes, so that no PyTorch waits in this one. */
  readonly computesElsewhere: boolean;
}

const noSuchDevice = (named: string): Error =>
  refuse('no-such-device', `There is no device ${named} here.`, `Choose one of ${runtimeDevices.join(', ')}.`);

/** @throws WorkbenchError `no-such-device`. */
const runtimeDeviceOf = ({ provider, precision }: RunDevice): ProviderName => {
  const device = deviceNamed({ provider, precision });
  if (device === null) throw noSuchDevice(`${provider} in ${precision}`);
  return device;
};

/** The device or engine that a manifest names. @throws WorkbenchError `no-such-device`. */
const choiceOf = (device: RunDevice): ProviderName | TorchInUse => {
  const { provider, precision, engine } = device;
  if (engine === undefined) return runtimeDeviceOf(device);
  if (!torchDevice.safeParse(provider).success) throw noSuchDevice(provider);
  return { python: engine.python, device: provider, precision: torchPrecision.parse(precision) };
};

/** The devices of an engine, starting with `first`. Jobs run one at a time, so at most one device has models open. */
export const createDevicesInUse = async (
  first: ProviderName | TorchInUse,
  { threads, versions, providers, createPool, resources, computesElsewhere }: DeviceSettings,
): Promise<DevicesInUse> => {
  const known = new Map<string, DeviceInUse>();
  /** Pools of PyTorch whose packages changed: closed before the next run. */
  const replaced: ModelPool[] = [];

  const takeProvider = async (provider: ProviderName): Promise<DeviceInUse> => {
    const probe = provider === 'cpu' ? null : await providers.require(provider);
    const before = known.get(provider);
    const device = deviceOf(threads, provider, probe);
    const taken =
      before === undefined
        ? {
            provider,
            device,
            numerics: numericsOf(versions, provider),
            versions,
            computedBy: null,
            pool: createPool(device),
          }
        : { ...before, device };
    known.set(provider, taken);
    return taken;
  };

  const takeTorch = async ({ dtype, ...choice }: TorchInUse): Promise<DeviceInUse> => {
    const key = JSON.stringify([choice.python, choice.device, choice.precision ?? dtype]);
    const before = known.get(key);
    const { precision: chosen, environment, ...order } = await torchOrder(choice, { resources, threads });
    if (before?.versions['environment'] === environment) return before;
    // Its processes have loaded other packages than those that are installed now; a job may still use them.
    if (before !== undefined) replaced.push(before.pool);
    const workers = new TorchWorkers(order, { keepsOne: true });
    const by = await workers.computedBy();
    const precision: TorchPrecision = chosen ?? usualPrecision(dtype ?? '', by);
    const device = torchDeviceOf(by, { python: order.python, precision, threads });
    const taken = {
      provider: null,
      device,
      numerics: torchNumericsOf(by, precision),
      versions: { ...versions, ...by.versions },
      computedBy: by,
      pool: createPool(device, workers),
    };
    if (computesElsewhere) await workers.dispose();
    known.set(key, taken);
    return taken;
  };

  const take = (choice: ProviderName | TorchInUse): Promise<DeviceInUse> =>
    typeof choice === 'string' ? takeProvider(choice) : takeTorch(choice);

  let current = await take(first);
  let chosen = first;
  return {
    get current() {
      return current;
    },
    choose: async (choice, signal) => {
      const taken = await take(choice);
      requireAsked(signal);
      [current, chosen] = [taken, choice];
    },
    renew: async () => {
      if (typeof chosen !== 'string') current = await takeTorch(chosen);
    },
    open: async (device) => {
      const taken = await take(choiceOf(device));
      // Models open on two devices would count twice against the memory budget.
      for (const other of known.values()) if (other.pool !== taken.pool) await other.pool.dispose();
      for (const pool of replaced.splice(0)) await pool.dispose();
      return taken;
    },
    referee: async () => (await takeProvider('cpu')).pool,
    dispose: async () => {
      for (const { pool } of known.values()) await pool.dispose();
      for (const pool of replaced.splice(0)) await pool.dispose();
    },
  };
};

/**
 * A pool of models on a device. `workers`: processes of PyTorch, one of which may be waiting; they end with the pool.
 */
export const poolOn = (
  device: RunDevice,
  settings: Omit<ModelRunnerSettings, 'provider'> & { readonly resources: string },
  waiting?: TorchWorkers,
): ModelPool => {
  const { provider, precision, engine, threads } = device;
  if (engine === undefined) return createModelPool({ ...settings, provider: runtimeDeviceOf(device) });
  const order = workerOrder({ python: engine.python, device: provider }, { ...settings, threads });
  return createTorchPool(
    settings,
    waiting ?? new TorchWorkers(order, { keepsOne: true }),
    torchPrecision.parse(precision),
  );
};
