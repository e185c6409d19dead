import type { MessageChannelEnd } from '../contract/rpc.ts';

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
