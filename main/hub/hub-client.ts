import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError, refuse, WorkbenchError } from '../contract/errors.ts';
import type { HubSettings } from './hub-settings.ts';
import { requireHub } from './resolve-model.ts';

/** Attempts for answers that may be better the next time. */
const MAX_ATTEMPTS = 5;
/** Seconds between attempts: doubled each time. */
const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 8;
/** A server that asks for more patience than this is not waited for. */
const LONGEST_ASKED_S = 300;
const MAX_REDIRECTS = 5;
/** Characters of a server's message that are shown. */
const MAX_MESSAGE = 300;

const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Waits, unless `signal` is aborted first. */
export type Wait = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

const waitFor: Wait = async (milliseconds, signal) => {
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (signal?.aborted === true) throw new CancelledError('The request');
    throw error;
  });
};

/** A request: what `fetch` takes, and how its answer is treated. */
export interface HubRequest extends RequestInit {
  readonly elsewhere?: 'stop' | 'follow';
  /** Statuses that are no error here. */
  readonly accepted?: readonly number[];
  /** Reads the answer to its end, so that a connection that breaks within it is a failed attempt, too. */
  readonly isRead?: boolean;
}

/** Requests to one Hub. */
export interface HubClient {
  readonly settings: HubSettings;
  readonly endpoint: string;
  readonly wait: Wait;
  /**
   * As `fetch`, with the token at the endpoint alone. Redirects within the endpoint are followed; one to another origin
   * is returned as it is (`elsewhere: 'stop'`) or followed without the token.
   *
   * @throws WorkbenchError for every answer that is not a success, `hub-unreachable` where there is none.
   */
  request(url: string, init?: HubRequest): Promise<Response>;
  /** The same with `fetch`'s own signature, for libraries; answers are read to their end. */
  readonly fetch: typeof fetch;
}

let isProxied = false;

/** Lets requests go through the proxies that the environment names; each process does it once. */
const useProxies = (): void => {
  if (isProxied) return;
  const names = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
  if (!names.some((name) => (process.env[name] ?? '') !== '')) return;
  // Node 24.14 and later can do it at any time, earlier ones when they start.
  // Importing it would load what answers `fetch`, in every process that never asks the Hub.
  const http = process.getBuiltinModule('node:http');
  const canUse = typeof http.setGlobalProxyFromEnv === 'function';
  if (canUse) http.setGlobalProxyFromEnv();
  if (!canUse && process.env['NODE_USE_ENV_PROXY'] !== '1')
    throw refuse(
      'proxy-not-used',
      `Node ${process.versions.node} uses the proxy that the environment names only where it is told at its start.`,
      'Set NODE_USE_ENV_PROXY=1.',
    );
  isProxied = true;
};

/** Seconds that a server asks to wait: from `ratelimit: "api";r=0;t=55`, else whole seconds of `Retry-After`. */
export const askedSeconds = (headers: Headers): number | null => {
  const limit = headers.get('ratelimit') ?? '';
  const [, reset] = /\br=0\b.*\bt=(\d{1,6})\b/.exec(limit) ?? [];
  const [, after] = /^\s*(\d{1,6})\s*$/.exec(headers.get('retry-after') ?? '') ?? [];
  const seconds = reset ?? after;
  return seconds === undefined ? null : Number(seconds) + 1;
};

/** The repository in an address of the Hub: `org/name`, for messages. */
const repositoryIn = (url: URL): string => {
  const [, found] = /^\/(?:api\/models\/)?([^/]+\/[^/]+?)(?:\.git)?(?:\/|$)/.exec(url.pathname) ?? [];
  return found ?? url.host;
};

/** How to give a token. */
export const LOGIN = 'Log in with "hf auth login", or set HF_TOKEN.';

