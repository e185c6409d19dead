import { request } from 'node:http';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { connectRpc } from '../../../main/contract/rpc.ts';
import { serveWorkbench, type WorkbenchServer } from '../../../main/hosts/serve.ts';
import { socketChannel } from '../../../main/hosts/channels.ts';
import { patiently } from '../../hang-limit.ts';
import { openServedPage } from './served-page.ts';
import { createTransportEngine } from './transport-engine.ts';

const engine = createTransportEngine();
let folder = '';
let server: WorkbenchServer;
let address: URL;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A request exactly as written: fetch would normalise the path and refuse the headers. */
const ask = (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: address.port, path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on('error', reject);
    sent.end();
  });

beforeAll(async () => {
  const outer = await mkdtemp(join(tmpdir(), 'uncurl-serve-'));
  folder = join(outer, 'renderer');
  await mkdir(join(folder, 'assets'), { recursive: true });
  await writeFile(join(folder, 'index.html'), '<!doctype html>the page');
  await writeFile(join(folder, 'assets', 'app-1_a.js'), 'export {}');
  await writeFile(join(folder, 'notes.exe'), 'no page file');
  await writeFile(join(outer, 'secret.json'), 'secret');
  server = await serveWorkbench({ engine, rendererFolder: folder, port: 0, host: '127.0.0.1' });
  address = new URL(server.url);
});
afterAll(async () => {
  await server.close();
  await rm(join(folder, '..'), { recursive: true });
});

describe('the page', () => {
  it('is served without a secret and without a cookie, under a strict policy', async () => {
    for (const path of ['/', `/${address.search}`]) {
      const answer = await ask(path);
      expect(answer).toMatchObject({ status: 200, body: '<!doctype html>the page' });
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect(answer.headers['content-security-policy']).not.toMatch(/unsafe|\*/);
      expect(answer.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
      });
    }
    expect(await ask('/assets/app-1_a.js')).toMatchObject({ status: 200, body: 'export {}' });
  });

  it('never comes with a cookie, whatever is asked, and nothing is opened by one', async () => {
    const cookie = `uncurl-${address.port}=${address.searchParams.get('token') ?? ''}`;
    for (const path of ['/', `/${address.search}`, '/assets/app-1_a.js', '/engine', '/session', '/nothing'])
      for (const headers of [{}, { cookie }]) {
        const answer = await ask(path, headers);
        expect(answer.headers['set-cookie']).toBeUndefined();
        expect(answer.body).not.toContain(address.searchParams.get('token'));
      }
  });

  it('is reached by a token that is long, random, and different at every start', async () => {
    const other = await serveWorkbench({ engine, rendererFolder: folder, port: 0, host: '127.0.0.1' });
    await other.close();
    expect(address.searchParams.get('token')).toMatch(/^[\w-]{43}$/);
    expect(new URL(other.url).searchParams.get('token')).not.toBe(address.searchParams.get('token'));
  });
});

describe('Host and Origin', () => {
  it.each(['127.0.0.1:1', 'localhost:8000', 'LOCALHOST', '[::1]:80', '127.0.0.1'])('answers as %s', async (host) => {
    expect((await ask(`/${address.search}`, { host })).status).toBe(200);
  });
  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example:80',
    'evil.example:127',
    '127.0.0.2',
    'localhost:1:2',
    '[::2]',
  ])('does not answer as "%s", not even with the token', async (host) => {
    const answer = await ask(`/${address.search}`, { host });
    expect(answer.status).toBe(403);
    expect(answer.body).not.toContain('the page');
  });
  it('refuses other origins and accepts its own', async () => {
    const own = `http://${address.host}`;
    expect((await ask(`/${address.search}`, { origin: own })).status).toBe(200);
    for (const origin of ['http://evil.example', 'null', `https://${address.host}`, 'http://127.0.0.1:1']) {
      expect((await ask(`/${address.search}`, { origin })).status).toBe(403);
    }
  });
});

describe('files', () => {
  it.each([
    '/../secret.json',
    '/assets/../../secret.json',
    '/%2e%2e/secret.json',
    '/..%2fsecret.json',
    '/..\\secret.json',
    '/assets/%2e%2e%2f%2e%2e%2fsecret.json',
    '//secret.json',
    '/./index.html',
    '/assets',
    '/assets/',
    '/index.html/',
    '/index.html/x.js',
    '/notes.exe',
    '/.env.json',
    '/missing.js',
  ])('%s is not there', async (path) => {
    const answer = await ask(path);
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain('secret');
  });
  it('only answers GET and HEAD', async () => {
    expect((await ask('/', {}, 'POST')).status).toBe(405);
    expect(await ask('/', {}, 'HEAD')).toMatchObject({ status: 200, body: '' });
  });
});

