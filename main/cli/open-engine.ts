import { rm } from 'node:fs/promises';
import type { StartCompute } from '../compute/start-compute.ts';
import { CancelledError, present } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { UNPRUNED } from '../contract/sweep.ts';
import { curtailedText } from '../words/verdicts.ts';
import type { TorchInUse } from '../engine/devices-in-use.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import { makeTemporaryFolder } from '../files/temporary-folder.ts';
import { machineSettings, readDevice } from './machine-options.ts';
import type { OptionReader, VerbHost } from './verb.ts';
import { findRun, workspaceOf } from './subjects.ts';
import { printedFactor, printedInterval, printedValue } from './terminal-text.ts';
import { printedProgress } from './terminal.ts';

interface EngineOptions {
  /** Default: the workspace that `--workspace` names. */
  readonly workspace?: string;
  /** Adds the bundled sample run to a new workspace. */
  readonly offerSample?: boolean;
  /** Folders that the page may browse. */
  readonly roots?: readonly string[];
  /** PyTorch instead of onnxruntime. */
  readonly torch?: TorchInUse | undefined;
  /** Runs jobs in a separate process; default: in this one. */
  readonly startCompute?: StartCompute;
}

/** Opens an engine on the workspace for the duration of one verb. */
export const withEngine = async <T>(
  reader: OptionReader,
  host: VerbHost,
  use: (engine: Engine) => Promise<T>,
  { workspace = workspaceOf(reader, host), offerSample = false, roots, startCompute, torch }: EngineOptions = {},
): Promise<T> => {
  const { resources, commandLine } = host;
  const provider = torch === undefined ? readDevice(reader) : undefined;
  const engine = await createEngine({
    workspace,
    resources,
    commandLine,
    provider,
    torch,
    offerSample,
    roots,
    settingsFile: host.settingsFile,
    uncurl: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
    startCompute,
    ...machineSettings(reader),
  });
  try {
    return await use(engine);
  } finally {
    await host.endsWell(engine.dispose());
  }
};

/** Opens an engine on the workspace of the run that the first argument names. */
export const withRunNamed = <T>(
  reader: OptionReader,
  host: VerbHost,
  use: (engine: Engine, run: string) => Promise<T>,
): Promise<T> => {
  const { workspace, run } = findRun(reader.argument(0), reader, host);
  return withEngine(reader, host, (engine) => use(engine, run), { workspace });
};

/**
 * Opens an engine on the workspace that `--workspace` names; without it, on one that lasts as long as the verb, for
 * verbs whose result is a file of its own.
 */
export const withEngineForFile = async <T>(
  reader: OptionReader,
  host: VerbHost,
  use: (engine: Engine) => Promise<T>,
  options: EngineOptions = {},
): Promise<T> => {
  if (reader.text('workspace') !== undefined) return withEngine(reader, host, use, options);
  const workspace = await makeTemporaryFolder('workspace');
  try {
    return await withEngine(reader, host, use, { ...options, workspace });
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
};

export const manifestOf = async (engine: Engine, run: string): Promise<RunManifest> =>
  present(
    (await engine.call('runs.list', {})).find(({ id }) => id === run),
    `${run} is not listed`,
  );

/**
 * Waits for a run of this engine and shows its progress; an interrupt cancels the run. Rejects with the run's error.
 */
export const followRun = async (engine: Engine, run: string, host: VerbHost): Promise<string> => {
  let summary = '';
  const unsubscribe = engine.subscribe((event) => {
    if (event.type === 'job.progress' && event.progress.run === run) {
      summary = event.progress.description;
      host.progress(printedProgress(event.progress));
    }
    if (event.type === 'job.problem' && event.run === run) host.say(event.text);
    if (event.type !== 'sweep.changed' || event.run !== run) return;
    const { change } = event;
    if (change.what === 'curtailed') {
      const { model, task, method, seed, factor } = change.point;
      const drawn = seed === null ? '' : ` (seed ${seed})`;
      host.say(`${model}  ${task}  ${method}${drawn}  factor ${printedFactor(factor)}: ${curtailedText(change.point)}`);
    }
    if (change.what === 'point') {
      const { model, task, method, seed, factor, metric, value, low, high } = change.result;
      const drawn = seed === null ? '' : ` (seed ${seed})`;
      const interval = method === UNPRUNED ? '' : `, difference ${printedInterval({ low, high }, metric)}`;
      host.say(
        `${model}  ${task}  ${method}${drawn}  factor ${printedFactor(factor)}: ` +
          `${metric} ${printedValue(value, metric)}${interval}`,
      );
    }
  });
  const cancel = (): void => {
    host.say('Cancelling: finished steps stay on disk.');
    engine.call('jobs.cancel', { run }).catch((error: unknown) => host.say(String(error)));
  };
  try {
    if (host.signal.aborted) cancel();
    host.signal.addEventListener('abort', cancel, { once: true });
    await host.endsWell(engine.finished(run));
    return summary;
  } catch (error) {
    if (host.signal.aborted && !(error instanceof CancelledError)) host.say(`The run ended before it was cancelled.`);
    throw error;
  } finally {
    host.signal.removeEventListener('abort', cancel);
    unsubscribe();
  }
};
