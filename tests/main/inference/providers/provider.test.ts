import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { cudaCommand, hasCudaLibraries } from '../../../../main/inference/providers/provider.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

it('finds CUDA’s provider libraries only where both are installed', async () => {
  const folder = await temporaryFolder();
  const libraries = path.join(folder, 'bin', 'napi-v6', process.platform, process.arch);
  await mkdir(libraries, { recursive: true });
  expect(hasCudaLibraries(folder)).toBe(false);
  await writeFile(path.join(libraries, 'libonnxruntime_providers_cuda.so'), '');
  expect(hasCudaLibraries(folder)).toBe(false);
  await writeFile(path.join(libraries, 'libonnxruntime_providers_shared.so'), '');
  expect(hasCudaLibraries(folder)).toBe(true);
});

it('names a script that exists, from the folder where one is', async () => {
  const command = cudaCommand(process.cwd());
  expect(command).toBe('node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install');
  expect(cudaCommand('/')).toContain(`${process.cwd().slice(1)}/node_modules/onnxruntime-node/script/install.js`);
  expect(cudaCommand(process.cwd(), await temporaryFolder())).toBeNull();
});
