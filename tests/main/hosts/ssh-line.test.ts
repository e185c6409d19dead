import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { runThere, sshTarget } from '../../../main/hosts/ssh-line.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

test('an input that has nothing to give when ssh ends is ended with it, so that its writer does not wait', async () => {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'ssh'), '#!/bin/sh\nexit 255\n', { mode: 0o755 });
  const input = new PassThrough();
  const target = sshTarget('there', { environment: { PATH: folder } });
  await expect(runThere(target, 'cat', { signal: new AbortController().signal, input })).rejects.toThrow(
    'The connection to there ended',
  );
  expect(input.destroyed).toBe(true);
});
