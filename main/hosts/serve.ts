import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { jsonIn, refuse } from '../contract/errors.ts';
import { type LoopbackName, pageAddress, TOKEN_REFUSED, tokenMessage, WELCOME } from '../contract/page-token.ts';
import { pageHeaders, rendererFile } from '../contract/renderer-page.ts';
import { type ServedEngine, serveRpc } from '../contract/rpc.ts';
import { socketChannel } from './channels.ts';

/**
 * Access rules of the browser host. Everyone on the machine reaches the loopback address, and every page in a browser
 * can send requests to it; only the owner knows the token (contract/page-token.ts).
 */

interface RequestFacts {
  /** The headers `host` and `origin`. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Compares in constant time; the hash makes the lengths equal. */
const sameSecret = (left: string, right: string): boolean => {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
};

/**
 * Whether a Host header names this machine's loopback address. A name that an attacker's DNS points here does not (DNS
 * rebinding). The port may differ, since an ssh tunnel has its own.
 */
const isLoopbackHost = (host: string | undefined): boolean =>
  host !== undefined &&
  /^[^:]+(?::\d{1,5})?$|^\[::1\](?::\d{1,5})?$/.test(host) &&
  LOOPBACK.has(host.replace(/:\d+$/, '').toLowerCase());

/** A page of another origin sends that origin; the workbench's own page sends the host from which it was loaded. */
const isOwnOrigin = (origin: string, host: string): boolean => origin.toLowerCase() === `http://${host.toLowerCase()}`;

/**
 * Why a request is forbidden; null if it may pass. `originRequired`: for WebSockets, which carry data, and which
 * browsers allow across origins.
 */
const refusalOf = ({ host, origin }: RequestFacts, originRequired: boolean): string | null => {
  if (host === undefined || !isLoopbackHost(host)) {
    return (
      `The workbench answers on 127.0.0.1 and localhost only, not as "${host ?? ''}". Open the address that ` +
      `"uncurl serve" printed; from another machine, use an ssh tunnel to it.`
    );
  }
  if (origin === undefined ? originRequired : !isOwnOrigin(origin, host)) {
    return (
      `A page of another origin ("${origin ?? 'none'}") asked for the workbench. Open the address that ` +
      `"uncurl serve" printed.`
    );
  }
  return null;
};

/** Sentence for a page whose token is not valid; at most 123 bytes, as the reason of a closed WebSocket. */
const NO_TOKEN = 'The token is missing or was replaced. Open the whole address that "uncurl serve" printed.';

/** Number of wrong tokens answered at once: a user who pastes half an address, or pages of an earlier start. */
const FREE_GUESSES = 10;
const FIRST_DELAY_MS = 100;
const MOST_DELAY_MS = 10_000;
/** Maximum number of waiting guesses; further ones are cut off without an answer. */
const MOST_WAITING = 64;
/** A guess is forgotten after this long. */
const FORGOTTEN_AFTER_MS = 60_000;

/** Slows down guessing of the token; holders of the token never wait. */
interface GuessDelay {
  /** Resolves when a wrong guess may be answered: true, or false if it gets no answer at all. */
  wait(): Promise<boolean>;
}

/** Each further wrong guess within a minute waits twice as long, up to ten seconds. */
export const createGuessDelay = (
  now: () => number = () => performance.now(),
  sleep: (milliseconds: number) => Promise<void> = (milliseconds) =>
    new Promise((resolve) => {
      setTimeout(resolve, milliseconds).unref();
    }),
): GuessDelay => {
  let guesses: number[] = [];
  let waiting = 0;
  return {
    wait: async () => {
      const at = now();
      guesses = guesses.filter((earlier) => at - earlier < FORGOTTEN_AFTER_MS).slice(-1000);
      guesses.push(at);
      const beyond = guesses.length - FREE_GUESSES;
      if (beyond <= 0) return true;
      if (waiting >= MOST_WAITING) return false;
      waiting += 1;
      try {
        await sleep(Math.min(MOST_DELAY_MS, FIRST_DELAY_MS * 2 ** (beyond - 1)));
      } finally {
        waiting -= 1;
      }
      return true;
    },
  };
};

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
  return tokenMessage.safeParse(jsonIn(data.toString('utf8'))).data?.token ?? null;
};

