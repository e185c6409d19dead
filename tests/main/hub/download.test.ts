import { pbkdf2 } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { parseHubName } from '../../../main/contract/hub.ts';
import { downloadModel, type DownloadProgress } from '../../../main/hub/download.ts';
import { readDataSetCard } from '../../../main/hub/data-set.ts';
import { findInCache, ggufParts } from '../../../main/hub/hub-cache.ts';
import { createHubClient } from '../../../main/hub/hub-client.ts';
import { hubSettings } from '../../../main/hub/hub-settings.ts';
import { findPublished, readPublishedInfo } from '../../../main/hub/published-model.ts';
import { searchModels } from '../../../main/hub/repository.ts';
import { hubModelPath } from '../../../main/hub/resolve-model.ts';
import { type LoopbackHub, POOR_TOKEN, startLoopbackHub, TOKEN } from '../../integration/loopback-hub.ts';
import { ggufOf, provenModels } from '../export/gguf/llama-models.ts';
import { clientOf, freshMachine, ID, modelFiles } from './hub-fixture.ts';

let hub: LoopbackHub;
beforeAll(async () => {
  hub = await startLoopbackHub();
});
afterAll(() => hub.close());
afterEach(() => {
  hub.fault = null;
  hub.listedToo.length = 0;
  hub.claimedBytes.clear();
  hub.seen.length = 0;
});

const nameOf = (text: string) => {
  const name = parseHubName(text);
  if (name === null) throw new Error(text);
  return name;
};

const download = async (
  environment: Record<string, string>,
  id = ID,
  control: Parameters<typeof downloadModel>[2] = {},
): Promise<{ readonly folder: string; readonly waits: number[] }> => {
  const { client, waits } = clientOf(environment);
  const model = await findPublished(client, nameOf(id), {});
  return { folder: await downloadModel(client, model, control), waits };
};

const refusal = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'nothing was refused',
    (error: unknown) => error,
  );

