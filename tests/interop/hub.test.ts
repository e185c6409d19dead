/**
 * The Hub of the tests against huggingface_hub and transformers: they download from it and upload to it, find what the
 * workbench downloaded, and the workbench finds what they did. At last a download that is killed thirty times.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { parseHubName } from '../../main/contract/hub.ts';
import { findInCache } from '../../main/hub/hub-cache.ts';
import { hubSettings } from '../../main/hub/hub-settings.ts';
import { type LoopbackHub, startLoopbackHub, TOKEN } from '../integration/loopback-hub.ts';
import { resources, uncurl } from '../integration/run-uncurl.ts';
import { removeFolder } from '../remove-folder.ts';
import { runPython } from './run-python.ts';

let hub: LoopbackHub;
const ID = 'someone/uncurl-8';
const source = path.join(resources, 'models', 'uncurl-8');
const modelFiles = (): Record<string, Buffer> => ({
  ...Object.fromEntries(
    readdirSync(source)
      .filter((name) => !name.endsWith('.jsonl'))
      .map((name) => [name, readFileSync(path.join(source, name))]),
  ),
  'pytorch_model.bin': Buffer.alloc(100, 1),
});
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

beforeAll(async () => {
  hub = await startLoopbackHub();
});
afterAll(() => hub.close());

const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(path.join(tmpdir(), 'hub-interop-'));
  folders.push(folder);
  return folder;
};
afterAll(() => Promise.all(folders.map(removeFolder)));

/** The environment of a machine with an empty cache. */
const machine = (more: Record<string, string> = {}): Record<string, string> => ({
  HF_HOME: newFolder(),
  HF_ENDPOINT: hub.endpoint,
  HF_HUB_OFFLINE: '0',
  HF_HUB_DISABLE_XET: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
  ...more,
});

const ask = <T>(jobs: readonly unknown[], answer: z.ZodType<T>, environment: Record<string, string>) =>
  runPython('hub_client.py', jobs, answer, undefined, environment);

const folderAnswer = z.object({ folder: z.string(), files: z.record(z.string(), z.string()) });
const named = (text: string) => {
  const name = parseHubName(text);
  if (name === null) throw new Error(text);
  return name;
};

describe('the cache', () => {
  it('huggingface_hub downloads from our Hub, and the workbench finds it without a request', async () => {
    const commit = hub.publish(ID, modelFiles());
    const environment = machine();
    const [made] = await ask([{ what: 'download', repository: ID }], folderAnswer, environment);
    expect(made?.files).toEqual(
      Object.fromEntries(Object.entries(modelFiles()).map(([name, bytes]) => [name, sha256(bytes)])),
    );
    hub.seen.length = 0;
    const found = await findInCache(hubSettings(environment).cache, named(ID));
    expect(found).toEqual({ kind: 'found', path: made?.folder, commit });
    expect(await openCheckpoint(made?.folder ?? '')).toMatchObject({ name: ID, published: { repository: ID, commit } });
    const { code, stdout } = await uncurl(['info', ID, '--json'], { ...environment, HF_HUB_OFFLINE: '1' });
    expect([code, z.looseObject({ name: z.string(), commit: z.string() }).parse(JSON.parse(stdout))]).toMatchObject([
      0,
      { name: ID, commit },
    ]);
    expect(hub.seen).toEqual([]);
  });

  it('the workbench downloads, and huggingface_hub and transformers find it offline', async () => {
    hub.publish(ID, modelFiles());
    const environment = machine();
    const downloaded = await uncurl(
      ['download', ID, '--json', '--workspace', path.join(environment['HF_HOME'] ?? '', 'workspace')],
      environment,
    );
    expect(downloaded.code, downloaded.stderr).toBe(0);
    const { folder } = z.looseObject({ folder: z.string() }).parse(JSON.parse(downloaded.stdout));
    hub.seen.length = 0;
    const offline = { ...environment, HF_HUB_OFFLINE: '1' };
    const [found] = await ask([{ what: 'offline', repository: ID }], folderAnswer, offline);
    expect(found?.folder).toBe(folder);
    expect(Object.keys(found?.files ?? {})).not.toContain('pytorch_model.bin');
    const loaded = z.object({ parameters: z.number(), tokens: z.array(z.number()) });
    const [model] = await ask([{ what: 'load', repository: ID }], loaded, offline);
    expect(model).toMatchObject({ parameters: 786_144 });
    expect(hub.seen).toEqual([]);
    // Online it asks, and downloads nothing again.
    const [again] = await ask(
      [{ what: 'download', repository: ID, patterns: ['*.json', '*.safetensors'] }],
      folderAnswer,
      environment,
    );
    expect(again?.folder).toBe(folder);
    expect(hub.seen.filter(({ host }) => host === 'cdn')).toEqual([]);
  });
});

