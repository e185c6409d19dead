import { MANIFEST_SUFFIX } from '../../main/contract/shell.ts';
import { connectionLost } from '../../main/contract/rpc.ts';
import type { MessageChannelEnd } from '../../main/contract/rpc.ts';
import type { Bridge, SaveFile } from './bridge.ts';
import { createBridgeLine } from './line.ts';

/** Wait before a reconnect: doubles with each attempt, with jitter so that pages do not all reconnect at once. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;

/** Wait before attempt n (from 0), with `random` in [0, 1). */
export const reconnectWaitMs = (attempt: number, random: number): number =>
  Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.75 + 0.5 * random);

/** An open WebSocket; each message is one JSON text. */
const socketChannel = (socket: WebSocket): MessageChannelEnd => ({
  post: (message) => socket.send(JSON.stringify(message)),
  listen: (received, ended) => {
    const onMessage = (event: MessageEvent<unknown>): void => {
      if (typeof event.data === 'string') received(JSON.parse(event.data));
    };
    socket.addEventListener('message', onMessage);
    socket.addEventListener('close', ended);
    return () => {
      socket.removeEventListener('message', onMessage);
      socket.removeEventListener('close', ended);
    };
  },
  close: () => socket.close(),
});

/** Null if the server refuses or cannot be reached; a browser does not report which. */
const openSocket = (url: string): Promise<WebSocket | null> =>
  new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.addEventListener('open', () => resolve(socket), { once: true });
    socket.addEventListener('close', () => resolve(null), { once: true });
  });

/** Reason for the refusal, which the server gives to an ordinary request; null if the server cannot be reached. */
const refusal = async (address: URL): Promise<string | null> => {
  try {
    const answer = await fetch(new URL('/session', address), { cache: 'no-store' });
    return answer.ok ? null : await answer.text();
  } catch (error) {
    if (error instanceof TypeError) return null; // how fetch reports an unreachable server
    throw error;
  }
};

const download = (suggestedName: string, bytes: Uint8Array<ArrayBuffer>): void => {
  const url = URL.createObjectURL(new Blob([bytes]));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = suggestedName;
  anchor.click();
  // Revoke later: the download reads the URL after click() returns.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
};

const downloadFile: SaveFile = ({ suggestedName, bytes, manifest }) => {
  download(suggestedName, bytes);
  if (manifest !== undefined) download(`${suggestedName}${MANIFEST_SUFFIX}`, manifest);
  return Promise.resolve(true);
};

/** Connects a page in a browser to `uncurl serve`, and reconnects automatically. */
export const connectBrowser = async (): Promise<Bridge> => {
  const address = new URL(window.location.href);
  if (address.searchParams.has('token')) {
    // The server has set a cookie for the token: keep the token out of history and screenshots.
    address.searchParams.delete('token');
    window.history.replaceState(null, '', address);
  }
  const socketUrl = `${address.protocol === 'https:' ? 'wss' : 'ws'}://${address.host}/engine`;
  const line = createBridgeLine(() => void reconnect());

  const connect = async (): Promise<boolean> => {
    const socket = await openSocket(socketUrl);
    if (socket === null) {
      line.lose(connectionLost((await refusal(address)) ?? 'The workbench server cannot be reached; trying again.'));
      return false;
    }
    line.use(socketChannel(socket));
    return true;
  };
  const reconnect = async (): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      const waitMs = reconnectWaitMs(attempt, Math.random());
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (await connect()) return;
    }
  };
  if (!(await connect())) void reconnect();

  return {
    call: line.call,
    subscribe: line.subscribe,
    status: line.status,
    host: 'browser',
    shell: null,
    saveFile: downloadFile,
  };
};
