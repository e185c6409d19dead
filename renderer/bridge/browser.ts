import { TOKEN_PARAMETER, TOKEN_REFUSED, welcomeMessage } from '../../main/contract/page-token.ts';
import { MANIFEST_SUFFIX } from '../../main/contract/shell.ts';
import { connectionLost, type MessageChannelEnd } from '../../main/contract/rpc.ts';
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

const GONE = 'The workbench server cannot be reached; trying again.';
const NO_TOKEN = 'The token is missing. Open the whole address that "uncurl serve" printed.';

/** A socket whose server knows this page's token; else why not, and whether another try may succeed. */
const openSocket = (
  url: string,
  token: string,
): Promise<WebSocket | { readonly refusal: string; readonly isFinal: boolean }> =>
  new Promise((resolve) => {
    const socket = new WebSocket(url);
    const listening = new AbortController();
    const { signal } = listening;
    socket.addEventListener('open', () => socket.send(JSON.stringify({ type: 'token', token })), { signal });
    socket.addEventListener(
      'message',
      ({ data }: MessageEvent<unknown>) => {
        listening.abort();
        if (typeof data === 'string' && welcomeMessage.safeParse(JSON.parse(data)).success) return resolve(socket);
        socket.close();
        resolve({ refusal: 'The server is of another version: reload the page.', isFinal: true });
      },
      { signal },
    );
    socket.addEventListener(
      'close',
      ({ code, reason }) => {
        listening.abort();
        resolve({ refusal: reason === '' ? GONE : reason, isFinal: code === TOKEN_REFUSED });
      },
      { signal },
    );
  });

/**
 * The token of the address, which is kept for this tab, over reloads, and taken out of the address, history and
 * screenshots; else the one that was kept; null without one.
 */
const takeToken = (): string | null => {
  const address = new URL(window.location.href);
  const given = address.searchParams.get(TOKEN_PARAMETER);
  if (given !== null) {
    window.sessionStorage.setItem(TOKEN_PARAMETER, given);
    address.searchParams.delete(TOKEN_PARAMETER);
    window.history.replaceState(null, '', address);
  }
  return window.sessionStorage.getItem(TOKEN_PARAMETER);
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
  const token = takeToken();
  const address = new URL(window.location.href);
  const socketUrl = `${address.protocol === 'https:' ? 'wss' : 'ws'}://${address.host}/engine`;
  const line = createBridgeLine(() => void reconnect());

  /** Whether the page is connected, or cannot be: only another address helps then. */
  const connect = async (): Promise<boolean> => {
    if (token === null) {
      line.lose(connectionLost(NO_TOKEN));
      return true;
    }
    const opened = await openSocket(socketUrl, token);
    if ('refusal' in opened) {
      line.lose(connectionLost(opened.refusal));
      return opened.isFinal;
    }
    line.use(socketChannel(opened));
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
