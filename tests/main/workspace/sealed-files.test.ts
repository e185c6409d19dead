import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryNameFor } from '../../../main/files/write-atomically.ts';
import { readProvenance, sealRun } from '../../../main/workspace/sealed-files.ts';
import { processKey } from '../../../main/workspace/user-key.ts';
import { temporaryFolder } from './temporary-folder.ts';

test('a heartbeat of the lock that is being written while a run is sealed is no file of the run', async () => {
  const [folder, temporary] = [await temporaryFolder(), await temporaryFolder()];
  const manifest = '{}\n';
  await writeFile(join(folder, 'results.json'), '[]\n');
  const heartbeat = temporaryNameFor(join(folder, 'lock-1.json'));
  await writeFile(heartbeat, '{}');
  await sealRun(folder, manifest, processKey, temporary);
  await rm(heartbeat);
  await writeFile(join(folder, 'manifest.json'), manifest);
  const made = { key: processKey, isBound: () => Promise.resolve(true), depth: 'files' } as const;
  const shown = () => readProvenance(folder, { manifest, state: 'done', adoptedAt: undefined }, made);
  expect(await shown()).toEqual({ state: 'here', reason: null, files: [] });
  await writeFile(join(folder, 'results.json'), '[1]\n');
  expect(await shown()).toMatchObject({ state: 'elsewhere', files: ['results.json'] });
});