/** The pages of a server: sockets whose first message was the token, for as long as it is valid. */
interface AdmittedPages {
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
const admitPages = (token: () => Promise<string>, admit: (socket: WebSocket) => void): AdmittedPages => {
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

export interface ServeSettings {
  readonly engine: ServedEngine;
  /** Folder of the built page (with index.html). */
  readonly rendererFolder: string;
  /**
   * Development only: answers requests for the page instead of `rendererFolder`, after the access rules. Released
   * builds never pass it, so their pages and their policy are always those of the built folder.
   */
  readonly answerPage?: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** 0 chooses a free port. */
  readonly port: number;
  readonly host: LoopbackName;
  /** The token that is valid now; default: a new one for this server. */
  readonly token?: (() => Promise<string>) | undefined;
}

export interface WorkbenchServer {
  /** The address to open, including the token. */
  readonly url: string;
  readonly port: number;
  /** Number of pages that are open now. */
  pages(): number;
  /** Ends the connections of all pages, which reconnect and ask for everything again. */
  dropPages(): void;
  /** Disconnects every page and frees the port; the caller still owns the engine. */
  close(): Promise<void>;
}

/** Largest message from a page: a merge plan with its weights for a model of 100 layers x 256 experts is about 2 MB. */
const MAX_MESSAGE_BYTES = 16 * 2 ** 20;

/** Limit for connections (anybody may flood the port), each of which costs memory. */
const MOST_CONNECTIONS = 512;
/** A connection that sends nothing is closed after this time. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 20_000;

/** WebSocket close code: the server restarts. */
const SERVICE_RESTART = 1012;

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

const isBroken = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ERR_STREAM_PREMATURE_CLOSE' || error.code === 'EPIPE' || error.code === 'ECONNRESET');

/** The path as sent: URL would already have resolved its `..`. */
const rawPath = (request: IncomingMessage): string => (request.url ?? '').split(/[?#]/, 1)[0] ?? '';

const factsOf = (request: IncomingMessage): RequestFacts => ({
  host: request.headers.host,
  origin: request.headers.origin,
});

const answerText = (response: ServerResponse, status: number, message: string): void => {
  response.writeHead(status, {
    ...pageHeaders(),
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
  });
  response.end(`${message}\n`);
};

const forbidUpgrade = (socket: Duplex, message: string): void => {
  const body = `${message}\n`;
  socket.end(
    'HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
};

const requireBuilt = (index: string): Promise<void> =>
  access(index).catch((error: unknown) => {
    throw refuse(
      'page-not-built',
      `The built page is missing: ${index} cannot be read.`,
      'Run "npm run build" first.',
      error,
    );
  });

/**
 * Serves the page and the engine to a browser on this machine: files of the built page, which hold no secret, by HTTP;
 * the contract by a WebSocket at /engine, which requires the token.
 */
export const serveWorkbench = async (settings: ServeSettings): Promise<WorkbenchServer> => {
  const { engine, rendererFolder, answerPage, host } = settings;
  if (answerPage === undefined) await requireBuilt(join(rendererFolder, 'index.html'));
  const ownToken = randomBytes(32).toString('base64url');
  const token = settings.token ?? (() => Promise.resolve(ownToken));

  const serveFile = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const file = rendererFile(rawPath(request));
    const path = file === null ? null : join(rendererFolder, file.path);
    const facts =
      path === null
        ? null
        : await stat(path).catch((error: unknown) => {
            if (isMissing(error)) return null;
            throw error;
          });
    if (file === null || path === null || !facts?.isFile()) return answerText(response, 404, 'There is no such page.');
    response.writeHead(200, {
      ...pageHeaders([`ws://${request.headers.host ?? ''}`]),
      'Content-Type': file.contentType,
      'Content-Length': facts.size,
    });
    if (request.method === 'HEAD') response.end();
    else await pipeline(createReadStream(path), response);
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refusal = refusalOf(factsOf(request), false);
    if (refusal !== null) return answerText(response, 403, refusal);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answerText(response, 405, 'Only GET is answered here.');
    if (answerPage === undefined) return serveFile(request, response);
    answerPage(request, response);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // A page that disconnects in mid-file is not an error; other errors must be visible to the reader.
      if (isBroken(error)) response.destroy();
      else if (response.headersSent) response.destroy(error instanceof Error ? error : undefined);
      else
        answerText(
          response,
          500,
          `The file could not be read: ${error instanceof Error ? error.message : String(error)}`,
        );
    });
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  const pages = admitPages(token, (socket) => serveRpc(engine, socketChannel(socket)));
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const refusal =
      refusalOf(factsOf(request), true) ??
      (rawPath(request) === '/engine' ? pages.full() : 'The engine answers at /engine.');
    if (refusal !== null) return forbidUpgrade(socket, refusal);
    sockets.handleUpgrade(request, socket, head, (opened) => pages.take(opened, socket));
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        refuse(
          'port-unavailable',
          `Port ${settings.port} on ${host} cannot be used: ${error.message}`,
          'Name another port, or 0 for a free one.',
          error,
        ),
      ),
    );
    server.listen(settings.port, host, resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port');

  return {
    url: pageAddress(host, bound.port, await token()),
    port: bound.port,
    pages: () => pages.count(),
    dropPages: () => {
      for (const socket of sockets.clients) socket.close(SERVICE_RESTART);
    },
    close: async () => {
      pages.dispose();
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve, reject) =>
        server.close((error) => (error === undefined ? resolve() : reject(error))),
      );
    },
  };
};
