import { resolve } from 'node:path';
import { type Checkpoint, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import {
  describedEngineSettings,
  namesOfDevice,
  type RunDevice,
  TORCH_DEVICES,
  torchDevice,
  type TorchPrecision,
} from '../contract/device.ts';
import { refuse } from '../contract/errors.ts';
import type { TorchInUse } from '../engine/devices-in-use.ts';
import type { Engine } from '../engine/engine.ts';
import { deviceOf, engineVersions } from '../engine/machine.ts';
import { ownPython } from '../finetune/find-python.ts';
import { createMadeEnvironments } from '../finetune/made-environments.ts';
import { openTorchModel } from '../torch/open-torch-model.ts';
import { type TorchChoice, torchOrder } from '../torch/torch-choice.ts';
import { type ComputedBy, TorchWorkers } from '../torch/torch-model.ts';
import { DEVICE_OPTION, MACHINE_OPTIONS, machineSettings, readDevice } from './machine-options.ts';
import { probedDevice, withRunner } from './open-runner.ts';
import { engineText, halfText } from '../words/devices.ts';
import { stateFolder } from '../workspace/user-key.ts';
import {
  badValue,
  bareOption,
  type OptionReader,
  readSettings,
  settingOptions,
  valueOption,
  type VerbHost,
  type VerbOption,
} from './verb.ts';
import { harnessTasks } from './imported-tasks.ts';
import { findTasks, TASKS_OPTION, workspaceOf } from './subjects.ts';
import { CHECKED_TOKENS } from '../contract/transformers-check.ts';
import type { RefereeFindings } from '../export/export-plan.ts';
import { refereeExport, refereeFindings } from '../jobs/referee.ts';
import { askedTasks, requireTokenizer } from '../jobs/task-work.ts';
import { namedTasks } from '../jobs/write-sweep-files.ts';
import { requireRoom } from '../tasks/generation/stop-rule.ts';
import { loadTask } from '../tasks/load-task.ts';
import { CHAT_OPTION } from './task-options.ts';
import { readExportCheck } from './transformers-option.ts';

/** For verbs that compute with either engine: `--device` and what chooses the engine. */
export const ENGINE_OPTIONS: Readonly<Record<string, VerbOption>> = {
  ...settingOptions(describedEngineSettings),
  device: valueOption('NAME', `${DEVICE_OPTION['device']?.help ?? ''} With --engine torch: ${TORCH_DEVICES}.`),
};

/** Options of verbs that compute with either engine. */
export const COMPUTE_OPTIONS: Readonly<Record<string, VerbOption>> = { ...MACHINE_OPTIONS, ...ENGINE_OPTIONS };

/** An engine that is not the default one, as the options name it: PyTorch, or onnxruntime in half precision. */
export interface NamedEngine {
  /** Opens a model in PyTorch for `withRunner`, behind the gate. */
  readonly open?: NonNullable<Parameters<typeof withRunner>[3]['open']>;
  /** Engine, device and versions, for the verb's document and for its text; nothing before a model was opened. */
  readonly made: () => MadeBy;
  /** Precision of PyTorch; undefined of onnxruntime, and before a model was opened. */
  readonly precision?: () => TorchPrecision | undefined;
}

/** Parts of the host that a choice of an engine needs. */
type EngineHost = Pick<VerbHost, 'resources' | 'environment' | 'settingsFile'>;

/** A choice whose Python may not be named. */
type AskedTorch = Omit<TorchChoice, 'python'> & { readonly python: string | null };

/** Whether `--referee` stands without a number: transformers is the referee. */
const asksTransformers = (reader: OptionReader): boolean => reader.flag('referee');

/**
 * The choice made by `--engine torch` and its options; null for onnxruntime, the default. `trains`: the verb's training
 * uses `--python` too, as a comparison with transformers does.
 *
 * @throws WorkbenchError refused: `bad-usage`, `bad-value`, `untried-device`.
 */
export const readTorchChoice = (reader: OptionReader, { trains = false } = {}): AskedTorch | null => {
  const { engine, python, precision } = describedEngineSettings.parse(readSettings(reader, describedEngineSettings));
  if (engine === 'onnxruntime') {
    if (python !== undefined && !trains && !asksTransformers(reader))
      throw refuse('bad-usage', '--python is for --engine torch alone.', 'Add --engine torch, or leave out --python.');
    return null;
  }
  if (asksTransformers(reader))
    throw refuse(
      'bad-usage',
      'transformers is the referee of onnxruntime, and PyTorch computes with transformers.',
      'Leave out --engine, or give --referee a number of items and --task.',
    );
  const device = reader.text('device') ?? 'cpu';
  if (/^mps(:\d+)?$/.test(device))
    throw refuse(
      'untried-device',
      `--device ${device}: PyTorch on Apple's GPU was never tried here, so its numbers are not known to be right.`,
      'Use --device cpu, or the default engine, which runs on WebGPU there.',
    );
  if (!torchDevice.safeParse(device).success)
    throw badValue('device', device, `one of these with --engine torch: ${TORCH_DEVICES}`);
  return { python: python === undefined ? null : resolve(python), precision: precision ?? null, device };
};

/**
 * A choice with the Python of the workspace's own environment where none is named.
 *
 * @throws WorkbenchError refused: those of `ownPython`.
 */
export const withPython = async (
  choice: AskedTorch,
  reader: OptionReader,
  host: Omit<EngineHost, 'resources'>,
): Promise<TorchChoice> => {
  const environments = createMadeEnvironments(stateFolder(host.settingsFile));
  return { ...choice, python: choice.python ?? (await ownPython(workspaceOf(reader, host), environments)) };
};

/** The same for an engine's run on models in folders; in bfloat16 by default only where all of them are stored so. */
export const readTorchInUse = async (
  reader: OptionReader,
  host: Omit<EngineHost, 'resources'>,
  folders: readonly string[],
  use: Parameters<typeof readTorchChoice>[1] = {},
): Promise<TorchInUse | undefined> => {
  const choice = readTorchChoice(reader, use);
  if (choice === null) return undefined;
  const stored = new Set(await Promise.all(folders.map(async (folder) => (await openCheckpoint(folder)).info.dtype)));
  return { ...(await withPython(choice, reader, host)), dtype: stored.size === 1 ? [...stored].join('') : 'several' };
};

/** Says engine, device and versions of a run, unless it is onnxruntime in float32. */
export const sayEngine = async (
  engine: Engine,
  run: string,
  { reader, host, torch }: { reader: OptionReader; host: Pick<VerbHost, 'say'>; torch: TorchInUse | undefined },
): Promise<void> => {
  // Nothing is to be said of other runs, and the manifests of a whole workspace are long to read.
  if (torch === undefined && namesOfDevice(readDevice(reader)).precision === 'float32') return;
  const manifest = (await engine.call('runs.list', {})).find(({ id }) => id === run);
  if (manifest === undefined) return;
  if (manifest.device.engine !== undefined) host.say(`Computes with ${engineText(manifest)}.`);
  else if (manifest.device.precision !== 'float32') host.say(`Computes with ${halfText(manifest)}.`);
};

/** What a verb says of the engine that computed: in its document, and at the end of its text. */
interface MadeBy {
  readonly document: object;
  readonly text: string;
}

interface Computed {
  readonly device: Pick<RunDevice, 'engine' | 'provider' | 'precision' | 'name' | 'deviation'>;
  readonly versions: Readonly<Record<string, string>>;
}

/** Engine, device and versions that computed; nothing for onnxruntime in float32. */
export const madeOn = ({ device, versions }: Computed): MadeBy => {
  const { engine, provider, precision, name: card = null, deviation } = device;
  if (engine === undefined && precision === 'float32') return { document: {}, text: '' };
  const own = { name: engine?.name ?? 'onnxruntime', precision, device: provider, card };
  return {
    document: { engine: { ...own, ...(engine === undefined ? { deviation } : {}), versions } },
    text: ` Computed by ${(engine === undefined ? halfText : engineText)({ device, versions })}.`,
  };
};

/** onnxruntime on a device in half precision; null in float32. @throws WorkbenchError where its probe fails. */
const readHalf = async (reader: OptionReader): Promise<NamedEngine | null> => {
  if (namesOfDevice(readDevice(reader)).precision === 'float32') return null;
  const { provider, probe } = await probedDevice(reader);
  const device = deviceOf(machineSettings(reader).threads, provider, probe);
  const versions = await engineVersions();
  return { made: () => madeOn({ device, versions }) };
};

/**
 * The engine of a verb that opens one model; null for onnxruntime in float32.
 *
 * @throws WorkbenchError refused: `bad-usage`, `bad-value`, or what is wrong with the Python.
 */
export const readEngine = async (reader: OptionReader, host: EngineHost): Promise<NamedEngine | null> => {
  const asked = readTorchChoice(reader);
  if (asked === null) return readHalf(reader);
  const choice = await withPython(asked, reader, host);
  const { resources } = host;
  const { precision, ...order } = await torchOrder(choice, { resources, threads: machineSettings(reader).threads });
  let computed: { readonly by: ComputedBy; readonly precision: TorchPrecision } | null = null;
  return {
    open: (checkpoint, settings) =>
      openTorchModel(checkpoint, settings, new TorchWorkers(order, { keepsOne: false }), precision, (by, used) => {
        computed = { by, precision: used };
      }),
    precision: () => computed?.precision,
    made: () => {
      if (computed === null) return { document: {}, text: '' };
      const { device: provider, card, versions } = computed.by;
      const used = {
        engine: { name: 'torch' as const, python: choice.python },
        provider,
        precision: computed.precision,
      };
      return madeOn({ device: { ...used, ...(card === null ? {} : { name: card }) }, versions });
    },
  };
};

/**
 * The same for a verb in which onnxruntime works on the processor in float32 alone, `does` in words ("verifies").
 *
 * @throws WorkbenchError refused: as `readEngine`.
 */
export const readEngineBeside = async (
  reader: OptionReader,
  host: EngineHost,
  does: string,
): Promise<NamedEngine | null> => {
  const idle = ['device', 'precision'].find((option) => reader.text(option) !== undefined);
  if (readTorchChoice(reader) === null && idle !== undefined)
    throw refuse(
      'bad-usage',
      `onnxruntime ${does} on the processor, in float32.`,
      `Leave --${idle} out, or add --engine torch.`,
    );
  return readEngine(reader, host);
};

/** For the default engine, whose document and text do not change. */
export const madeBy = (engine: NamedEngine | null): MadeBy => engine?.made() ?? { document: {}, text: '' };

/** For verbs of exports: a comparison with transformers, or items that the folder answers in both engines. */
export const REFEREE_OPTIONS: Readonly<Record<string, VerbOption>> = {
  referee: bareOption(
    'N',
    `Compare ${CHECKED_TOKENS} tokens of the exported folder's logits with those of transformers, and refuse ` +
      'it if they differ (needs a Python with PyTorch). With --engine torch and a number: answer N test items of ' +
      'each --task, drawn at random, with the folder in PyTorch and in onnxruntime in float32, and say how many ' +
      'differ.',
  ),
  task: { ...TASKS_OPTION['task'], type: 'string', help: `For --referee N: ${TASKS_OPTION['task']?.help ?? ''}` },
  ...CHAT_OPTION,
};

/**
 * Asks transformers, or both engines, about the folder of an export of a model; null without `--referee`.
 *
 * @throws WorkbenchError refused: `bad-usage`, a task that the model cannot be asked, or what is wrong with the Python.
 */
export const readReferee = async (
  reader: OptionReader,
  host: VerbHost,
  engine: NamedEngine | null,
  checkpoint: Checkpoint,
): Promise<((folder: string) => Promise<RefereeFindings>) | null> => {
  const perTask = reader.whole('referee', 1);
  const idle = reader.texts('task').length > 0 ? 'task' : reader.flag('chat') ? 'chat' : undefined;
  if (perTask === undefined && idle !== undefined)
    throw refuse('bad-usage', `--${idle} is for --referee N alone.`, `Add --referee N, or leave out --${idle}.`);
  if (asksTransformers(reader)) {
    const compare = await readExportCheck(reader, host, checkpoint);
    return async (folder) => ({ transformers: await compare(folder) });
  }
  if (perTask === undefined) return null;
  if (engine?.precision === undefined)
    throw refuse(
      'bad-usage',
      'onnxruntime is the referee of PyTorch, and nothing is computed by PyTorch here.',
      'Add --engine torch, or leave out --referee.',
    );
  const { precision, open } = engine;
  const paths = await findTasks(host.resources, reader.texts('task'), harnessTasks(reader, host));
  const tasks = namedTasks(await Promise.all(paths.map((path) => loadTask(path))));
  const asked = await askedTasks({ checkpoint }, tasks, reader.flag('chat'), new Date());
  await requireTokenizer(checkpoint);
  for (const { name, task } of asked) requireRoom(task.test, name, checkpoint.descriptor);
  return async (folder) => {
    const exported = await openCheckpoint(folder);
    host.progress('Asking both engines');
    const answers = await refereeExport(
      asked,
      perTask,
      {
        torch: (compute) => withRunner(exported, reader, host, { open, compute }),
        onnxruntime: (compute) => withRunner(exported, reader, host, { provider: 'cpu', compute }),
      },
      host.signal,
    );
    return { referee: refereeFindings(answers, precision() ?? '') };
  };
};
