import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';
import { pathHandle } from '../../../main/contract/model.ts';
import { connectionLost, connectRpc, serveRpc } from '../../../main/contract/rpc.ts';
import type { MessageChannelEnd, RpcConnection } from '../../../main/contract/rpc.ts';
import { portChannel } from '../../../main/hosts/channels.ts';
import { patiently } from '../../hang-limit.ts';
import { createTransportEngine } from '../hosts/transport-engine.ts';

/** A Node MessagePort as a channel end; `portChannel` expects Electron's form, where data comes in an event. */
const nodeChannel = (port: MessagePort): MessageChannelEnd => ({
  post: (message) => port.postMessage(message),
  listen: (received, ended) => {
    port.on('message', received);
    port.on('close', ended);
    return () => {
      port.off('message', received);
      port.off('close', ended);
    };
  },
  close: () => port.close(),
});

const modelsChanged: EngineEvent = { type: 'models.changed' };
const ports: MessagePort[] = [];
const join = (): {
  engine: ReturnType<typeof createTransportEngine>;
  page: RpcConnection;
  pagePort: MessagePort;
  stop: () => void;
  ended: WorkbenchError[];
} => {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const engine = createTransportEngine();
  const stop = serveRpc(engine, nodeChannel(port2));
  const ended: WorkbenchError[] = [];
  const page = connectRpc(nodeChannel(port1), (reason) => ended.push(reason));
  return { engine, page, pagePort: port1, stop, ended };
};

afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

describe('calls over a MessageChannel', () => {
  it('answers, and matches answers that come out of order', async () => {
    const { engine, page } = join();
    const slow = page.call('tasks.list', {});
    await expect(page.call('models.list', {})).resolves.toEqual([]);
    engine.release();
    await expect(slow).resolves.toEqual([]);
  });

  it('revives an error with its code, kind and remedy', async () => {
    const { page } = join();
    const refused = page.call('models.open', { handle: pathHandle.parse('x') });
    await expect(refused).rejects.toBeInstanceOf(WorkbenchError);
    await expect(refused).rejects.toMatchObject({
      code: 'not-a-model',
      kind: 'refused',
      message: 'The folder /x holds no config.json.',
      remedy: 'Choose a model folder.',
    });
    await expect(page.call('runs.list', {})).rejects.toMatchObject({
      code: 'internal',
      kind: 'failed',
      message: 'out of luck',
    });
  });

  it('refuses input that breaks the schema before the engine sees it', async () => {
    const { engine, page } = join();
    const refused = page.call('jobs.cancel', { run: '../../etc' });
    await expect(refused).rejects.toMatchObject({ code: 'invalid-input', kind: 'refused' });
    await expect(refused).rejects.toThrow(/jobs\.cancel.*run/s);
    expect(engine.received).toEqual([]);
  });

  it('gives the engine an input with defaults filled in and unknown fields removed', async () => {
    const { engine, page } = join();
    const input = { provider: 'cpu' as const, unknown: 1 };
    await expect(page.call('devices.probe', input)).rejects.toMatchObject({ message: 'out of luck' });
    expect(engine.received).toEqual([{ provider: 'cpu', again: false }]);
  });

  it('cancels a call at the page at once and in the engine, and no other call', async () => {
    const { engine, page } = join();
    const controller = new AbortController();
    const cancelled = page.call('tasks.list', {}, controller.signal);
    const kept = page.call('tasks.list', {});
    await vi.waitFor(() => expect(engine.received).toHaveLength(2), patiently);
    controller.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'call-cancelled', kind: 'cancelled' });
    await vi.waitFor(() => expect(engine.cancelled).toEqual(['tasks.list']), patiently);
    engine.release();
    await expect(kept).resolves.toEqual([]);
    await expect(page.call('tasks.list', {}, controller.signal)).rejects.toMatchObject({ kind: 'cancelled' });
    expect(engine.received).toHaveLength(2);
  });

  it('cancels in the engine whatever a page that has gone still waited for', async () => {
    const { engine, page, stop } = join();
    const waiting = expect(page.call('tasks.list', {})).rejects.toMatchObject({ code: 'connection-lost' });
    await vi.waitFor(() => expect(engine.received).toHaveLength(1), patiently);
    stop();
    expect(engine.cancelled).toEqual(['tasks.list']);
    await waiting;
  });

  it('refuses an answer that breaks the schema', async () => {
    const { page } = join();
    await expect(page.call('engine.facts', {})).rejects.toMatchObject({ code: 'invalid-output', kind: 'failed' });
  });

  it('passes an answer that is JSON text as it is, and parses it where it was asked', async () => {
    const { page, pagePort } = join();
    await expect(page.call('jobs.list', {})).resolves.toEqual([]);
    await expect(page.call('view.kept', {})).rejects.toMatchObject({ code: 'invalid-output', kind: 'failed' });
    // The connection stands.
    await expect(page.call('models.list', {})).resolves.toEqual([]);
    const sent = new Promise((resolve) => pagePort.once('message', resolve));
    pagePort.postMessage({ type: 'call', id: 7, name: 'jobs.list', input: {} });
    expect(await sent).toEqual({ type: 'text', id: 7, text: '[]' });
  });

  it.each(['no.such', 'constructor', 'toString', '__proto__'])('refuses the unknown call %s', async (name) => {
    const { engine, pagePort } = join();
    const answer = new Promise((resolve) => pagePort.once('message', resolve));
    pagePort.postMessage({ type: 'call', id: 7, name, input: {} });
    expect(await answer).toMatchObject({ type: 'error', id: 7, error: { code: 'unknown-call' } });
    expect(engine.received).toEqual([]);
  });

  it('sends events to every listener until it leaves', async () => {
    const { engine, page } = join();
    const [first, second] = [vi.fn(), vi.fn()];
    const leave = page.subscribe(first);
    page.subscribe(second);
    engine.announce(modelsChanged);
    await vi.waitFor(() => expect(second).toHaveBeenCalledTimes(1), patiently);
    leave();
    engine.announce(modelsChanged);
    await vi.waitFor(() => expect(second).toHaveBeenCalledTimes(2), patiently);
    expect(first).toHaveBeenCalledTimes(1);
  });
});

