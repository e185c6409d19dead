import { mkdir, writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { serveWorkbench } from '../../../main/hosts/serve.ts';
import { patiently } from '../../hang-limit.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openServedPage } from './served-page.ts';
import { createTransportEngine, type TransportEngine } from './transport-engine.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = z.custom<() => void>((value) => typeof value === 'function').parse(runInNewContext('gc'));

const serve = async (): Promise<{ readonly engine: TransportEngine; readonly address: URL }> => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), '<!doctype html>the page');
  const engine = createTransportEngine();
  const server = await serveWorkbench({ engine, rendererFolder: folder, port: 0, host: '127.0.0.1' });
  onTestFinished(() => server.close());
  return { engine, address: new URL(server.url) };
};

/** Number of connections of this process, at either end. */
const connectionsHeld = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

const outsideHeap = (): number => {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
};

/** A page: its socket, or null if the server refused it. */
const openPage = ({ href }: URL): Promise<WebSocket | null> => openServedPage(href).catch(() => null);

const ended = (socket: WebSocket): Promise<unknown> => new Promise((resolve) => socket.on('close', resolve));

test('pages beyond the limit are refused, and the resources of all are released', async () => {
  const { engine, address } = await serve();
  const before = connectionsHeld();
  const pages = await Promise.all(Array.from({ length: 60 }, () => openPage(address)));
  const served = pages.filter((page) => page !== null);
  expect(served).toHaveLength(32);
  expect(engine.listeners).toBe(32);
  // Calls that nobody will answer before their pages are gone.
  for (const page of served)
    for (let id = 0; id < 100; id += 1) page.send(JSON.stringify({ type: 'call', id, name: 'tasks.list', input: {} }));
  await vi.waitFor(() => expect(engine.received.length).toBe(3200), patiently);
  for (const page of served) page.terminate();
  await vi.waitFor(() => expect(engine.listeners).toBe(0), patiently);
  await vi.waitFor(() => expect(connectionsHeld()).toBe(before), patiently);
  engine.release();
  const late = await openPage(address);
  expect(late).not.toBeNull();
  late?.terminate();
});

test('messages larger than any plan disconnect their pages, and their memory is released', async () => {
  const { engine, address } = await serve();
  const [connections, bytes] = [connectionsHeld(), outsideHeap()];
  const large = Buffer.alloc(17 * 2 ** 20, 'x');
  for (let count = 0; count < 8; count += 1) {
    const page = (await openPage(address)) ?? expect.fail('not served');
    const end = ended(page);
    page.send(large.toString('latin1'));
    await end;
  }
  await vi.waitFor(() => expect(engine.listeners).toBe(0), patiently);
  await vi.waitFor(() => expect(connectionsHeld()).toBe(connections), patiently);
  await vi.waitFor(() => expect(outsideHeap() - bytes - large.length).toBeLessThan(2 ** 20), patiently);
});

test('connections beyond the limit are cut off, and the port answers once they are gone', async () => {
  const { address } = await serve();
  const before = connectionsHeld();
  const silent: Socket[] = [];
  const cutOff: Socket[] = [];
  for (let count = 0; count < 600; count += 1) {
    const socket = createConnection(Number(address.port), '127.0.0.1');
    socket.on('error', () => undefined).on('close', () => cutOff.push(socket));
    silent.push(socket);
  }
  await vi.waitFor(() => expect(cutOff.length).toBe(600 - 512), patiently);
  for (const socket of silent) socket.destroy();
  await vi.waitFor(() => expect(connectionsHeld()).toBe(before), patiently);
  expect((await fetch(address)).status).toBe(200);
});
