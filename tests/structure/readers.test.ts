import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, root } from './project-files.ts';

/**
 * Files read without `main/files/regular-file.ts`, and why none of them is foreign. A pipe or device in place of
 * another file would make a plain read wait, or read forever.
 */
const OWN_FILES: Readonly<Record<string, string>> = {
  'electron/page.ts': 'the built page',
  'electron/window-bounds.ts': "the shell's own file, in Electron's folder of the user, read before there is an engine",
  'main/hosts/serve.ts': 'the built page',
  'main/engine/machine.ts': "the system's description of the processor",
  'main/files/process-alive.ts': "the system's description of a process",
  'main/inference/providers/provider.ts': "a driver's description of a card",
  'main/inference/providers/measure-provider.ts': 'written a moment before by onnxruntime',
  'main/runs/kept-answers.ts': "the engine's own program",
  'main/inference/hidden-store.ts': 'written a moment before under a random name',
  'main/sample/pack-sample.ts': 'a run that its maintainers ship',
  'main/files/process-limits.ts': "the system's description of this process's limits",
  'main/files/write-atomically.ts': 'a folder, opened to flush it',
  'main/files/regular-file.ts': 'the reader itself',
};
const PLAIN_READ =
  /(?<![.\w])(?:readFile|readFileSync|createReadStream)\(|(?<![.\w])open\([^()]*, (?:'r'|constants\.O_RDONLY)/;

test('foreign files are read by the one reader that refuses pipes, devices and oversized files', () => {
  const sources = projectFiles().filter((file) => /^(?:main|electron)\/.*\.ts$/.test(file));
  const plain = sources.filter((file) => PLAIN_READ.test(readFileSync(path.join(root, file), 'utf8')));
  expect(plain).toEqual(Object.keys(OWN_FILES).sort());
});
