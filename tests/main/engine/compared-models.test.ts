import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import type { TransformersCheck } from '../../../main/contract/transformers-check.ts';
import { KeptChecks } from '../../../main/torch/kept-checks.ts';
import { transformersWords } from '../../../main/words/referee.ts';
import { stateFolder } from '../../../main/workspace/user-key.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { bundled, openEngine } from './open-engine.ts';

/** What a run says of models that were compared with transformers; tests/interop compares them. */

const model = fileURLToPath(new URL('../../../resources/models/uncurl-8', import.meta.url));
const equal: TransformersCheck = {
  word: 'equal',
  transformers: '5.24.0',
  tokens: 64,
  differing: 0,
  difference: 2e-6,
  tolerance: 1e-3,
};

test('a manifest says that a model of this content was found equal to transformers, or nothing', async () => {
  const settingsFile = path.join(await temporaryFolder(), 'settings.json');
  const engine = await openEngine(undefined, { settingsFile });
  const { model: handle, task } = await bundled(engine, 'uncurl-8', 'add');
  const profiled = async (): Promise<unknown> => {
    const { run } = await engine.call('profile.start', { model: handle, tasks: [task] });
    return (await engine.finished(run)).models[0]?.transformers;
  };
  expect(await profiled()).toBeUndefined();
  const { content } = await openCheckpoint(model);
  const checks = new KeptChecks(stateFolder(settingsFile));
  await checks.keep((await content.identify()).identity, equal);
  expect(await profiled()).toEqual(equal);
  // Another content was not asked about.
  expect(await checks.find('0'.repeat(64))).toBeNull();
});

test('a state folder that is a file, or a verdict that is a folder, is no verdict and no failure', async () => {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'state');
  await writeFile(file, '');
  const checks = new KeptChecks(file);
  await checks.keep('a', equal);
  expect(await checks.find('a')).toBeNull();
  const inTheWay = new KeptChecks(folder);
  await mkdir(path.join(folder, 'equal-to-transformers', 'a.json'), { recursive: true });
  await inTheWay.keep('a', equal);
  expect(await inTheWay.find('a')).toBeNull();
});

test('only "equal" is kept: what could not be compared is asked about again', async () => {
  const checks = new KeptChecks(await temporaryFolder());
  await checks.keep('a', { word: 'not compared', why: 'no Python' });
  expect(await checks.find('a')).toBeNull();
  await checks.keep('a', equal);
  expect(await checks.find('a')).toEqual(equal);
  expect(transformersWords(null)).toContain('not compared');
  expect(transformersWords(equal)).toBe(
    'equal to transformers 5.24.0 in 64 tokens of logits (largest difference 2.0e-6 of the largest logit, 0.001 is ' +
      'allowed)',
  );
});