describe('the end of a channel', () => {
  it('rejects waiting and later calls, and reports it once, when the engine side ends', async () => {
    const { page, stop, ended, engine } = join();
    const waiting = page.call('tasks.list', {});
    stop();
    await expect(waiting).rejects.toMatchObject({ code: 'connection-lost' });
    await expect(page.call('models.list', {})).rejects.toMatchObject({ code: 'connection-lost' });
    expect(ended).toHaveLength(1);
    expect(engine.listeners).toBe(0);
    engine.release(); // the late answer is dropped
  });

  it('frees the engine when the page ends', async () => {
    const { page, engine, ended } = join();
    const waiting = page.call('tasks.list', {});
    page.close(connectionLost('The window was closed.'));
    await expect(waiting).rejects.toThrow('The window was closed.');
    await vi.waitFor(() => expect(engine.listeners).toBe(0), patiently);
    expect(ended).toEqual([]);
  });

  it('ends when a page sends something that is not a call', async () => {
    const { engine, pagePort, ended } = join();
    pagePort.postMessage('hello');
    await vi.waitFor(() => expect(ended).toHaveLength(1), patiently);
    expect(engine.listeners).toBe(0);
  });

  it('ends when an engine sends something that is not an answer', async () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const ended: WorkbenchError[] = [];
    const page = connectRpc(nodeChannel(port1), (reason) => ended.push(reason));
    const waiting = page.call('models.list', {});
    port2.postMessage({ type: 'event', event: { type: 'surprise' } });
    await expect(waiting).rejects.toMatchObject({ code: 'connection-lost' });
    expect(ended).toHaveLength(1);
  });
});

it('portChannel speaks the form of Electron ports', async () => {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  // Node's port of the DOM form (EventTarget) gives events with data, as Electron's MessagePortMain does.
  const electronForm = {
    postMessage: (message: unknown) => port2.postMessage(message),
    on: (event: string, listener: (event: { readonly data: unknown }) => void) =>
      port2.on(event, (data: unknown) => listener({ data })),
    off: () => port2,
    start: () => port2.start(),
    close: () => port2.close(),
  };
  const engine = createTransportEngine();
  serveRpc(engine, portChannel(electronForm));
  const page = connectRpc(nodeChannel(port1), () => undefined);
  await expect(page.call('models.list', {})).resolves.toEqual([]);
  page.close(connectionLost('done'));
  await vi.waitFor(() => expect(engine.listeners).toBe(0), patiently);
});
