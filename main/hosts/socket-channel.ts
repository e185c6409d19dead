import type { WebSocket } from 'ws';
import { jsonIn } from '../contract/errors.ts';
import type { MessageChannelEnd } from '../contract/rpc.ts';

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