/** The refusal for an answer of the Hub that is not a success. It contains neither the token nor a signed address. */
const refusalOf = (response: Response, url: URL, isOurs: boolean, token: string | null): WorkbenchError => {
  const { status, headers } = response;
  const said = headers.get('x-error-message') ?? '';
  // Before it is cut: a part of a token is a secret, too.
  const shown = (token === null ? said : said.replaceAll(token, '(token)')).slice(0, MAX_MESSAGE);
  const id = headers.get('x-request-id');
  const details = `${shown === '' ? '' : ` It says: ${shown.replace(/\.?$/, '.')}`}${
    id === null ? '' : ` (request ${id.slice(0, 80)})`
  }`;
  // Asked for bytes beyond the end of a file.
  if (status === 416) return refuse('hub-no-range', `${url.host} has no such part of the file.`, 'Try again.');
  if (!isOurs)
    return refuse(
      'hub-error',
      `${url.host}, to which the Hub sent the request, answered with status ${status}.${details}`,
      'Try again later.',
    );
  const repository = repositoryIn(url);
  const page = `${url.origin}/${repository}`;
  switch (headers.get('x-error-code')) {
    case 'GatedRepo':
      return refuse(
        'hub-gated',
        `${repository} is gated: its terms must be accepted before its files can be read.${details}`,
        status === 401
          ? `Accept them on ${page}, then log in with "hf auth login", or set HF_TOKEN.`
          : `Ask for access on ${page} with the account of this token, and wait until it is granted.`,
      );
    case 'RevisionNotFound':
      return refuse(
        'hub-no-revision',
        `${repository} has no such revision.${details}`,
        `See ${page} for its branches.`,
      );
    case 'EntryNotFound':
      return refuse(
        'hub-no-file',
        `${repository} has no file ${url.pathname.split('/').slice(5).join('/')}.`,
        `See ${page}.`,
      );
    case null:
    default:
  }
  if (status === 401 && /invalid credentials/i.test(said))
    return refuse('hub-bad-token', `The Hub does not accept the token.${details}`, `${LOGIN} Tokens can expire.`);
  if (status === 401 || status === 404)
    return refuse(
      'hub-no-repository',
      token === null
        ? `${repository} does not exist on ${url.host}, or it is private.${details}`
        : `${repository} does not exist on ${url.host}, or it is private and this token may not read it.${details}`,
      token === null
        ? `Check the name. For a private repository: ${LOGIN}`
        : 'Check the name, and what the token may do.',
    );
  if (status === 403)
    return refuse('hub-no-access', `The Hub refuses access to ${repository}.${details}`, `See ${page}; ${LOGIN}`);
  if (status === 429)
    return refuse('hub-too-many', `The Hub asks to wait: too many requests.${details}`, 'Try again in some minutes.');
  return refuse('hub-error', `The Hub answered with status ${status}.${details}`, 'Try again later.');
};

/** The system's code in the chain of an error's causes. */
const causeOf = (error: unknown): string => {
  for (let at = error; at instanceof Error; at = at.cause)
    if ('code' in at && typeof at.code === 'string' && at.code !== '') return at.code;
  return error instanceof Error ? error.message : String(error);
};

/** Whether a request failed before or during its answer, so that the next one may not. */
export const isConnectionError = (error: unknown): boolean =>
  error instanceof WorkbenchError ? error.code === 'hub-unreachable' : error instanceof TypeError;

export const unreachable = (host: string, error: unknown): WorkbenchError =>
  refuse(
    'hub-unreachable',
    `${host} cannot be reached (${causeOf(error)}).`,
    'Check the network, HF_ENDPOINT and the proxy variables (HTTPS_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS).',
    error,
  );

/**
 * The parts of an answer's body as they arrive. A server that falls silent within it is given up.
 *
 * @throws WorkbenchError `hub-unreachable`, also where the connection breaks.
 */
export const arriving = async function* (
  body: ReadableStream<Uint8Array>,
  host: string,
  patienceMs: number,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('it fell silent')), patienceMs);
      });
      const next = await Promise.race([reader.read(), silence])
        .catch((error: unknown) => {
          throw unreachable(host, error);
        })
        .finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // A connection that broke has nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
};

/** Bytes of an answer that is kept whole: the longest ones list a thousand files. */
const MOST_ANSWER_BYTES = 64 * 2 ** 20;

/** The same answer with its whole body. */
const readToEnd = async (
  response: Response,
  at: URL,
  patienceMs: number,
  signal: AbortSignal | undefined,
): Promise<Response> => {
  if (response.body === null) return response;
  const { status, statusText, headers } = response;
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of arriving(response.body, at.host, patienceMs)) {
      parts.push(part);
      bytes += part.length;
      if (bytes > MOST_ANSWER_BYTES)
        throw refuse('hub-bad-answer', `${at.host} answers with more than any list has.`, 'Check HF_ENDPOINT.');
    }
  } catch (error) {
    if (signal?.aborted === true) throw new CancelledError('The request');
    throw error;
  }
  return new Response(Buffer.concat(parts), { status, statusText, headers });
};