describe('a download', () => {
  it('brings the needed files and nothing else, in the layout of the cache', async () => {
    const commit = hub.publish(ID, modelFiles('mixtral-bf16-sharded'));
    const machine = freshMachine(hub);
    const seen: DownloadProgress[] = [];
    const { folder } = await download(machine.environment, ID, { onProgress: (progress) => seen.push(progress) });
    expect(folder).toBe(path.join(machine.cache, 'models--someone--small-moe', 'snapshots', commit));
    const names = readdirSync(folder).sort();
    expect(names).toEqual(
      Object.keys(modelFiles('mixtral-bf16-sharded'))
        .filter((name) => !/\.(?:bin|py|pt)$/.test(name))
        .sort(),
    );
    for (const name of names) {
      expect(readlinkSync(path.join(folder, name))).toMatch(
        /^\.\.[/\\]\.\.[/\\]blobs[/\\](?:[0-9a-f]{40}|[0-9a-f]{64})$/,
      );
      expect(readFileSync(path.join(folder, name)).equals(hub.contentOf(ID, name) ?? Buffer.alloc(0))).toBe(true);
    }
    expect(readFileSync(path.join(folder, '../../refs/main'), 'utf8')).toBe(commit);
    expect(readdirSync(path.join(folder, '../../blobs')).filter((name) => name.endsWith('incomplete'))).toEqual([]);
    const last = seen.at(-1);
    expect(last?.doneBytes).toBe(last?.totalBytes);
    expect(seen.every(({ doneBytes }, at) => doneBytes >= (seen[at - 1]?.doneBytes ?? 0))).toBe(true);
    // What is here is found without a request, under its name and commit.
    hub.seen.length = 0;
    const { client } = clientOf(machine.environment);
    const found = await hubModelPath(nameOf(ID), client.settings, () => Promise.reject(new Error('asked')));
    const opened = await openCheckpoint(found);
    expect(opened).toMatchObject({ name: ID, published: { repository: ID, commit } });
    expect((await openCheckpoint(path.join(machine.cache, 'models--someone--small-moe'))).folder).toBe(found);
    expect((await findInCache(machine.cache, nameOf(`${ID}@${commit}`))).kind).toBe('found');
    expect(hub.seen).toEqual([]);
  });

  it('knows before it starts what the opened folder says', async () => {
    for (const fixture of ['mixtral-bf16-sharded', 'deepseek_v3-fp8', 'olmoe']) {
      hub.publish(ID, modelFiles(fixture));
      hub.seen.length = 0;
      const { environment } = freshMachine(hub);
      const { client } = clientOf(environment);
      const before = await readPublishedInfo(client, await findPublished(client, nameOf(ID)));
      expect(hub.seen.filter(({ host, range }) => host === 'cdn' && range === null)).toEqual([]);
      const { folder } = await download(environment);
      const { chatTemplate: _, ...info } = (await openCheckpoint(folder)).info;
      expect(before).toEqual(info);
    }
  });

  it('reads a config with Infinity, as Python writes it, before it starts', async () => {
    const files = modelFiles('nemotron_h');
    const text = String(files['config.json']).replace(/\{\s*"__float__": "Infinity"\s*\}/, 'Infinity');
    expect(() => JSON.parse(text) as unknown).toThrow(/Infinity|Unexpected/);
    hub.publish(ID, { ...files, 'config.json': text });
    const { client } = clientOf(freshMachine(hub).environment);
    const before = await readPublishedInfo(client, await findPublished(client, nameOf(ID)));
    expect(before).toMatchObject({ family: 'nemotron_h', experts: 8 });
  });

  it('reads the header of a GGUF file before it starts, and downloads one of several', async () => {
    const file = await ggufOf((await provenModels[0]?.make()) ?? '', 'f32');
    const bytes = readFileSync(file);
    hub.publish(ID, { 'README.md': '# GGUF', 'small-F32.gguf': bytes, 'other-Q8.gguf': bytes.subarray(1) });
    const machine = freshMachine(hub);
    const { client } = clientOf(machine.environment);
    expect(await refusal(findPublished(client, nameOf(ID)))).toMatchObject({
      code: 'several-models',
      remedy: expect.stringContaining(`${ID}/other-Q8.gguf`) as string,
    });
    const name = nameOf(`${ID}/small-F32.gguf`);
    const model = await findPublished(client, name);
    const before = await readPublishedInfo(client, model);
    const folder = await downloadModel(client, model);
    expect(readdirSync(path.dirname(folder)).sort()).toEqual(['README.md', 'small-F32.gguf']);
    const opened = await openCheckpoint(folder);
    expect(opened.name).toBe(`${ID}/small-F32`);
    expect(before).toEqual(opened.info);
    expect(await findInCache(machine.cache, name)).toMatchObject({ kind: 'found', path: folder });
  }, 60_000);

  it('continues after dropped connections, from the byte that it had', async () => {
    hub.publish(ID, modelFiles('mixtral-bf16-sharded'));
    const machine = freshMachine(hub, { HF_HUB_DOWNLOAD_TIMEOUT: '2' });
    let count = 0;
    let ofCdn = 0;
    // Each kind of moment: before the answer of the Hub or its CDN, in the middle, and silence.
    hub.fault = ({ host, method, path: at }) => {
      if (!at.includes('resolve') && host === 'hub') return null;
      count += 1;
      ofCdn += host === 'cdn' ? 1 : 0;
      if (count === 12) return { mute: true };
      if (host === 'cdn' && ofCdn === 4) return { silentAfter: 50 };
      if (count % 7 === 0) return { cutAfter: 0 };
      if (host === 'cdn') return { cutAfter: 9_000 };
      return method === 'GET' && count % 2 === 0 ? { cutAfter: 40 } : null;
    };
    const { folder } = await download(machine.environment);
    for (const name of readdirSync(folder))
      expect(readFileSync(path.join(folder, name)).equals(hub.contentOf(ID, name) ?? Buffer.alloc(0))).toBe(true);
    const ranges = hub.seen.filter(({ host }) => host === 'cdn').map(({ range }) => range);
    expect(ranges).toContain('bytes=9000-');
    expect(ranges).toContain('bytes=18000-');
    expect(count).toBeGreaterThan(12);
    expect(ofCdn).toBeGreaterThan(4);
  });

  it('keeps every byte that arrived before a connection broke, however slow the disk is', async () => {
    hub.publish(ID, modelFiles('mixtral'));
    hub.fault = ({ host }) => (host === 'cdn' ? { cutAfter: 9_000 } : null);
    const { environment } = freshMachine(hub);
    const { client } = clientOf(environment);
    const model = await findPublished(client, nameOf(ID));
    // Files are opened and written by the same few threads.
    const busy = new AbortController();
    const occupied = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (!busy.signal.aborted) await promisify(pbkdf2)('a', 'b', 4_000, 32, 'sha256');
      }),
    );
    const folder = await downloadModel(client, model).finally(() => busy.abort());
    await occupied;
    const sizes = readdirSync(folder)
      .filter((name) => name.endsWith('.safetensors'))
      .map((name) => hub.contentOf(ID, name)?.length ?? 0);
    const starts = sizes.flatMap((size) =>
      Array.from({ length: Math.ceil(size / 9_000) }, (_, at) => (at === 0 ? null : `bytes=${String(at * 9_000)}-`)),
    );
    const asked = hub.seen.filter(({ host }) => host === 'cdn').map(({ range }) => range);
    expect(asked.sort()).toEqual(starts.sort());
  }, 60_000);

  it('says that the Hub cannot be reached where no answer brings a byte', async () => {
    hub.publish(ID, modelFiles('mixtral'));
    hub.fault = ({ host }) => (host === 'cdn' ? { headersOnly: true } : null);
    expect(await refusal(download(freshMachine(hub).environment))).toMatchObject({ code: 'hub-unreachable' });
  });

  it('asks again where a connection breaks within a listing', async () => {
    const commit = hub.publish(ID, modelFiles('mixtral'));
    let cuts = 0;
    hub.fault = ({ path: at }) => {
      if (!at.startsWith('/api/models/') || cuts >= 2) return null;
      cuts += 1;
      return { headersOnly: true };
    };
    const { client } = clientOf(freshMachine(hub).environment);
    expect((await findPublished(client, nameOf(ID))).repository.commit).toBe(commit);
    expect(cuts).toBe(2);
  });

  it('gives up a server that falls silent within a header or a listing, or answers without end', async () => {
    const commit = hub.publish(ID, modelFiles('mixtral'));
    const { environment } = freshMachine(hub, { HF_HUB_DOWNLOAD_TIMEOUT: '1' });
    const { client } = clientOf(environment);
    const model = await findPublished(client, nameOf(ID));
    let silences = 0;
    hub.fault = ({ host, method }) => {
      if (host !== 'cdn' || method !== 'GET' || silences >= 2) return null;
      silences += 1;
      return { silentAfter: 4 };
    };
    expect(await readPublishedInfo(client, model)).toMatchObject({ family: 'mixtral' });
    expect(silences).toBe(2);
    hub.fault = ({ path: at }) => (at.startsWith('/api/models/') ? { body: 'silent' } : null);
    expect(await refusal(findPublished(client, nameOf(ID)))).toMatchObject({
      code: 'hub-unreachable',
      message: expect.stringContaining('it fell silent') as string,
    });
    hub.fault = ({ path: at }) => (at.startsWith('/api/models/') ? { body: 'endless' } : null);
    expect(await refusal(findPublished(client, nameOf(ID)))).toMatchObject({ code: 'hub-bad-answer' });
    hub.fault = null;
    expect((await findPublished(client, nameOf(ID))).repository.commit).toBe(commit);
  });

  it('refuses pages that are no answers of a Hub', async () => {
    hub.publish(ID, modelFiles('mixtral'));
    hub.fault = () => ({ body: 'page' });
    const { client } = clientOf(freshMachine(hub).environment);
    for (const asked of [
      () => findPublished(client, nameOf(ID)),
      () => searchModels(client, 'small', 5),
      () => readDataSetCard(client, 'someone/data', new AbortController().signal),
    ])
      expect(await refusal(asked())).toMatchObject({
        code: 'hub-bad-answer',
        message: expect.stringContaining('not JSON') as string,
      });
  });

  it('a GGUF file that claims to be one part of none is a file', () => {
    expect(ggufParts('a-00001-of-00000.gguf')).toEqual(['a-00001-of-00000.gguf']);
    expect(ggufParts('a-00001-of-00002.gguf')).toEqual(['a-00001-of-00002.gguf', 'a-00002-of-00002.gguf']);
  });

  it('starts over where the server ignores the range or the part is too long', async () => {
    const commit = hub.publish(ID, modelFiles('mixtral'));
    const weights = hub.contentOf(ID, 'model.safetensors') ?? Buffer.alloc(0);
    for (const left of [
      weights.subarray(0, 1000),
      Buffer.concat([weights, Buffer.from('more')]),
      Buffer.alloc(700, 1),
    ]) {
      const machine = freshMachine(hub);
      const { client } = clientOf(machine.environment);
      const model = await findPublished(client, nameOf(ID));
      const etag = model.weights[0]?.etag ?? '';
      const blobs = path.join(machine.cache, 'models--someone--small-moe', 'blobs');
      mkdirSync(blobs, { recursive: true });
      writeFileSync(path.join(blobs, `${etag}.incomplete`), left);
      hub.fault = ({ host }) => (host === 'cdn' && left.length === 1000 ? { whole: true } : null);
      const folder = await downloadModel(client, model);
      expect(folder.endsWith(commit)).toBe(true);
      expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true);
    }
  });

  it('refuses a flipped byte, another etag, and bytes that others left under a wrong name', async () => {
    hub.publish(ID, modelFiles('mixtral'));
    const { environment, cache } = freshMachine(hub);
    const blobs = path.join(cache, 'models--someone--small-moe', 'blobs');
    hub.fault = ({ host }) => (host === 'cdn' ? { flip: 5_000 } : null);
    expect(await refusal(download(environment))).toMatchObject({ code: 'hub-wrong-checksum' });
    const weights = hub.contentOf(ID, 'model.safetensors') ?? Buffer.alloc(0);
    expect(readdirSync(blobs).some((name) => lstatSync(path.join(blobs, name)).size === weights.length)).toBe(false);
    let asked = 0;
    hub.fault = ({ host, method, path: at }) => {
      if (host === 'cdn') return { cutAfter: 2_000 };
      if (method !== 'HEAD' || !at.endsWith('model.safetensors')) return null;
      asked += 1;
      return asked < 2 ? null : { headers: { 'x-linked-etag': `"${'b'.repeat(64)}"` } };
    };
    expect(await refusal(download(environment))).toMatchObject({ code: 'hub-changed' });
    // A small file has the SHA-1 of its git blob.
    hub.fault = ({ path: at, method }) => (at.endsWith('config.json') && method === 'GET' ? { flip: 3 } : null);
    expect(await refusal(download(freshMachine(hub).environment))).toMatchObject({ code: 'hub-wrong-checksum' });
    hub.fault = null;
    const { client } = clientOf(environment);
    const { weights: listed } = await findPublished(client, nameOf(ID));
    const blob = path.join(blobs, listed[0]?.etag ?? '');
    writeFileSync(blob, Buffer.alloc(weights.length));
    expect(await refusal(download(environment))).toMatchObject({ code: 'hub-blob-damaged' });
    expect(existsSync(path.join(blobs, '../refs/main'))).toBe(false);
  });

  it('asks for room before anything is fetched', async () => {
    hub.publish(ID, modelFiles('mixtral'));
    hub.claimedBytes.set('model.safetensors', 1e15);
    const { environment } = freshMachine(hub);
    hub.seen.length = 0;
    expect(await refusal(download(environment))).toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining('MB are to be downloaded') as string,
    });
    hub.claimedBytes.clear();
    expect(hub.seen.filter(({ path: at }) => at.includes('/resolve/'))).toEqual([]);
  });

  it('takes real files where links cannot be made', async () => {
    hub.publish(ID, modelFiles('mixtral'));
    const { environment, cache } = freshMachine(hub, { HF_HUB_DISABLE_SYMLINKS: '1' });
    const { folder } = await download(environment);
    expect(lstatSync(path.join(folder, 'model.safetensors')).isFile()).toBe(true);
    expect(readdirSync(path.join(cache, 'models--someone--small-moe', 'blobs'))).toEqual([]);
    expect((await openCheckpoint(folder)).name).toBe(ID);
    hub.seen.length = 0;
    await download(environment);
    expect(hub.seen.filter(({ path: at }) => at.includes('/resolve/'))).toEqual([]);
  });

  it('refuses paths that lead out, an index that names other files, and headers of a gigabyte', async () => {
    hub.publish(ID, modelFiles('mixtral'));
    for (const bad of ['../../outside.json', '/etc/passwd', 'a//b', 'C:\\x']) {
      hub.listedToo.push(bad);
      expect(await refusal(download(freshMachine(hub).environment))).toMatchObject({ code: 'hub-bad-path' });
      hub.listedToo.length = 0;
    }
    for (const shard of ['../../other/name/model.safetensors', 'https://example.org/model.safetensors']) {
      const text = JSON.stringify({ weight_map: { 'lm_head.weight': shard } });
      hub.publish(ID, { 'config.json': '{}', 'model.safetensors.index.json': text });
      expect(await refusal(download(freshMachine(hub).environment))).toMatchObject({ code: 'bad-json' });
    }
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(2n ** 30n);
    const config = modelFiles('mixtral')['config.json'] ?? '';
    hub.publish(ID, { 'config.json': config, 'model.safetensors': Buffer.concat([length, Buffer.alloc(1000)]) });
    const { client } = clientOf(freshMachine(hub).environment);
    const model = await findPublished(client, nameOf(ID));
    expect(await refusal(readPublishedInfo(client, model))).toMatchObject({ code: 'bad-safetensors' });
    hub.publish(ID, { 'config.json': config, 'pytorch_model.bin': 'pickle' });
    expect(await refusal(download(freshMachine(hub).environment))).toMatchObject({ code: 'no-weights' });
  });
});

