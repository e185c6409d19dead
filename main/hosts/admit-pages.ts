import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { TOKEN_REFUSED, tokenMessage, WELCOME } from '../contract/page-token.ts';
import { createGuessDelay, NO_TOKEN, sameSecret } from './serve-access.ts';

/** Limits for one user's pages, and for connections that have not shown a token yet. */
const MOST_PAGES = 32;
const MOST_STRANGERS = 128;
/** Time for the first message, and bytes that may come before it is checked, with the request that opened it. */
const TOKEN_MS = 10_000;
const MOST_TOKEN_BYTES = 4_096;
/** How often it is checked whether the token was replaced. */
const LOOK_EVERY_MS = 1_000;
/** WebSocket close code: the server cannot tell whether the token is valid. */
const INTERNAL_ERROR = 1011;
/** WebSocket close code: try again later. */
const TRY_LATER = 1013;
const FULL = `At most ${MOST_PAGES} pages are served at a time: close some.`;

const tokenIn = (data: RawData, isBinary: boolean): string | null => {
  if (isBinary || !Buffer.isBuffer(data)) return null;
  try {
    return tokenMessage.safeParse(JSON.parse(data.toString('utf8'))).data?.token ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
};

/** The pages of a server: sockets whose first message was the token, for as long as it is valid. */
export interface AdmittedPages {
  /** Why no more connection is taken; null: there is room. */
  full(): string | null;
  /** Waits for the token of a new WebSocket on `connection`, and admits or closes it. */
  take(socket: WebSocket, connection: Duplex): void;
  /** Number of admitted pages. */
  count(): number;
  /** Stops looking for another token. */
  dispose(): void;
}

/** `admit` begins to serve a page. */
export const admitPages = (token: () => Promise<string>, admit: (socket: WebSocket) => void): AdmittedPages => {
  const guesses = createGuessDelay();
  const strangers = new Set<WebSocket>();
  /** Pages, and the token with which each was admitted. */
  const pages = new Map<WebSocket, string>();

  const look = async (): Promise<void> => {
    if (pages.size === 0) return;
    const valid = await token();
    for (const [socket, own] of pages) if (!sameSecret(own, valid)) socket.close(TOKEN_REFUSED, NO_TOKEN);
  };
  const looking = setInterval(() => {
    // Where the token cannot be read, nobody has it.
    look().catch(() => {
      for (const socket of pages.keys()) socket.close(INTERNAL_ERROR, 'The token cannot be read any more.');
    });
  }, LOOK_EVERY_MS);
  looking.unref();

  const check = async (socket: WebSocket, given: string | null): Promise<void> => {
    const valid = await token();
    if (given !== null && sameSecret(given, valid)) {
      if (socket.readyState !== socket.OPEN) return;
      if (pages.size >= MOST_PAGES) return socket.close(TRY_LATER, FULL);
      pages.set(socket, valid);
      socket.once('close', () => pages.delete(socket));
      socket.send(JSON.stringify(WELCOME));
      admit(socket);
      return;
    }
    if (await guesses.wait()) socket.close(TOKEN_REFUSED, NO_TOKEN);
    else socket.terminate();
  };

  return {
    full: () => {
      if (pages.size >= MOST_PAGES) return FULL;
      return strangers.size >= MOST_STRANGERS ? 'Too many connections wait to show their token: try again.' : null;
    },
    take: (socket, connection) => {
      strangers.add(socket);
      let bytes = 0;
      const count = (chunk: Buffer): void => {
        bytes += chunk.length;
        if (bytes > MOST_TOKEN_BYTES) socket.terminate();
      };
      connection.on('data', count);
      const limit = setTimeout(() => socket.terminate(), TOKEN_MS);
      const known = (): void => {
        clearTimeout(limit);
        connection.off('data', count);
        strangers.delete(socket);
      };
      socket.on('error', () => socket.terminate());
      socket.once('close', known);
      socket.once('message', (data: RawData, isBinary: boolean) => {
        // A page sends nothing else before the welcome.
        socket.pause();
        check(socket, tokenIn(data, isBinary))
          .catch(() => socket.close(INTERNAL_ERROR, 'The token cannot be read any more.'))
          .finally(() => {
            known();
            socket.resume();
          });
      });
    },
    count: () => pages.size,
    dispose: () => clearInterval(looking),
  };
};
