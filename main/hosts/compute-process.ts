import { computeOrder, type ComputeReport, computeSettings } from '../contract/compute.ts';
import type { ProbeEnd } from '../contract/device.ts';
import { assertNever, serialiseError } from '../contract/errors.ts';
import type { MessageChannelEnd } from '../contract/rpc.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import { temporaryWriter } from '../files/write-atomically.ts';
import { endWithParent } from './end-with-parent.ts';
import { portChannel, type ProcessPort } from './channels.ts';
import { yieldToOthers } from './yield-to-others.ts';

/**
 * Entry point of the compute process: carries out runs on the engine's orders, from their manifests, and reports on
 * them. Its argument is `computeSettings` as JSON. Started by Node (`child_process.fork`, messages over its channel) or
 * by Electron (`utilityProcess.fork`, messages over the MessagePort in its first message). The engine ends it by a
 * kill: finished work is on disk.
 */
interface Host {
  /** Present in Electron's utilityProcess. */
  readonly parentPort?: {
    on(event: 'message', listener: (event: { readonly ports: readonly ProcessPort[] }) => void): unknown;
  };
}

const settings = computeSettings.parse(JSON.parse(process.argv[2] ?? 'null'));

const end = (): void => void process.kill(process.pid, 'SIGKILL');

const serve = (channel: MessageChannelEnd): void => {
  const say = (report: ComputeReport): void => channel.post(report);
  const probes = new Map<number, (end: ProbeEnd) => void>();
  let nextProbe = 0;
  let engine: Promise<Engine> | null = null;
  const open = (): Promise<Engine> => {
    const starting = createEngine({
      ...settings,
      commandLine: process.argv.join(' '),
      startProbe: (provider, folder) =>
        new Promise((resolve) => {
          const id = nextProbe++;
          probes.set(id, resolve);
          say({ type: 'probe', id, provider, folder });
        }),
    });
    // The caller gets the error; the next order tries again.
    starting.catch(() => (engine = null));
    return starting;
  };
  let current: {
    readonly run: string;
    readonly controller: AbortController;
    readonly finisher: AbortController;
  } | null = null;

  const carryOut = async (run: string, lock: number | null, code: string): Promise<void> => {
    const controller = new AbortController();
    const finisher = new AbortController();
    current = { run, controller, finisher };
    try {
      const { output, summary } = await (
        await (engine ??= open())
      ).carryOut(run, {
        lock,
        code,
        signal: controller.signal,
        finish: finisher.signal,
        progress: (reading) => say({ type: 'progress', run, reading }),
        emit: (event) => say({ type: 'event', run, event }),
      });
      say({ type: 'done', run, output, summary });
    } catch (error) {
      say({ type: 'failed', run, error: serialiseError(error) });
    }
  };

  const obey = (raw: unknown): void => {
    const order = computeOrder.parse(raw);
    switch (order.type) {
      case 'carry-out':
        return void carryOut(order.run, order.lock, order.code);
      case 'cancel':
        if (current?.run === order.run) current.controller.abort();
        return;
      case 'finish':
        if (current?.run === order.run) current.finisher.abort();
        return;
      case 'probed':
        probes.get(order.id)?.(order.end);
        probes.delete(order.id);
        return;
      default:
        assertNever(order);
    }
  };
  channel.listen(obey, end);
  engine = open();
  say({ type: 'ready', pid: process.pid, writer: temporaryWriter });
};

/** The channel of a forked Node. */
const forkedChannel = (): MessageChannelEnd => ({
  post: (message) => {
    // Without a channel nobody listens, and this process is about to end.
    if (process.connected) process.send?.(message);
  },
  listen: (received, ended) => {
    process.on('message', received);
    process.once('disconnect', ended);
    return () => {
      process.off('message', received);
      process.off('disconnect', ended);
    };
  },
  close: () => process.disconnect(),
});

const start = ({ parentPort }: Host): void => {
  yieldToOthers();
  if (process.send !== undefined) {
    // A terminal interrupts the whole process group, but the engine must end first and then ends this process.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
    endWithParent();
  }
  if (parentPort === undefined) {
    if (process.send === undefined) throw new Error('compute-process is started by the engine, not by hand');
    serve(forkedChannel());
    return;
  }
  let isServed = false;
  parentPort.on('message', ({ ports: [port] }) => {
    if (isServed || port === undefined) return;
    isServed = true;
    serve(portChannel(port));
  });
};

start(process);
