import { homedir } from 'node:os';
import path from 'node:path';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { HUB_NEVER, HUB_VARIABLE } from '../workspace/settings-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The Hub and its cache on this machine, from the variables that huggingface_hub reads, in its order. */
export interface HubSettings {
  /** Folder of the cache: `models--org--name` lie in it. */
  readonly cache: string;
  /** Address of the server, without a slash at its end; null where `HF_ENDPOINT` is empty. */
  readonly endpoint: string | null;
  /** Why the Hub may not be asked: the variable that says so; null where it may. */
  readonly forbiddenBy: string | null;
  /** Files of `HF_HUB_CACHE` are moved into snapshots instead of linked. */
  readonly withoutLinks: boolean;
  /** Milliseconds that a server may take before its next byte. */
  readonly patienceMs: number;
  /**
   * Reads the token, at each call: null where there is none. It is never stored or printed.
   *
   * @throws WorkbenchError `hub-bad-token` for what cannot be one.
   */
  readonly token: () => Promise<string | null>;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';
/** A token has some 40 characters. */
const MAX_TOKEN_BYTES = 65_536;
/** huggingface_hub waits as long for each read. */
const DEFAULT_PATIENCE_S = 10;

const isTrue = (text: string | undefined): boolean => ['1', 'ON', 'YES', 'TRUE'].includes((text ?? '').toUpperCase());

/** `~` and `$NAME` of a path, as Python expands them. */
const expanded = (text: string, environment: Environment): string =>
  text
    .replace(/^~(?=$|[\\/])/, homedir())
    .replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced: string | undefined, bare: string | undefined) => {
      const value = environment[braced ?? bare ?? ''];
      return value ?? whole;
    });

/** Folder of the token and of the default cache. An empty `HF_HOME` means the current folder. */
const homeOf = (environment: Environment): string => {
  const named = environment['HF_HOME'];
  if (named !== undefined) return path.resolve(expanded(named, environment));
  const caches = environment['XDG_CACHE_HOME'];
  return path.join(caches ?? path.join(homedir(), '.cache'), 'huggingface');
};

/** Folder where Python's libraries keep the scripts of metrics that they fetched. */
export const fetchedScripts = (environment: Environment = process.env): string => {
  const named = environment['HF_MODULES_CACHE'];
  return named === undefined ? path.join(homeOf(environment), 'modules') : path.resolve(named);
};

const cacheOf = (environment: Environment): string => {
  const named = environment['HF_HUB_CACHE'] ?? environment['HUGGINGFACE_HUB_CACHE'];
  return named === undefined ? path.join(homeOf(environment), 'hub') : path.resolve(expanded(named, environment));
};

const forbiddenBy = (environment: Environment): string | null => {
  if (environment[HUB_VARIABLE] === HUB_NEVER) return `${HUB_VARIABLE}=${HUB_NEVER}`;
  for (const name of ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE']) {
    const value = environment[name];
    if (value === undefined || value === '') continue;
    // The first one that is set decides: HF_HUB_OFFLINE=0 beats TRANSFORMERS_OFFLINE=1.
    return isTrue(value) ? `${name}=${value}` : null;
  }
  return null;
};

const textOrNone = (text: string | null | undefined): string | null => {
  const trimmed = (text ?? '').replaceAll(/[\r\n]/g, '').trim();
  return trimmed === '' ? null : trimmed;
};

/** Refuses what no header can carry, whose error would show it. `source`: where it was found. */
const usable = (token: string | null, source: string): string | null => {
  if (token === null || /^[\x20-\x7e]+$/.test(token)) return token;
  throw refuse(
    'hub-bad-token',
    `The token in ${source} has characters that no token has: is it stored in another encoding than UTF-8?`,
    'Log in again with "hf auth login", or set HF_TOKEN.',
  );
};

const tokenFrom = async (environment: Environment): Promise<string | null> => {
  if (isTrue(environment['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return null;
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const named = usable(textOrNone(environment[name]), name);
    if (named !== null) return named;
  }
  const file = environment['HF_TOKEN_PATH'];
  const location =
    file === undefined ? path.join(homeOf(environment), 'token') : path.resolve(expanded(file, environment));
  try {
    return usable(textOrNone(await readTextIfThere(location, { mostBytes: MAX_TOKEN_BYTES })), location);
  } catch (error) {
    // A part of the path is a file: there is no token.
    if (error instanceof WorkbenchError && error.code === 'missing-file') return null;
    throw error;
  }
};

export const hubSettings = (environment: Environment = process.env): HubSettings => {
  const endpoint = environment['HF_ENDPOINT'];
  const patience = Number(environment['HF_HUB_DOWNLOAD_TIMEOUT'] ?? DEFAULT_PATIENCE_S);
  return {
    cache: cacheOf(environment),
    endpoint: endpoint === undefined ? DEFAULT_ENDPOINT : textOrNone(endpoint.replace(/\/+$/, '')),
    forbiddenBy: forbiddenBy(environment),
    withoutLinks: isTrue(environment['HF_HUB_DISABLE_SYMLINKS']),
    patienceMs: 1000 * (Number.isFinite(patience) && patience > 0 ? patience : DEFAULT_PATIENCE_S),
    token: () => tokenFrom(environment),
  };
};
