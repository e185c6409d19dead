import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { deviceOf, engineVersion, engineVersions, physicalCores } from '../../engine/machine.ts';
import { isWorkspace, openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { serialiseError } from '../../contract/errors.ts';
import { workspaceOf, WORKSPACE_OPTION } from '../open-engine.ts';
import { optionReader } from '../option-values.ts';
import { printedBytes, textList } from '../text-table.ts';
import type { Verb } from '../verb.ts';

/** The command of onnxruntime-node that fetches CUDA's provider libraries, which its package does not hold. */
const CUDA_COMMAND = 'npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12';

const require = createRequire(import.meta.url);

const folderOf = (name: string): string | null => {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
};

const cudaLibraries = (): boolean => {
  const runtime = folderOf('onnxruntime-node');
  if (runtime === null) return false;
  const folder = join(runtime, 'bin', 'napi-v6', process.platform, process.arch);
  return existsSync(folder) && readdirSync(folder).some((name) => name.includes('onnxruntime_providers_cuda'));
};

const electronState = (): string => {
  const folder = folderOf('electron');
  if (folder === null) return 'not installed (the browser host needs none)';
  return existsSync(join(folder, 'path.txt')) ? 'installed' : 'package installed, binary not fetched yet (npm start does it)';
};

const workspaceState = async (path: string): Promise<string> => {
  try {
    if (!(await isWorkspace(path))) return `${path} (not made yet: the first run makes it)`;
    await openExistingWorkspace(path);
    return `${path} (writable)`;
  } catch (error) {
    return `${path}: ${serialiseError(error).message}`;
  }
};

export const doctor: Verb = {
  name: 'doctor',
  usage: '[--workspace DIR]',
  summary: 'Devices and environment: what is here, what is used, and how to get what is missing.',
  positionals: [0, 0],
  options: { ...WORKSPACE_OPTION },
  run: async (given, host) => {
    const { listSupportedBackends } = await import('onnxruntime-node');
    const versions = await engineVersions();
    const providers = listSupportedBackends().map(({ name }) => name);
    const hasCuda = cudaLibraries();
    const document = {
      version: engineVersion,
      versions,
      device: deviceOf(physicalCores()),
      providers: { present: providers, used: 'cpu' },
      cuda: { libraries: hasCuda, command: hasCuda ? null : CUDA_COMMAND },
      processor: { model: cpus()[0]?.model ?? 'unknown', physicalCores: physicalCores(), logicalCores: cpus().length },
      memory: { totalBytes: totalmem(), freeBytes: freemem() },
      electron: electronState(),
      resources: host.resources,
      workspace: await workspaceState(workspaceOf(optionReader(given), host)),
    };
    const { processor, memory } = document;
    const text = textList([
      ['Uncurl Workbench', document.version],
      ['Node', versions['node'] ?? ''],
      ['onnxruntime', versions['onnxruntime'] ?? ''],
      ['providers', `${providers.join(', ')} (models run on cpu)`],
      ['CUDA libraries', hasCuda ? 'present' : `absent; fetch them with: ${CUDA_COMMAND}`],
      ['processor', `${processor.model}, ${String(processor.physicalCores)} cores (${String(processor.logicalCores)} threads)`],
      ['memory', `${printedBytes(memory.totalBytes)}, ${printedBytes(memory.freeBytes)} free`],
      ['Electron', document.electron],
      ['resources', document.resources],
      ['workspace', document.workspace],
    ]);
    return { document, text };
  },
};
