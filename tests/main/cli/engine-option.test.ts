import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readTorchChoice, withPython } from '../../../main/cli/engine-option.ts';
import { optionReader } from '../../../main/cli/verb.ts';
import { TORCH_DEVICES } from '../../../main/contract/device.ts';
import { createMadeEnvironments, environmentPython } from '../../../main/finetune/made-environments.ts';
import { stateFolder } from '../../../main/workspace/user-key.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const readerOf = (options: Readonly<Record<string, string>>) =>
  optionReader({ positionals: [], options: { engine: 'torch', ...options } });

test.each(['cpu,cuda:0', 'cuda:0,cuda:0', 'webgpu'])(
  'a device that PyTorch does not have is refused by name: %j',
  (device) => {
    expect(() => readTorchChoice(readerOf({ device }))).toThrow(
      `--device "${device}" is not one of these with --engine torch: ${TORCH_DEVICES}.`,
    );
  },
);

test("refuses PyTorch on Apple's GPU by name", () => {
  for (const device of ['mps', 'mps:0'])
    expect(() => readTorchChoice(readerOf({ device }))).toThrow(`--device ${device}: PyTorch on Apple's GPU was never`);
});

test('a Python that is not named is that of the workspace, if it was made here', async () => {
  const [workspace, settings] = [await temporaryFolder(), await temporaryFolder()];
  const host = { environment: {}, settingsFile: join(settings, 'settings.json') };
  const pythonOf = async (options: Readonly<Record<string, string>>): Promise<string> => {
    const reader = readerOf({ workspace, ...options });
    return (await withPython(readTorchChoice(reader) ?? expect.fail('no choice'), reader, host)).python;
  };
  expect(await pythonOf({ python: 'some/python' })).toBe(resolve('some/python'));
  await expect(pythonOf({})).rejects.toMatchObject({ code: 'no-python', kind: 'refused' });
  const copied = await temporaryFolder();
  await createMadeEnvironments(stateFolder(host.settingsFile)).make(workspace);
  for (const folder of [workspace, copied]) {
    await mkdir(dirname(environmentPython(folder)), { recursive: true });
    await writeFile(environmentPython(folder), '');
  }
  expect(await pythonOf({})).toBe(environmentPython(workspace));
  await expect(pythonOf({ workspace: copied })).rejects.toMatchObject({ code: 'environment-elsewhere' });
});
