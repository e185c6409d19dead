import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findPython } from '../../../main/finetune/find-python.ts';
import { createMadeEnvironments, environmentPython } from '../../../main/finetune/made-environments.ts';
import { makeEnvironment } from '../../../main/finetune/make-environment.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

/** A program that answers the question for versions like a Python with these packages. */
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

const resources = resolve('resources');

/** Environments of an engine that has made none. */
const none = { has: () => Promise.resolve(false) };

const whole = {
  python: '3.12.1',
  torch: '2.7.0+cpu',
  transformers: '5.24.0',
  safetensors: '0.6.0',
  environment: 'e'.repeat(64),
};

describe.skipIf(process.platform === 'win32')('the Python that trains', () => {
  test('is taken with its versions', async () => {
    const path = await answering(whole);
    expect(await findPython(path, '/nowhere', none, resources)).toEqual({
      path,
      versions: { python: '3.12.1', torch: '2.7.0+cpu', transformers: '5.24.0', environment: 'e'.repeat(64) },
    });
  });

  test("is the workspace's own where none is named, if it was made here", async () => {
    const [workspace, state] = [await temporaryFolder(), join(await temporaryFolder(), 'state')];
    const environments = createMadeEnvironments(state);
    await environments.make(workspace);
    const path = await answering(whole, environmentPython(workspace));
    expect((await findPython(null, workspace, environments, resources)).path).toBe(path);
    // The next call completes it.
    await environments.make(workspace);
    expect((await stat(state)).mode & 0o777).toBe(0o700);
  });

  /** A workspace with a program at the path of the environment's Python that leaves a mark when it is run. */
  const armed = async (): Promise<{ readonly workspace: string; readonly ran: string }> => {
    const workspace = await temporaryFolder();
    const [path, ran] = [environmentPython(workspace), join(workspace, 'ran')];
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `#!/bin/sh\ntouch '${ran}'\necho '${JSON.stringify(whole)}'\n`);
    await chmod(path, 0o755);
    return { workspace, ran };
  };

  test('is not run where it came with the workspace: not asked, not completed, not behind a link', async () => {
    const environments = createMadeEnvironments(await temporaryFolder());
    const refused = { code: 'environment-elsewhere', kind: 'refused', remedy: expect.stringContaining('--python') };
    const { workspace, ran } = await armed();
    await expect(findPython(null, workspace, environments, resources)).rejects.toMatchObject(refused);
    const request = { base: 'python3', workspace, environments, resources: '/nowhere', say: () => undefined };
    await expect(makeEnvironment({ ...request, signal: AbortSignal.timeout(60_000) })).rejects.toMatchObject(refused);
    // An environment that was made here is replaced by another one, or by a link to it.
    const own = await temporaryFolder();
    await environments.make(own);
    await rename(join(own, 'python'), join(own, 'before'));
    await rename(join(workspace, 'python'), join(own, 'python'));
    await expect(findPython(null, own, environments, resources)).rejects.toMatchObject(refused);
    await rename(join(own, 'python'), join(own, 'theirs'));
    await symlink(join(own, 'theirs'), join(own, 'python'));
    await expect(findPython(null, own, environments, resources)).rejects.toMatchObject(refused);
    expect(existsSync(ran)).toBe(false);
    await rm(join(own, 'python'));
    await rename(join(own, 'before'), join(own, 'python'));
    expect(await environments.has(own)).toBe(true);
    // A copy of the whole workspace is at another path.
    const copy = join(await temporaryFolder(), 'copy');
    await cp(own, copy, { recursive: true });
    expect(await environments.has(copy)).toBe(false);
  });

  test.each([
    ['an old Python', { ...whole, python: '3.9.18' }, 'wrong-python', 'Python 3.9.18'],
    ['no PyTorch', { ...whole, torch: null }, 'python-lacks', 'no torch'],
    ['an old PyTorch', { ...whole, torch: '2.5.1' }, 'python-lacks', 'torch 2.5.1'],
    ['an old transformers', { ...whole, transformers: '4.57.0' }, 'python-lacks', 'transformers 4.57.0'],
    ['no safetensors', { ...whole, safetensors: null }, 'python-lacks', 'no safetensors'],
    ['another program', 'hello', 'wrong-python', 'does not answer as Python does'],
  ])('is refused with what to do: %s', async (_, answer, code, words) => {
    await expect(findPython(await answering(answer), '/nowhere', none, resources)).rejects.toMatchObject({
      code,
      kind: 'refused',
      message: expect.stringContaining(words),
      remedy: expect.stringContaining('uncurl doctor --python'),
    });
  });

  test('is refused where there is none, where it ends badly, and where it may not be run', async () => {
    const folder = await temporaryFolder();
    await expect(findPython(null, folder, none, resources)).rejects.toMatchObject({
      code: 'no-python',
      kind: 'refused',
    });
    await expect(findPython(join(folder, 'python'), folder, none, resources)).rejects.toMatchObject({
      code: 'no-python',
      kind: 'refused',
    });
    await expect(findPython('/bin/false', folder, none, resources)).rejects.toMatchObject({
      code: 'wrong-python',
      kind: 'refused',
    });
    // A program for a processor that is nowhere, as one for another processor is here.
    const foreign = join(folder, 'foreign');
    const header = Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]), Buffer.alloc(249)]);
    header.writeUInt16LE(0xfff0, 18);
    await writeFile(foreign, header, { mode: 0o755 });
    await expect(findPython(foreign, folder, none, resources)).rejects.toMatchObject({
      code: 'wrong-python',
      kind: 'refused',
    });
    const file = join(folder, 'text');
    await writeFile(file, 'no program');
    await expect(findPython(file, folder, none, resources)).rejects.toMatchObject({
      code: 'wrong-python',
      kind: 'refused',
    });
  });
});
