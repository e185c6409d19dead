import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { environmentPython, findPython } from '../../../main/finetune/find-python.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

/** A program that answers the question for versions as a Python with these packages would. */
const answering = async (answer: unknown, path?: string): Promise<string> => {
  const file = path ?? join(await temporaryFolder(), 'python');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(
    file,
    `#!/bin/sh\ncat <<'END'\n${typeof answer === 'string' ? answer : JSON.stringify(answer)}\nEND\n`,
  );
  await chmod(file, 0o755);
  return file;
};

const whole = { python: '3.12.1', torch: '2.7.0+cpu', transformers: '5.24.0', safetensors: '0.6.0' };

describe.skipIf(process.platform === 'win32')('the Python that trains', () => {
  test('is taken with its versions', async () => {
    const path = await answering(whole);
    expect(await findPython(path, '/nowhere')).toEqual({
      path,
      versions: { python: '3.12.1', torch: '2.7.0+cpu', transformers: '5.24.0' },
    });
  });

  test("is the workspace's own where none is named", async () => {
    const workspace = await temporaryFolder();
    const path = await answering(whole, environmentPython(workspace));
    expect((await findPython(null, workspace)).path).toBe(path);
  });

  test.each([
    ['an old Python', { ...whole, python: '3.9.18' }, 'wrong-python', 'Python 3.9.18'],
    ['no PyTorch', { ...whole, torch: null }, 'python-lacks', 'no torch'],
    ['an old PyTorch', { ...whole, torch: '2.5.1' }, 'python-lacks', 'torch 2.5.1'],
    ['an old transformers', { ...whole, transformers: '4.57.0' }, 'python-lacks', 'transformers 4.57.0'],
    ['no safetensors', { ...whole, safetensors: null }, 'python-lacks', 'no safetensors'],
    ['another program', 'hello', 'wrong-python', 'does not answer as Python does'],
  ])('is refused with what to do: %s', async (_, answer, code, words) => {
    await expect(findPython(await answering(answer), '/nowhere')).rejects.toMatchObject({
      code,
      kind: 'refused',
      message: expect.stringContaining(words),
      remedy: expect.stringContaining('uncurl doctor --python'),
    });
  });

  test('is refused where there is none, where it ends badly, and where it may not be run', async () => {
    const folder = await temporaryFolder();
    await expect(findPython(null, folder)).rejects.toMatchObject({ code: 'no-python', kind: 'refused' });
    await expect(findPython(join(folder, 'python'), folder)).rejects.toMatchObject({
      code: 'no-python',
      kind: 'refused',
    });
    await expect(findPython('/bin/false', folder)).rejects.toMatchObject({ code: 'wrong-python', kind: 'refused' });
    const file = join(folder, 'text');
    await writeFile(file, 'no program');
    await expect(findPython(file, folder)).rejects.toMatchObject({ code: 'wrong-python', kind: 'refused' });
  });
});
