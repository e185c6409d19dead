import { rm } from 'node:fs/promises';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ProviderName, ProviderProbe } from '../contract/device.ts';
import { refuse } from '../contract/errors.ts';
import type { Plan } from '../contract/plan.ts';
import { makeTemporaryFolder } from '../files/temporary-folder.ts';
import type { ModelRunner } from '../inference/model-runner.ts';
import type { Overlays } from '../inference/overlays.ts';
import { forkProbe } from '../inference/providers/fork-probe.ts';
import { createProvidersHere } from '../inference/providers/providers-here.ts';
import { type Computing, createModelPool } from '../jobs/source-gate.ts';
import { createStepStore } from '../workspace/step-store.ts';
import { machineSettings, readDevice } from './machine-options.ts';
import type { OptionReader, VerbHost } from './verb.ts';
import { installRecovery, type PlanOnDisk } from './files.ts';
import { workspaceOf } from './subjects.ts';

const providersHere = createProvidersHere(forkProbe);

/**
 * The requested device, for a verb without an engine, and what its probe found; null for the processor.
 *
 * @throws WorkbenchError where its probe fails.
 */
export const probedDevice = async (
  reader: OptionReader,
): Promise<{ readonly provider: ProviderName; readonly probe: ProviderProbe | null }> => {
  const provider = readDevice(reader);
  return { provider, probe: provider === 'cpu' ? null : await providersHere.require(provider) };
};

interface VerbWork<T> {
  /** Plan that the model runs under; its refitted weights and constants are loaded too. */
  readonly plan?: PlanOnDisk | null;
  readonly compute: (computing: Computing) => Promise<T>;
  /** Stores the result once it is known that the model did not change meanwhile. */
  readonly keep?: (made: T, overlays: Overlays) => Promise<void>;
  /** Default: the device that `--device` names. */
  readonly provider?: ProviderName;
  /** Opens the model with an engine other than onnxruntime. */
  readonly open?: Parameters<typeof createModelPool>[1];
}

/**
 * Computes for one verb through a model pool and releases everything afterwards: sessions, and the folder of merged and
 * refitted weights.
 */
export const computeWith = async <T>(
  checkpoint: Checkpoint,
  reader: OptionReader,
  { say, environment, signal, progress }: Pick<VerbHost, 'say' | 'environment' | 'signal' | 'progress'>,
  { plan = null, compute, keep = () => Promise.resolve(), provider, open }: VerbWork<T>,
): Promise<T> => {
  const folder = await makeTemporaryFolder('overlay');
  try {
    const steps = createStepStore({ steps: folder, overlays: folder, temporary: folder });
    if (plan !== null) await installRecovery(plan, steps.overlays, workspaceOf(reader, { environment }), environment);
    const settings = { ...machineSettings(reader), scratchFolder: folder };
    const pool =
      open === undefined
        ? createModelPool({ ...settings, provider: provider ?? (await probedDevice(reader)).provider })
        : createModelPool(settings, open);
    try {
      const made = await pool.compute({ sources: [checkpoint], steps, say, signal, describe: progress }, compute);
      await keep(made, steps.overlays);
      return made;
    } finally {
      await pool.dispose();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

export const withRunner = async <T>(
  checkpoint: Checkpoint,
  reader: OptionReader,
  host: Pick<VerbHost, 'say' | 'environment' | 'signal' | 'progress'>,
  {
    compute,
    ...work
  }: Omit<VerbWork<T>, 'compute'> & { readonly compute: (runner: ModelRunner, plan: Plan | null) => Promise<T> },
): Promise<T> => {
  if (!checkpoint.info.supported) {
    throw refuse(
      'model-unsupported',
      `${checkpoint.folder} cannot run here: ${checkpoint.info.reasons.join(' ')}`,
      'Choose another model.',
    );
  }
  return computeWith(checkpoint, reader, host, {
    ...work,
    compute: async ({ runners }) => compute(await runners.open(checkpoint), work.plan?.plan ?? null),
  });
};
