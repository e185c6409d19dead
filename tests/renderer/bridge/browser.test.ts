import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { serveWorkbench } from '../../../main/hosts/serve.ts';
import type { WorkbenchServer } from '../../../main/hosts/serve.ts';
import { createTransportEngine } from '../../main/hosts/transport-engine.ts';
import { connectBrowser, reconnectWaitMs } from '../../../renderer/bridge/browser.ts';
import { patiently } from '../../hang-limit.ts';

/** Real server and real sockets; Node's WebSocket gets the origin, which a browser would add. */
let folder = '';
let server: WorkbenchServer;
let engine: ReturnType<typeof createTransportEngine>;
const sockets: WebSocket[] = [];
/** The tab's sessionStorage. */
const kept = new Map<string, string>();
const replaced = vi.fn<(data: unknown, unused: string, address: URL) => void>();

const serve = async (port: number): Promise<void> => {
  engine = createTransportEngine();
  server = await serveWorkbench({ engine, rendererFolder: folder, port, host: '127.0.0.1' });
};

const openAt = (href: string): void => {
  const sessionStorage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  vi.stubGlobal('window', { location: { href }, history: { replaceState: replaced }, sessionStorage });
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'uncurl-bridge-'));
  await writeFile(join(folder, 'index.html'), 'the page');
  await serve(0);
  const { origin } = new URL(server.url);
  const RealSocket = WebSocket;
  kept.clear();
  openAt(server.url);
  vi.stubGlobal('WebSocket', function open(url: string) {
    const socket: unknown = Reflect.construct(RealSocket, [url, { headers: { origin } }]);
    if (socket instanceof RealSocket) sockets.push(socket);
    return socket;
  });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  replaced.mockReset();
  for (const socket of sockets.splice(0)) socket.close();
  await server.close();
  await rm(folder, { recursive: true });
});

it('connects to the engine, and removes the token from the address', async () => {
  const bridge = await connectBrowser();
  expect(bridge.status.get()).toEqual({ state: 'connected' });
  await expect(bridge.call('models.list', {})).resolves.toEqual([]);
  expect(replaced.mock.lastCall?.[2].href).toBe(`${new URL(server.url).origin}/`);
  expect(bridge).toMatchObject({ host: 'browser', shell: null });
});

it('connects again after a reload, whose address has no token, and not in a tab that never had it', async () => {
  await connectBrowser();
  openAt(`${new URL(server.url).origin}/#view=compare`);
  const reloaded = await connectBrowser();
  expect(reloaded.status.get()).toEqual({ state: 'connected' });
  await expect(reloaded.call('models.list', {})).resolves.toEqual([]);
  kept.clear();
  const other = await connectBrowser();
  expect(other.status.get()).toMatchObject({ state: 'lost', message: expect.stringContaining('token is missing') });
  expect(sockets).toHaveLength(2);
});

it('rejects pending calls when the connection drops, reconnects, and keeps its listeners', async () => {
  const bridge = await connectBrowser();
  const heard = vi.fn();
  bridge.subscribe(heard);
  const states: string[] = [];
  bridge.status.subscribe(() => states.push(bridge.status.get().state));
  const waiting = bridge.call('tasks.list', {});
  sockets[0]?.close();
  await expect(waiting).rejects.toMatchObject({ code: 'connection-lost' });
  await expect(bridge.call('models.list', {})).rejects.toMatchObject({ code: 'connection-lost' });
  await vi.waitFor(() => expect(states).toEqual(['lost', 'connected']), patiently);
  await expect(bridge.call('models.list', {})).resolves.toEqual([]);
  engine.announce({ type: 'models.changed' });
  await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1), patiently);
});

it('reports that the server is gone, and the reason after a restart', async () => {
  const bridge = await connectBrowser();
  const port = Number(new URL(server.url).port);
  const shown = (): string => {
    const status = bridge.status.get();
    return status.state === 'lost' ? status.message : '';
  };
  await server.close();
  await vi.waitFor(() => expect(shown()).toContain('cannot be reached'), patiently);
  await serve(port);
  await vi.waitFor(() => expect(shown()).toContain('was replaced'), patiently);
});

it('waits longer after each attempt, up to a limit', () => {
  expect(reconnectWaitMs(0, 0.5)).toBe(250);
  expect(reconnectWaitMs(3, 0.5)).toBe(2_000);
  expect(reconnectWaitMs(50, 0.999)).toBeLessThan(19_000);
  expect(reconnectWaitMs(50, 0)).toBe(11_250);
});