describe('the WebSocket', () => {
  /** Connects without showing a token. */
  const connect = (path: string, headers: Readonly<Record<string, string>>): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${address.port}${path}`, { headers });
      socket.on('open', () => resolve(socket));
      socket.on('error', reject);
    });
  const origin = (): string => `http://${address.host}`;
  const closing = (socket: WebSocket): Promise<readonly [number, string]> =>
    new Promise((resolve) => socket.once('close', (code, reason) => resolve([code, reason.toString()])));

  it('carries calls, errors and events after the token', async () => {
    const socket = await openServedPage(server.url);
    const ended = vi.fn();
    const page = connectRpc(socketChannel(socket), ended);
    const heard = vi.fn();
    page.subscribe(heard);
    await expect(page.call('models.list', {})).resolves.toEqual([]);
    await expect(page.call('runs.list', {})).rejects.toMatchObject({ code: 'internal', message: 'out of luck' });
    engine.announce({ type: 'tasks.changed' });
    await vi.waitFor(() => expect(heard).toHaveBeenCalledWith({ type: 'tasks.changed' }), patiently);
    socket.close();
    await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(1), patiently);
    await vi.waitFor(() => expect(engine.listeners).toBe(0), patiently);
  });

  it('is refused to other origins, even with the token: of other ports, other hosts, or none', async () => {
    for (const foreign of [
      'http://127.0.0.1:1',
      'http://localhost',
      'http://evil.example',
      'null',
      `https://${address.host}`,
    ])
      await expect(openServedPage(server.url, { headers: { origin: foreign } })).rejects.toThrow('403');
    await expect(connect('/engine', {})).rejects.toThrow('403');
    await expect(
      openServedPage(server.url, { headers: { origin: 'http://evil.example', host: 'evil.example' } }),
    ).rejects.toThrow('403');
    await expect(connect('/other', { origin: origin() })).rejects.toThrow('403');
  });

  it('is closed with the reason where the token is missing or wrong, in the address, or in a cookie', async () => {
    for (const token of ['', 'wrong', `${address.searchParams.get('token') ?? ''}x`])
      await expect(openServedPage(server.url, { token })).rejects.toThrow('4401 The token is missing or was replaced.');
    const cookie = `uncurl-${address.port}=${address.searchParams.get('token') ?? ''}; token=x`;
    const call = JSON.stringify({ type: 'call', id: 1, name: 'models.list', input: {} });
    for (const path of ['/engine', `/engine${address.search}`]) {
      const socket = await connect(path, { origin: origin(), cookie });
      const heard = vi.fn();
      socket.on('message', heard);
      const closed = closing(socket);
      socket.send(call);
      expect((await closed)[0]).toBe(4401);
      expect(heard).not.toHaveBeenCalled();
    }
    expect(engine.listeners).toBe(0);
  });

  it('takes no more than a token before it knows the page', async () => {
    for (const first of ['{', Buffer.from([1]), 'x'.repeat(2 ** 20)]) {
      const socket = await connect('/engine', { origin: origin() });
      const closed = closing(socket);
      socket.on('error', () => undefined);
      socket.send(first);
      await closed;
    }
    expect(engine.listeners).toBe(0);
  });

  it('ends on a message that is not JSON, is binary, or is larger than any plan', async () => {
    for (const message of ['{', Buffer.from([1]), 'x'.repeat(17 * 2 ** 20)]) {
      const socket = await openServedPage(server.url);
      const closed = closing(socket);
      socket.send(message);
      await closed;
    }
    await vi.waitFor(() => expect(engine.listeners).toBe(0), patiently);
  });

  it('is cut off where the token is replaced, and opens with the new one alone', async () => {
    let valid = 'first';
    const other = await serveWorkbench({
      engine,
      rendererFolder: folder,
      port: 0,
      host: '127.0.0.1',
      token: () => Promise.resolve(valid),
    });
    try {
      const socket = await openServedPage(other.url);
      const closed = closing(socket);
      valid = 'second';
      expect((await closed)[0]).toBe(4401);
      await expect(openServedPage(other.url)).rejects.toThrow('4401');
      (await openServedPage(other.url, { token: 'second' })).close();
    } finally {
      await other.close();
    }
  });
});

describe('a page answered by another server (development)', () => {
  it('gets requests that the rules allow, and reconnects after being dropped', async () => {
    const asked: string[] = [];
    const other = await serveWorkbench({
      engine,
      rendererFolder: join(folder, 'none'),
      port: 0,
      host: '127.0.0.1',
      answerPage: (request, response) => {
        asked.push(request.url ?? '');
        response.end('the page of today');
      },
    });
    try {
      const { href } = new URL(other.url);
      expect((await fetch(href, { method: 'POST' })).status).toBe(405);
      expect((await fetch(href, { headers: { origin: 'http://evil.example' } })).status).toBe(403);
      expect(asked).toEqual([]);
      const answer = await fetch(href);
      expect(await answer.text()).toBe('the page of today');
      expect(answer.headers.get('set-cookie')).toBeNull();
      const first = await openServedPage(href);
      const closed = new Promise((resolve) => first.on('close', resolve));
      other.dropPages();
      expect(await closed).toBe(1012);
      (await openServedPage(href)).close();
    } finally {
      await other.close();
    }
  });
});

describe('refused starts', () => {
  it('says which port is taken', async () => {
    const again = serveWorkbench({ engine, rendererFolder: folder, port: Number(address.port), host: '127.0.0.1' });
    await expect(again).rejects.toMatchObject({ code: 'port-unavailable', kind: 'refused' });
    await expect(again).rejects.toThrow(address.port);
  });
  it('says that the page is not built', async () => {
    const missing = serveWorkbench({ engine, rendererFolder: join(folder, 'none'), port: 0, host: '127.0.0.1' });
    await expect(missing).rejects.toMatchObject({ code: 'page-not-built', kind: 'refused' });
  });
});