describe('tokens', () => {
  it('go to the endpoint alone', async () => {
    hub.publish(ID, modelFiles('mixtral'), { isPrivate: true, isGated: true });
    await download(freshMachine(hub, { HF_TOKEN: ` ${TOKEN}\n` }).environment);
    const seen = hub.seen.filter(({ authorization }) => authorization !== null);
    expect(new Set(seen.map(({ host }) => host))).toEqual(new Set(['hub']));
    expect(hub.seen.some(({ host }) => host === 'cdn')).toBe(true);
    expect(
      hub.seen.filter(({ host }) => host === 'hub').every(({ authorization }) => authorization === `Bearer ${TOKEN}`),
    ).toBe(true);
  });

  it('come from variables and the file of "hf auth login"; refusals say what to do and never show them', async () => {
    hub.publish(ID, modelFiles('mixtral'), { isPrivate: true });
    const { environment, cache } = freshMachine(hub);
    expect(await refusal(download(environment))).toMatchObject({ code: 'hub-no-repository' });
    writeFileSync(path.join(cache, '..', 'token'), `${TOKEN}\n`);
    await download(environment);
    hub.publish(ID, modelFiles('mixtral'), { isGated: true });
    const gated = await refusal(download(freshMachine(hub).environment));
    expect(gated).toMatchObject({
      code: 'hub-gated',
      remedy: expect.stringContaining(`${hub.endpoint}/${ID}`) as string,
    });
    expect(gated).toMatchObject({ remedy: expect.stringContaining('hf auth login') as string });
    const poor = await refusal(download(freshMachine(hub, { HF_TOKEN: POOR_TOKEN }).environment));
    expect(poor).toMatchObject({ code: 'hub-gated', remedy: expect.stringContaining('Ask for access') as string });
    const wrong = 'hf_wrongTokenThatTheServerRepeats';
    hub.fault = () => ({
      status: 401,
      headers: { 'x-error-message': `Invalid credentials in Authorization header ${wrong}` },
    });
    const bad = await refusal(download(freshMachine(hub, { HF_TOKEN: wrong }).environment));
    expect(bad).toMatchObject({ code: 'hub-bad-token' });
    expect(String(bad)).not.toContain(wrong);
    // Nor a part of one, where a long message is cut.
    hub.fault = () => ({ status: 403, headers: { 'x-error-message': `${'x'.repeat(290)} ${wrong}` } });
    const long = await refusal(download(freshMachine(hub, { HF_TOKEN: wrong }).environment));
    expect(long).toMatchObject({ code: 'hub-no-access' });
    expect(String(long)).not.toContain(wrong.slice(0, 6));
  });

  it('that no header can carry, and addresses with a password, are refused without being shown', async () => {
    hub.publish(ID, modelFiles('mixtral'));
    // As a shell of Windows writes a file, in UTF-16.
    for (const encoding of ['utf16le', 'latin1'] as const) {
      const { environment, cache } = freshMachine(hub);
      const location = path.join(cache, '..', 'token');
      writeFileSync(location, Buffer.from(encoding === 'latin1' ? `${TOKEN}\u0001x` : TOKEN, encoding));
      const found = await refusal(download(environment));
      expect(found).toMatchObject({ code: 'hub-bad-token', message: expect.stringContaining(location) as string });
      expect(inspect(found, { depth: 5 }).replaceAll(/[^\w]/g, '')).not.toContain(TOKEN.slice(3, 12));
    }
    const secret = 'aPasswordOfSomebody';
    const address = hub.endpoint.replace('://', `://somebody:${secret}@`);
    const refused = await refusal(download(freshMachine(hub, { HF_ENDPOINT: address }).environment));
    expect(refused).toMatchObject({ code: 'hub-forbidden' });
    expect(inspect(refused, { depth: 5 })).not.toContain(secret);
    hub.fault = ({ path: at }) =>
      at.startsWith('/api/models/') ? { status: 302, headers: { location: `${address}/elsewhere` } } : null;
    const redirected = await refusal(download(freshMachine(hub).environment));
    expect(redirected).toMatchObject({ code: 'hub-error' });
    expect(inspect(redirected, { depth: 5 })).not.toContain(secret);
  });

  it('a busy Hub is waited for as long as it asks, also beyond the patience with a silent one', async () => {
    hub.publish(ID, modelFiles('mixtral'));
    let count = 0;
    hub.fault = ({ host }) => {
      count += host === 'cdn' ? 1 : 0;
      return host === 'cdn' && count === 1 ? { status: 429, headers: { 'retry-after': '2' } } : null;
    };
    const waited: { readonly milliseconds: number; readonly wasEnded: boolean }[] = [];
    const wait = async (milliseconds: number, signal?: AbortSignal): Promise<void> => {
      await sleep(1_200);
      waited.push({ milliseconds, wasEnded: signal?.aborted === true });
    };
    const { environment } = freshMachine(hub, { HF_HUB_DOWNLOAD_TIMEOUT: '1' });
    const client = createHubClient(hubSettings(environment), 'the test asks', wait);
    await downloadModel(client, await findPublished(client, nameOf(ID)));
    expect(waited).toContainEqual({ milliseconds: 3_000, wasEnded: false });
  });

  it('a busy Hub is asked again when it says so', async () => {
    hub.publish(ID, modelFiles('mixtral'));
    let count = 0;
    hub.fault = ({ path: at }) => {
      count += at.includes('/resolve/') ? 1 : 0;
      if (count === 2) return { status: 429, headers: { ratelimit: '"api";r=0;t=55' } };
      return count === 4 ? { status: 503 } : null;
    };
    const { waits } = await download(freshMachine(hub).environment);
    expect(waits).toContain(56_000);
    expect(waits).toContain(1_000);
    for (const [status, code] of [
      [403, 'hub-no-access'],
      [404, 'hub-no-repository'],
      [429, 'hub-too-many'],
    ] as const) {
      hub.fault = () => ({ status });
      expect(await refusal(download(freshMachine(hub).environment))).toMatchObject({ code });
    }
  });

  it('nothing is asked where it is forbidden', async () => {
    for (const [name, value] of [
      ['HF_HUB_OFFLINE', '1'],
      ['TRANSFORMERS_OFFLINE', 'yes'],
      ['UNCURL_HUB', 'never'],
      ['HF_ENDPOINT', ''],
    ] as const) {
      const { environment } = freshMachine(hub, { [name]: value });
      expect(() => clientOf({ ...environment, [name]: value })).toThrow(
        expect.objectContaining({ code: 'hub-forbidden' }),
      );
    }
    expect(hub.seen).toEqual([]);
  });
});
