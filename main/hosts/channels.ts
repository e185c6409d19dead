import type { WebSocket } from 'ws';
import type { ComputeProcess } from '../compute/start-compute.ts';
import type { ComputeOrder } from '../contract/compute.ts';
import type { ProcessEnd } from '../contract/process-end.ts';
import type { MessageChannelEnd } from '../contract/rpc.ts';
import { jsonIn } from '../contract/errors.ts';

/** The part of Electron's MessagePortMain that is used here (main/ does not import Electron). */
export interface ProcessPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  off(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  start(): void;
  close(): void;
}

/** What Electron gives a program that the shell starts. */
interface ParentPort {
  postMessage(message: unknown): void;
  on(
    event: 'message',
    listener: (event: { readonly data: unknown; readonly ports: readonly ProcessPort[] }) => void,
  ): unknown;
}

/** The shell, which started this program by its path. */
export const parentPort = (host: { readonly parentPort?: ParentPort }): ParentPort => {
  if (host.parentPort !== undefined) return host.parentPort;
  throw new Error('this program is started by the workbench window, not by hand');
};

/**
 * The engine's end of a page's MessagePort; it ends with the page.
 *
 * Messages are handled one turn of the event loop later: Electron delivers them inside a native callback in which
 * promises do not continue. A promise rejected there would count as unhandled (and end the process) before its handler
 * runs.
 */
export const portChannel = (port: ProcessPort): MessageChannelEnd => ({
  post: (message) => port.postMessage(message),
  listen: (received, ended) => {
    const onMessage = (event: { readonly data: unknown }): void => void setImmediate(() => received(event.data));
    port.on('message', onMessage);
    port.on('close', ended);
    port.start();
    return () => {
      port.off('message', onMessage);
      port.off('close', ended);
    };
  },
  close: () => port.close(),
});

/** A compute process that another process starts on request; its port arrives later. */
export interface PortCompute {
  readonly process: ComputeProcess;
  connect(port: ProcessPort): void;
  /** Reports that it ended or could not be started. */
  end(how: ProcessEnd, errors: string): void;
}

/** `kill` asks the starter to end the process. */
export const createPortCompute = (kill: () => void): PortCompute => {
  const waiting: ComputeOrder[] = [];
  const listeners: ((message: unknown) => void)[] = [];
  let post = (order: ComputeOrder): void => void waiting.push(order);
  let ended: (how: ProcessEnd, errors: string) => void = () => undefined;
  return {
    process: {
      post: (order) => post(order),
      onMessage: (listener) => void listeners.push(listener),
      onEnd: (listener) => {
        ended = listener;
      },
      kill,
    },
    connect: (port) => {
      const channel = portChannel(port);
      // Its starter reports how it ended.
      channel.listen(
        (message) => listeners.forEach((listener) => listener(message)),
        () => undefined,
      );
      post = (order) => channel.post(order);
      waiting.splice(0).forEach(post);
    },
    end: (how, errors) => ended(how, errors),
  };
};

/** A page with more unsent bytes than this is disconnected as too slow; it reconnects and asks again. */
const MAX_WAITING_BYTES = 64 * 2 ** 20;
/** Unanswered pings reveal a page that has vanished (sleep, a dropped tunnel). */
const PING_EVERY_MS = 30_000;

/** The server's end of a WebSocket; each message is one JSON text. */
export const socketChannel = (socket: WebSocket): MessageChannelEnd => ({
  post: (message) => {
    if (socket.bufferedAmount > MAX_WAITING_BYTES) socket.terminate();
    else socket.send(JSON.stringify(message));
  },
  listen: (received, ended) => {
    let answered = true;
    const ping = setInterval(() => {
      if (!answered) return socket.terminate();
      answered = false;
      socket.ping();
    }, PING_EVERY_MS);
    ping.unref();
    const onPong = (): void => {
      answered = true;
    };
    const onMessage = (data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean): void =>
      received(isBinary || !Buffer.isBuffer(data) ? null : jsonIn(data.toString('utf8')));
    // A message over the size limit or a broken frame: ws closes the socket itself after this event.
    const onError = (): void => socket.terminate();
    socket.on('pong', onPong).on('message', onMessage).on('error', onError).on('close', ended);
    return () => {
      clearInterval(ping);
      socket.off('pong', onPong).off('message', onMessage).off('close', ended);
    };
  },
  close: () => socket.close(),
});