/**
 * A client of the Hub that the settings name.
 *
 * @throws WorkbenchError `hub-forbidden`, naming `purpose`.
 */
export const createHubClient = (settings: HubSettings, purpose: string, wait: Wait = waitFor): HubClient => {
  const endpoint = requireHub(settings, purpose);
  const { origin } = new URL(endpoint);
  useProxies();

  /** One request, and those that it is redirected to. */
  const once = async (
    start: URL,
    { elsewhere = 'follow', accepted: _, isRead: __, ...init }: HubRequest,
    token: string | null,
  ): Promise<{ readonly response: Response; readonly at: URL }> => {
    let at = start;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const headers = new Headers(init.headers);
      headers.delete('authorization');
      if (token !== null && at.origin === origin) headers.set('authorization', `Bearer ${token}`);
      const silence = new AbortController();
      // What is sent may take as long as it takes.
      const isAsking = init.body === undefined || init.body === null || typeof init.body === 'string';
      const timer = isAsking ? setTimeout(() => silence.abort(), settings.patienceMs) : undefined;
      const signal = AbortSignal.any([silence.signal, ...(init.signal ? [init.signal] : [])]);
      const response = await fetch(at.href, { ...init, headers, signal, redirect: 'manual' })
        .catch((error: unknown) => {
          if (init.signal?.aborted === true) throw new CancelledError('The request');
          throw unreachable(at.host, silence.signal.aborted ? new Error('it does not answer') : error);
        })
        .finally(() => clearTimeout(timer));
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return { response, at };
      if (!URL.canParse(location, at.href)) throw unreachable(at.host, new Error('it redirects to no address'));
      const next = new URL(location, at.href);
      if (!/^https?:$/.test(next.protocol) || (at.protocol === 'https:' && next.protocol !== 'https:'))
        throw refuse(
          'hub-error',
          `${at.host} redirects to an address that is not encrypted (${next.protocol}//${next.host}).`,
          'Check HF_ENDPOINT.',
        );
      // No request can carry them, and its error would show them.
      if (next.username !== '' || next.password !== '')
        throw refuse('hub-error', `${at.host} redirects to an address with a user name.`, 'Check HF_ENDPOINT.');
      if (next.origin !== at.origin && elsewhere === 'stop') return { response, at };
      await response.body?.cancel();
      at = next;
    }
    throw refuse('hub-error', `${start.host} redirects in a circle.`, 'Check HF_ENDPOINT.');
  };

  const request: HubClient['request'] = async (url, init = {}) => {
    const signal = init.signal ?? undefined;
    const start = new URL(url);
    // Only bodies that can be sent twice are: a commit whose answer was lost would be made again.
    const isRepeatable = init.method === undefined || init.method === 'GET' || init.method === 'HEAD';
    for (let attempt = 1; ; attempt += 1) {
      const token = await settings.token();
      let failure: WorkbenchError;
      let seconds: number | null = null;
      try {
        const { response, at } = await once(start, init, token);
        const isFine = response.ok || (response.status >= 300 && response.status < 400);
        if (isFine || init.accepted?.includes(response.status) === true)
          return init.isRead === true ? await readToEnd(response, at, settings.patienceMs, signal) : response;
        await response.body?.cancel();
        failure = refusalOf(response, at, at.origin === origin, token);
        if (!PASSING.has(response.status)) throw failure;
        seconds = askedSeconds(response.headers);
      } catch (error) {
        if (!isConnectionError(error) || !(error instanceof WorkbenchError)) throw error;
        failure = error;
      }
      if (!isRepeatable || attempt >= MAX_ATTEMPTS || (seconds ?? 0) > LONGEST_ASKED_S) throw failure;
      await wait(1000 * (seconds ?? Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1))), signal);
    }
  };

  return {
    settings,
    endpoint,
    wait,
    request,
    fetch: (input, init) => request(input instanceof Request ? input.url : String(input), { ...init, isRead: true }),
  };
};
