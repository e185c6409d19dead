import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { CHECKSUM_FILE, writeChecksums } from '../../../main/files/checksums.ts';
import { uploadExport, type UploadOrder } from '../../../main/hub/upload.ts';
import { type LoopbackHub, POOR_TOKEN, startLoopbackHub, TOKEN } from '../../integration/loopback-hub.ts';
import { clientOf, freshMachine, passingFolder } from './hub-fixture.ts';

let hub: LoopbackHub;
beforeAll(async () => {
  hub = await startLoopbackHub();
});
afterAll(() => hub.close());
afterEach(() => {
  hub.fault = null;
  hub.seen.length = 0;
});

const WEIGHTS = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251));
const CARD =
  '---\nlicense: mit\nbase_model: someone/source\n---\n\n# pruned\n\n' +
  '## What pruning costs\n\nMeasured: safe on a task.\n';

/** A folder as an export leaves it. */
const exported = async (card = CARD): Promise<string> => {
  const folder = passingFolder();
  const files = {
    'README.md': card,
    'uncurl-plan.json': '{}',
    'config.json': '{"model_type":"mixtral"}',
    'model-00001-of-00002.safetensors': WEIGHTS,
    'model-00002-of-00002.safetensors': WEIGHTS.subarray(1),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
  await writeChecksums(folder, new Map(Object.keys(files).map((name) => [name, path.join(folder, name)])));
  return folder;
};

const order = (folder: string, repository: string, more: Partial<UploadOrder> = {}): UploadOrder => ({
  folder,
  repository,
  isPrivate: false,
  intoExisting: false,
  withoutNumbers: false,
  ...more,
});

const refusal = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'nothing was refused',
    (error: unknown) => error,
  );

it('publishes every file of a verified export in one commit, and the token stays with the Hub', async () => {
  const { client } = clientOf(freshMachine(hub, { HF_TOKEN: TOKEN }).environment);
  const folder = await exported();
  const seen: [number, number][] = [];
  const { url } = await uploadExport(client, order(folder, 'someone/pruned', { isPrivate: true }), {
    onProgress: (done, total) => seen.push([done, total]),
  });
  expect(url).toBe(`${hub.endpoint}/someone/pruned`);
  expect(hub.filesOf('someone/pruned')).toEqual(
    [
      'README.md',
      CHECKSUM_FILE,
      'config.json',
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'uncurl-plan.json',
    ].sort(),
  );
  expect(hub.contentOf('someone/pruned', 'model-00001-of-00002.safetensors')?.equals(WEIGHTS)).toBe(true);
  expect(hub.seen.filter(({ path: at }) => at.endsWith('/commit/main'))).toHaveLength(1);
  expect(hub.seen.filter(({ host, authorization }) => host === 'cdn' && authorization !== null)).toEqual([]);
  expect(hub.seen.filter(({ host, method }) => host === 'cdn' && method === 'PUT')).toHaveLength(2);
  const last = seen.at(-1);
  expect(last?.[0]).toBe(last?.[1]);
  expect(seen.length).toBeGreaterThan(3);
});

it('continues with the files that the Hub does not have', async () => {
  const { client } = clientOf(freshMachine(hub, { HF_TOKEN: TOKEN }).environment);
  const folder = await exported();
  hub.publish('someone/elsewhere', { 'model.safetensors': WEIGHTS });
  hub.fault = ({ path: at }) => (at.endsWith('/commit/main') ? { cutAfter: 0 } : null);
  expect(await refusal(uploadExport(client, order(folder, 'someone/continued')))).toMatchObject({
    code: 'hub-unreachable',
  });
  expect(hub.filesOf('someone/continued')).toEqual([]);
  // The first file was there under another name; the second arrived before the connection broke.
  expect(hub.seen.filter(({ method }) => method === 'PUT').length).toBeLessThanOrEqual(1);
  hub.fault = null;
  hub.seen.length = 0;
  await uploadExport(client, order(folder, 'someone/continued'));
  expect(hub.seen.filter(({ method }) => method === 'PUT')).toEqual([]);
  expect(hub.filesOf('someone/continued')).toHaveLength(6);
});

it('refuses the unverified, cards without numbers or that the Hub refuses, and used repositories', async () => {
  const { client } = clientOf(freshMachine(hub, { HF_TOKEN: TOKEN }).environment);
  const changed = await exported();
  writeFileSync(path.join(changed, 'model-00002-of-00002.safetensors'), WEIGHTS.subarray(2));
  expect(await refusal(uploadExport(client, order(changed, 'someone/a')))).toMatchObject({ code: 'not-verified' });
  const plain = passingFolder();
  expect(await refusal(uploadExport(client, order(plain, 'someone/a')))).toMatchObject({ code: 'not-verified' });
  const silent = await exported(
    CARD.replace('Measured: safe on a task.', 'Not measured: no sweep has tested this plan.'),
  );
  expect(await refusal(uploadExport(client, order(silent, 'someone/a')))).toMatchObject({
    code: 'card-without-numbers',
  });
  for (const [from, to] of [
    ['license: mit', 'license: my-own'],
    ['base_model: someone/source', 'base_model: /home/someone/source'],
  ] as const) {
    const refused = await refusal(uploadExport(client, order(await exported(CARD.replace(from, to)), 'someone/a')));
    expect(refused).toMatchObject({
      code: 'card-refused',
      message: expect.stringMatching(/license|base_model/) as string,
    });
  }
  hub.publish('someone/used', { 'config.json': '{}' });
  const folder = await exported();
  expect(await refusal(uploadExport(client, order(folder, 'someone/used')))).toMatchObject({
    code: 'repository-has-files',
  });
  await uploadExport(client, order(folder, 'someone/used', { intoExisting: true }));
  expect(hub.filesOf('someone/used')).toHaveLength(6);
  const { client: nobody } = clientOf(freshMachine(hub).environment);
  expect(await refusal(uploadExport(nobody, order(folder, 'someone/b')))).toMatchObject({ code: 'hub-no-token' });
  const { client: reader } = clientOf(freshMachine(hub, { HF_TOKEN: POOR_TOKEN }).environment);
  expect(await refusal(uploadExport(reader, order(folder, 'someone/b')))).toMatchObject({ code: 'hub-bad-token' });
});
