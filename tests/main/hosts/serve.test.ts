import { request } from 'node:http';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { connectRpc } from '../../../main/contract/rpc.ts';
import { serveWorkbench, type WorkbenchServer } from '../../../main/hosts/serve.ts';
import { socketChannel } from '../../../main/hosts/socket-channel.ts';
import { patiently } from '../../hang-limit.ts';
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

const session = async (): Promise<string> => {
  const { headers } = await ask(`/${address.search}`);
  const [cookie] = headers['set-cookie'] ?? [];
  return String(cookie).split(';')[0] ?? '';
};

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

describe('the token', () => {
  it('opens the page, with a strict cookie and a strict policy', async () => {
    const answer = await ask(`/${address.search}`);
    expect(answer).toMatchObject({ status: 200, body: '<!doctype html>the page' });
    const [cookie] = answer.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^uncurl-\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(cookie).not.toContain(address.searchParams.get('token'));
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.headers['content-security-policy']).not.toMatch(/unsafe|\*/);
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    });
  });

  it('is long, random, and different at every start', async () => {
    const other = await serveWorkbench({ engine, rendererFolder: folder, port: 0, host: '127.0.0.1' });
    await other.close();
    expect(address.searchParams.get('token')).toMatch(/^[\w-]{43}$/);
    expect(new URL(other.url).searchParams.get('token')).not.toBe(address.searchParams.get('token'));
  });

  it.each(['/', '/assets/app-1_a.js', '/session', '/?token=', '/?token=wrong', '/nothing'])(
    'without it, %s answers 401 and what to do',
    async (path) => {
      const answer = await ask(path);
      expect(answer.status).toBe(401);
      expect(answer.body).toContain('uncurl serve');
      expect(answer.headers['set-cookie']).toBeUndefined();
      expect(answer.headers['content-type']).toContain('text/plain');
    },
  );

  it('is not needed again with the cookie', async () => {
    const cookie = await session();
    expect(await ask('/', { cookie })).toMatchObject({ status: 200 });
    expect(await ask('/assets/app-1_a.js', { cookie: `other=1; ${cookie}` })).toMatchObject({
      status: 200,
      body: 'export {}',
    });
    expect(await ask('/session', { cookie })).toMatchObject({ status: 200 });
    expect(await ask('/', { cookie: `${cookie}x` })).toMatchObject({ status: 401 });
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
    const cookie = await session();
    const answer = await ask(path, { cookie });
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain('secret');
  });
  it('only answers GET and HEAD', async () => {
    const cookie = await session();
    expect((await ask('/', { cookie }, 'POST')).status).toBe(405);
    expect(await ask('/', { cookie }, 'HEAD')).toMatchObject({ status: 200, body: '' });
  });
});

describe('the WebSocket', () => {
  const open = (path: string, headers: Readonly<Record<string, string>>): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${address.port}${path}`, { headers });
      socket.on('open', () => resolve(socket));
      socket.on('error', reject);
    });
  const origin = (): string => `http://${address.host}`;

  it('carries calls, errors and events with the page’s cookie and origin', async () => {
    const socket = await open('/engine', { cookie: await session(), origin: origin() });
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

  it('is refused without cookie, without or with a foreign origin, as a foreign host, and elsewhere', async () => {
    const cookie = await session();
    await expect(open('/engine', { origin: origin() })).rejects.toThrow('401');
    await expect(open('/engine', { cookie })).rejects.toThrow('403');
    await expect(open('/engine', { cookie, origin: 'http://evil.example' })).rejects.toThrow('403');
    await expect(open('/engine', { cookie, origin: 'http://127.0.0.1:1' })).rejects.toThrow('403');
    await expect(open('/engine', { cookie, origin: 'http://evil.example', host: 'evil.example' })).rejects.toThrow(
      '403',
    );
    await expect(open('/other', { cookie, origin: origin() })).rejects.toThrow('403');
  });

  it('ends on a message that is not JSON, is binary, or is larger than any plan', async () => {
    for (const message of ['{', Buffer.from([1]), 'x'.repeat(17 * 2 ** 20)]) {
      const socket = await open('/engine', { cookie: await session(), origin: origin() });
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.send(message);
      await closed;
    }
    await vi.waitFor(() => expect(engine.listeners).toBe(0), patiently);
  });
});

describe('a page answered by another server (development)', () => {
  it('only gets requests that the rules allow, ' + 'sets the cookie, and reconnects after being dropped', async () => {
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
      const { origin, host, href } = new URL(other.url);
      expect((await fetch(origin)).status).toBe(401);
      expect((await fetch(href, { method: 'POST' })).status).toBe(405);
      expect(asked).toEqual([]);
      const answer = await fetch(href);
      expect(await answer.text()).toBe('the page of today');
      const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
      expect(cookie).toMatch(/^uncurl-\d+=/);
      const connect = () =>
        new Promise<WebSocket>((resolve, reject) => {
          const socket = new WebSocket(`ws://${host}/engine`, { headers: { cookie, origin } });
          socket.on('open', () => resolve(socket));
          socket.on('error', reject);
        });
      const first = await connect();
      const closed = new Promise((resolve) => first.on('close', resolve));
      other.dropPages();
      expect(await closed).toBe(1012);
      (await connect()).close();
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