describe('uploads', () => {
  it('our Hub takes those of huggingface_hub, and huggingface_hub reads ours', async () => {
    const environment = machine({ HF_TOKEN: TOKEN });
    const uploadAnswer = z.object({ commit: z.string(), listed: z.array(z.string()) });
    const [theirs] = await ask(
      [{ what: 'upload', repository: 'someone/theirs', folder: source }],
      uploadAnswer,
      environment,
    );
    expect(theirs?.listed).toEqual(readdirSync(source).sort());
    for (const name of readdirSync(source))
      expect(hub.contentOf('someone/theirs', name)?.equals(readFileSync(path.join(source, name)))).toBe(true);

    const folder = newFolder();
    const plan = path.join(folder, 'plan.json');
    const exported = path.join(folder, 'export');
    for (const command of [
      ['plan', ID, '--method', 'random', '--seed', '0', '--factor', '2', '--out', plan],
      ['export', ID, '--plan', plan, '--out', exported],
    ]) {
      const done = await uncurl(command, environment);
      expect(done.code, done.stderr).toBe(0);
    }
    const card = readFileSync(path.join(exported, 'README.md'), 'utf8');
    expect(card).toContain(`base_model: ${ID}\n`);
    const workspace = path.join(folder, 'workspace');
    const unmeasured = await uncurl(['push', exported, 'someone/pruned', '--workspace', workspace], environment);
    expect(unmeasured.code).not.toBe(0);
    expect(unmeasured.stderr).toContain('says nothing about what pruning costs');
    const pushed = await uncurl(
      ['push', exported, 'someone/pruned', '--private', '--without-numbers', '--workspace', workspace],
      environment,
    );
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(`${pushed.stdout}${pushed.stderr}`).not.toContain(TOKEN);
    const infoAnswer = uploadAnswer.extend({ private: z.boolean() });
    const [ours] = await ask([{ what: 'info', repository: 'someone/pruned' }], infoAnswer, environment);
    expect(ours).toMatchObject({ private: true, listed: readdirSync(exported).sort() });
    const [back] = await ask([{ what: 'download', repository: 'someone/pruned' }], folderAnswer, environment);
    expect(back?.files).toEqual(
      Object.fromEntries(readdirSync(exported).map((name) => [name, sha256(readFileSync(path.join(exported, name)))])),
    );
    const written = readdirSync(workspace, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
    for (const file of written)
      expect(readFileSync(path.join(file.parentPath, file.name)).includes(TOKEN), file.name).toBe(false);
  });
});

it('says what is wrong as the Hub does', async () => {
  hub.publish('someone/gated', modelFiles(), { isGated: true });
  hub.publish('someone/private', modelFiles(), { isPrivate: true });
  hub.publish(ID, modelFiles());
  const answers = await ask(
    [
      { what: 'error', repository: 'someone/gated' },
      { what: 'error', repository: 'someone/private' },
      { what: 'error', repository: 'someone/missing' },
      { what: 'error', repository: ID, revision: 'no-such-branch' },
      { what: 'error', repository: ID, file: 'no-such-file.json' },
    ],
    z.object({ error: z.string() }),
    machine(),
  );
  expect(answers.map(({ error }) => error)).toEqual([
    'GatedRepoError',
    'RepositoryNotFoundError',
    'RepositoryNotFoundError',
    'RevisionNotFoundError',
    'RemoteEntryNotFoundError',
  ]);
});

it('a download killed thirty times ends with the right bytes, each time later than before', async () => {
  const KILLS = 30;
  const weights = Buffer.alloc(31 * 65_536);
  for (let at = 0; at < weights.length; at += 1) weights[at] = (at * 31 + (at >> 8)) & 255;
  hub.publish('someone/large', { 'config.json': '{"model_type":"mixtral"}', 'model.safetensors': weights });
  const environment = machine();
  const blobs = path.join(environment['HF_HOME'] ?? '', 'hub', 'models--someone--large', 'blobs');
  const part = path.join(blobs, `${sha256(weights)}.incomplete`);
  const sizeNow = (): number => statSync(part, { throwIfNoEntry: false })?.size ?? 0;
  const worker = fileURLToPath(new URL('../integration/download-worker.ts', import.meta.url));
  // Each process gets some bytes and then silence, so that it is killed in the middle.
  hub.fault = ({ host, method }) => (host === 'cdn' && method === 'GET' ? { silentAfter: 65_536 } : null);
  let before = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = spawn(process.execPath, [worker, 'someone/large'], {
      env: { ...process.env, ...environment, HF_HUB_DOWNLOAD_TIMEOUT: '600' },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    while (sizeNow() < before + 65_536) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGKILL');
    await ended;
    expect(sizeNow()).toBeGreaterThan(before);
    before = sizeNow();
  }
  const asked = hub.seen.filter(({ host, path: at }) => host === 'cdn' && at.includes(sha256(weights)));
  expect(asked.at(-1)?.range).toBe(`bytes=${String(before - 65_536)}-`);
  hub.fault = null;
  const last = spawn(process.execPath, [worker, 'someone/large'], {
    env: { ...process.env, ...environment },
    stdio: 'inherit',
  });
  expect(await new Promise((resolve) => last.once('close', resolve))).toBe(0);
  expect(readFileSync(path.join(blobs, sha256(weights))).equals(weights)).toBe(true);
});
