import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { deviceWords, type ProviderListing, providerName, type ProviderProbe } from '../../contract/device.ts';
import { serialiseError } from '../../contract/errors.ts';
import { deviceOf, engineVersion, engineVersions, physicalCores } from '../../engine/machine.ts';
import { explainFileError } from '../../files/file-errors.ts';
import { findPython, type TrainingPython } from '../../finetune/find-python.ts';
import { createMadeEnvironments, environmentPython, type MadeEnvironments } from '../../finetune/made-environments.ts';
import { makeEnvironment } from '../../finetune/make-environment.ts';
import { forkProbe } from '../../inference/providers/fork-probe.ts';
import { hasCudaLibraries } from '../../inference/providers/provider.ts';
import { createProvidersHere } from '../../inference/providers/providers-here.ts';
import { isWorkspace, openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { ENVIRONMENT_SIZE } from '../../words/devices.ts';
import { stateFolder } from '../../workspace/user-key.ts';
import { type OptionReader, switchOption, valueOption, type Verb, type VerbHost } from '../verb.ts';
import { WORKSPACE_OPTION, workspaceOf } from '../subjects.ts';
import { printedBytes, textList } from '../terminal-text.ts';

const packages = createRequire(import.meta.url);

const folderOf = (name: string): string | null => {
  try {
    return dirname(packages.resolve(`${name}/package.json`));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
};

const electronState = (): string => {
  const folder = folderOf('electron');
  if (folder === null) return 'not installed (the browser host needs none)';
  return existsSync(join(folder, 'path.txt'))
    ? 'installed'
    : 'package installed, binary not fetched yet (npm start does it)';
};

const workspaceState = async (path: string): Promise<string> => {
  try {
    if (!(await isWorkspace(path))) return `${path} (not made yet: the first run makes it)`;
    await openExistingWorkspace(path);
    await access(path, constants.W_OK);
    return `${path} (writable)`;
  } catch (error) {
    return `${path}: ${serialiseError(explainFileError(error, path)).message}`;
  }
};

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

const measured = ({ measurement, shareOnCpu }: ProviderProbe): string => {
  if (measurement === null || shareOnCpu === null) return '';
  const { deviation, deviceName, millisecondsPerBlock, cpuMillisecondsPerBlock, nodes, otherChoices, tokens } =
    measurement;
  return [
    deviceName ?? 'device not named by the system',
    `deviation ${deviation === null ? 'not available' : deviation.toExponential(1)}`,
    ...(otherChoices === 0 ? [] : [`${otherChoices} of ${tokens} tokens to other experts`]),
    `${percent(shareOnCpu)} of nodes on the processor (${nodes.onCpu} of ${nodes.total})`,
    `${millisecondsPerBlock.toFixed(1)} ms a small block (processor ${cpuMillisecondsPerBlock.toFixed(1)} ms)`,
  ].join(', ');
};

/** One provider in a line: the result of its probe, or a note where it was not probed. */
const deviceText = ({ present, note, command, probe }: ProviderListing): string => {
  if (!present) return command === null ? `absent: ${note}` : `absent: ${note} Fetch them with: ${command}`;
  if (probe === null) return `not tried. ${note}`;
  return probe.available ? `works: ${measured(probe)}` : `refused: ${probe.reason ?? 'its probe failed'}`;
};

/** The workspace's environment with PyTorch; null where there is none. One that was made elsewhere is not run. */
const pythonHere = async (
  workspace: string,
  environments: MadeEnvironments,
  resources: string,
): Promise<TrainingPython | { readonly problem: string } | null> => {
  if (!existsSync(environmentPython(workspace))) return null;
  try {
    return await findPython(null, workspace, environments, resources);
  } catch (error) {
    return { problem: serialiseError(error).message };
  }
};

const madePython = (reader: OptionReader, host: VerbHost, environments: MadeEnvironments): Promise<TrainingPython> =>
  makeEnvironment({
    base: reader.text('python-base') ?? null,
    workspace: workspaceOf(reader, host),
    environments,
    resources: host.resources,
    signal: host.signal,
    say: (line) => host.progress(line),
  });

const pythonText = (python: Awaited<ReturnType<typeof pythonHere>>): string => {
  if (python === null) return 'no environment yet: --python makes one, for fine-tuning and for --engine torch';
  if ('problem' in python) return python.problem;
  return `${python.path} (${Object.entries(python.versions)
    .filter(([name]) => name !== 'environment')
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')})`;
};

export const doctor: Verb = {
  name: 'doctor',
  usage: '[--probe] [--python] [--workspace DIR]',
  summary: 'Devices and environment: what is present, what is used, and how to install missing parts.',
  positionals: [0, 0],
  options: {
    probe: switchOption(
      'Probe every device in a separate process: run a small block and compare it with the processor.',
    ),
    python: switchOption(
      `Make a Python environment in the workspace, with PyTorch and transformers from PyPI (${ENVIRONMENT_SIZE}), ` +
        'for fine-tuning and for --engine torch.',
    ),
    'python-base': valueOption('FILE', 'Python to make the environment with (default: python3 of the PATH).'),
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    const isProbed = reader.flag('probe');
    const versions = await engineVersions();
    const here = createProvidersHere(forkProbe);
    if (isProbed) {
      for (const provider of providerName.options) {
        host.progress(`Trying ${deviceWords(provider)}`);
        await here.probe(provider);
      }
    }
    const workspace = workspaceOf(reader, host);
    const environments = createMadeEnvironments(stateFolder(host.settingsFile));
    const python = reader.flag('python')
      ? await madePython(reader, host, environments)
      : await pythonHere(workspace, environments, host.resources);
    const devices = here.list('cpu');
    const cuda = devices.find(({ provider }) => provider === 'cuda');
    const document = {
      version: engineVersion,
      versions,
      device: deviceOf(physicalCores()),
      providers: {
        present: devices.filter(({ present }) => present).map(({ provider }) => provider),
        used: 'cpu',
        probed: isProbed,
      },
      devices,
      cuda: { libraries: hasCudaLibraries(), command: cuda?.command ?? null },
      processor: { model: cpus()[0]?.model ?? 'unknown', physicalCores: physicalCores(), logicalCores: cpus().length },
      memory: { totalBytes: totalmem(), freeBytes: freemem() },
      electron: electronState(),
      resources: host.resources,
      python,
      workspace: await workspaceState(workspace),
    };
    const { processor, memory } = document;
    const text = textList([
      ['Uncurl Workbench', document.version],
      ['Node', versions['node'] ?? ''],
      ['onnxruntime', versions['onnxruntime'] ?? ''],
      ...devices.map((device) => [deviceWords(device.provider), deviceText(device)] as const),
      [
        'devices',
        isProbed ? 'each was tried just now' : 'none was tried: --probe tries each of them; choose one with --device',
      ],
      ['processor', `${processor.model}, ${processor.physicalCores} cores (${processor.logicalCores} threads)`],
      ['memory', `${printedBytes(memory.totalBytes)}, ${printedBytes(memory.freeBytes)} free`],
      ['Electron', document.electron],
      ['PyTorch', pythonText(document.python)],
      ['resources', document.resources],
      ['workspace', document.workspace],
    ]);
    return { document, text };
  },
};
