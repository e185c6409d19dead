import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Access rules of the browser host. Everyone on the machine reaches the loopback address, and every page in a browser
 * can send requests to it; only the owner knows the token (contract/page-token.ts).
 */

/** Why a request is refused: the status, and a remedy for the reader. */
export interface Refusal {
  readonly status: 403;
  readonly message: string;
}

export interface RequestFacts {
  /** The headers `host` and `origin`. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Compares in constant time; the hash makes the lengths equal. */
export const sameSecret = (left: string, right: string): boolean => {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
};

/**
 * Whether a Host header names this machine's loopback address. A name that an attacker's DNS points here does not (DNS
 * rebinding). The port may differ, since an ssh tunnel has its own.
 */
export const isLoopbackHost = (host: string | undefined): boolean =>
  host !== undefined &&
  /^[^:]+(?::\d{1,5})?$|^\[::1\](?::\d{1,5})?$/.test(host) &&
  LOOPBACK.has(host.replace(/:\d+$/, '').toLowerCase());

/** A page of another origin sends that origin; the workbench's own page sends the host from which it was loaded. */
const isOwnOrigin = (origin: string, host: string): boolean => origin.toLowerCase() === `http://${host.toLowerCase()}`;

/**
 * Null if the request may pass. `originRequired`: for WebSockets, which carry data, and which browsers allow across
 * origins.
 */
export const refusalOf = ({ host, origin }: RequestFacts, originRequired: boolean): Refusal | null => {
  if (host === undefined || !isLoopbackHost(host)) {
    return {
      status: 403,
      message:
        `The workbench answers on 127.0.0.1 and localhost only, not as "${host ?? ''}". Open the address that ` +
        `"uncurl serve" printed; from another machine, use an ssh tunnel to it.`,
    };
  }
  if (origin === undefined ? originRequired : !isOwnOrigin(origin, host)) {
    return {
      status: 403,
      message:
        `A page of another origin ("${origin ?? 'none'}") asked for the workbench. Open the address that ` +
        `"uncurl serve" printed.`,
    };
  }
  return null;
};

/** Sentence for a page whose token is not valid; at most 123 bytes, as the reason of a closed WebSocket. */
export const NO_TOKEN = 'The token is missing or was replaced. Open the whole address that "uncurl serve" printed.';

/** Number of wrong tokens answered at once: a user who pastes half an address, or pages of an earlier start. */
const FREE_GUESSES = 10;
const FIRST_DELAY_MS = 100;
const MOST_DELAY_MS = 10_000;
/** Maximum number of waiting guesses; further ones are cut off without an answer. */
const MOST_WAITING = 64;
/** A guess is forgotten after this long. */
const FORGOTTEN_AFTER_MS = 60_000;

/** Slows down guessing of the token; holders of the token never wait. */
export interface GuessDelay {
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
