import { refuse } from '../contract/errors.ts';
import { arriving, type HubClient, isConnectionError, unreachable } from './hub-client.ts';
import type { RepositoryFile } from './repository.ts';

/** A file of a commit on the Hub. */
export interface RemoteFile {
  readonly repository: string;
  readonly commit: string;
  readonly file: RepositoryFile;
}

/** The address of a file of a commit: the path is encoded by its parts. */
export const resolveAddress = (endpoint: string, { repository, commit, file }: RemoteFile): string =>
  `${endpoint}/${repository}/resolve/${commit}/${file.path.split('/').map(encodeURIComponent).join('/')}`;

const unquoted = (etag: string | null): string | null => etag?.replace(/^W\//, '').replaceAll('"', '') ?? null;

/**
 * Asks where the bytes of a file are: its own address, or one elsewhere, which gets no token.
 *
 * @throws WorkbenchError `hub-changed` where the file is another one than was listed; those of the client.
 */
export const locate = async (client: HubClient, remote: RemoteFile, signal?: AbortSignal): Promise<string> => {
  const address = resolveAddress(client.endpoint, remote);
  const response = await client.request(address, {
    method: 'HEAD',
    headers: { 'accept-encoding': 'identity' },
    elsewhere: 'stop',
    signal: signal ?? null,
  });
  const { headers } = response;
  const etag = unquoted(headers.get('x-linked-etag') ?? headers.get('etag'));
  const commit = headers.get('x-repo-commit');
  const size = headers.get('x-linked-size') ?? (response.ok ? headers.get('content-length') : null);
  const { file } = remote;
  const differs =
    etag !== file.etag
      ? `its etag is ${etag ?? 'missing'}, and ${file.etag} was listed`
      : commit !== null && commit !== remote.commit
        ? `it is of commit ${commit}, and ${remote.commit} was asked for`
        : size !== null && Number(size) !== file.sizeBytes
          ? `it has ${size} bytes, and ${file.sizeBytes} were listed`
          : null;
  if (differs !== null)
    throw refuse(
      'hub-changed',
      `${file.path} of ${remote.repository} is not the file that the Hub listed: ${differs}.`,
      'Try again: the repository may have been changed meanwhile.',
    );
  const location = headers.get('location');
  return location === null ? address : new URL(location, address).href;
};

/** Attempts to read a part whose connection broke. */
const MAX_ATTEMPTS = 5;

/**
 * Reads parts of a file on the Hub by range requests. A server that ignores ranges is read from the start.
 *
 * @throws WorkbenchError those of the client; `hub-bad-answer`.
 */
export const remoteBytes = async (
  client: HubClient,
  remote: RemoteFile,
  signal?: AbortSignal,
): Promise<(offset: number, length: number) => Promise<Buffer>> => {
  const { sizeBytes } = remote.file;
  const location = await locate(client, remote, signal);
  const once = async (offset: number, length: number): Promise<Buffer> => {
    const stop = new AbortController();
    const response = await client.request(location, {
      headers: { range: `bytes=${offset}-${offset + length - 1}`, 'accept-encoding': 'identity' },
      signal: signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]),
    });
    // Without ranges the answer begins at the start of the file.
    const skipped = response.status === 206 ? 0 : offset;
    const parts: Buffer[] = [];
    let received = 0;
    if (response.body === null) return Buffer.alloc(0);
    for await (const chunk of arriving(response.body, new URL(location).host, client.settings.patienceMs)) {
      parts.push(Buffer.from(chunk));
      received += chunk.length;
      if (received >= skipped + length) break;
    }
    stop.abort();
    return Buffer.concat(parts).subarray(skipped, skipped + length);
  };
  return async (offset, asked) => {
    const length = Math.max(0, Math.min(asked, sizeBytes - offset));
    if (length === 0) return Buffer.alloc(0);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const bytes = await once(offset, length);
        if (bytes.length === length) return bytes;
        throw unreachable(new URL(location).host, new Error(`it sent ${bytes.length} of ${length} bytes`));
      } catch (error) {
        if (signal?.aborted === true || !isConnectionError(error)) throw error;
        if (attempt >= MAX_ATTEMPTS) throw unreachable(new URL(location).host, error);
        await client.wait(500 * attempt, signal);
      }
    }
  };
};
