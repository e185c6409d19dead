import { createHash, type Hash } from 'node:crypto';
import { lstat, open, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { CancelledError, refuse, WorkbenchError } from '../contract/errors.ts';
import { COMMIT } from '../contract/hub.ts';
import { explainFileError, fileErrorCode, makeFolder } from '../files/file-errors.ts';
import { freeBytes } from '../files/path-signature.ts';
import { openRegularFile } from '../files/regular-file.ts';
import { syncFile, temporaryNameFor, writeFileAtomically } from '../files/write-atomically.ts';
import { acquireRunLock, HEARTBEAT_MS } from '../workspace/run-lock.ts';
import { arriving, type HubClient, isConnectionError, unreachable } from './hub-client.ts';
import { repositoryFolder, snapshotFolder } from './hub-cache.ts';
import { locate, type RemoteFile } from './remote-file.ts';
import type { PublishedModel } from './published-model.ts';
import type { RepositoryFile } from './repository.ts';

/** Progress of a download, in bytes of all its files. */
export interface DownloadProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Bytes of the total that were here when it began: they say nothing about its speed. */
  readonly hadBytes: number;
  readonly file: string;
}

export interface DownloadControl {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/** Attempts in a row that bring no byte. */
const MAX_FRUITLESS = 5;
const LONGEST_WAIT_MS = 8_000;
const CHUNK_BYTES = 2 ** 20;
/** Bytes that arrived and are not on the disk yet, at most. */
const MOST_WAITING_BYTES = 16 * CHUNK_BYTES;

/** Content hashes as etags name them: SHA-256 of a large file, git's SHA-1 of a blob. */
const hashFor = ({ etag, sizeBytes }: RepositoryFile): Hash =>
  etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${sizeBytes}\0`);

const sizeOf = (file: string): Promise<number | null> =>
  stat(file).then(
    (stats) => (stats.isFile() ? stats.size : null),
    (error: unknown) => {
      if (fileErrorCode(error) === null) throw error;
      return null;
    },
  );

const cancelled = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted === true)
    throw new CancelledError('The download', 'What was downloaded stays: the same command continues it.');
};

/** Adds the bytes of a file to a hash. */
const hashInto = async (hash: Hash, file: string, signal: AbortSignal | undefined): Promise<void> => {
  const { handle } = await openRegularFile(file);
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      cancelled(signal);
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return;
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
};

/** Whether a file of the cache has the content that its name says. */
const isIntact = async (location: string, file: RepositoryFile, signal: AbortSignal | undefined): Promise<boolean> => {
  if ((await sizeOf(location)) !== file.sizeBytes) return false;
  const hash = hashFor(file);
  await hashInto(hash, location, signal);
  return hash.digest('hex') === file.etag;
};

/** The bytes of one file as they arrive: written, hashed and counted. */
class Part {
  readonly #location: string;
  readonly #file: RepositoryFile;
  #hash: Hash;
  sizeBytes = 0;

  constructor(location: string, file: RepositoryFile) {
    this.#location = location;
    this.#file = file;
    this.#hash = hashFor(file);
  }

  /** Takes over the bytes that an earlier download left. */
  async adopt(signal: AbortSignal | undefined): Promise<void> {
    const found = (await sizeOf(this.#location)) ?? 0;
    if (found === 0 || found > this.#file.sizeBytes) return this.restart();
    await hashInto(this.#hash, this.#location, signal);
    this.sizeBytes = found;
  }

  /** Deletes what is there. */
  async restart(): Promise<void> {
    this.beginAnew();
    await rm(this.#location, { force: true });
  }

  /** The next answer's bytes replace what is there. */
  beginAnew(): void {
    this.#hash = hashFor(this.#file);
    this.sizeBytes = 0;
  }

  /**
   * Appends an answer's bytes. They are taken ahead of the disk: when a connection breaks, `fetch` drops the bytes that
   * nobody has asked for yet, and with a slow disk no attempt would bring any.
   *
   * @throws WorkbenchError `hub-bad-answer` where there are more than the file has.
   */
  async append(
    body: AsyncIterable<Uint8Array>,
    arrived: (bytes: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const handle = open(this.#location, this.sizeBytes === 0 ? 'w' : 'a');
    // A failure is thrown below, where it is waited for, as those of the writes.
    handle.catch(() => undefined);
    let waitingBytes = 0;
    let written: Promise<unknown> = handle;
    const write = async (chunk: Uint8Array, before: Promise<unknown>): Promise<void> => {
      await before;
      await (await handle).appendFile(chunk);
      waitingBytes -= chunk.length;
    };
    try {
      for await (const chunk of body) {
        cancelled(signal);
        if (this.sizeBytes + chunk.length > this.#file.sizeBytes)
          throw refuse(
            'hub-bad-answer',
            `The Hub sends more than the ${this.#file.sizeBytes} bytes of ${this.#file.path}.`,
            'Try again later.',
          );
        this.#hash.update(chunk);
        this.sizeBytes += chunk.length;
        waitingBytes += chunk.length;
        written = write(chunk, written);
        written.catch(() => undefined);
        arrived(chunk.length);
        if (waitingBytes > MOST_WAITING_BYTES) await written;
      }
    } finally {
      try {
        await written;
      } finally {
        await (await handle).close();
      }
    }
  }

  /** Whether what was received is what its etag names. */
  isRight(): boolean {
    return this.sizeBytes === this.#file.sizeBytes && this.#hash.copy().digest('hex') === this.#file.etag;
  }
}

/** The first byte of a partial answer; null where it does not say. */
const startOf = (response: Response): number | null => {
  const [, start] = /^bytes (\d{1,16})-/.exec(response.headers.get('content-range') ?? '') ?? [];
  return start === undefined ? null : Number(start);
};

/** One request for the rest of a file. */
const requestRest = async (
  client: HubClient,
  remote: RemoteFile,
  part: Part,
  arrived: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const location = await locate(client, remote, signal);
  const { host } = new URL(location);
  try {
    const from = part.sizeBytes;
    const response = await client
      .request(location, {
        headers: {
          'accept-encoding': 'identity',
          ...(from === 0 ? {} : { range: `bytes=${from}-` }),
        },
        signal: signal ?? null,
      })
      .catch(async (error: unknown) => {
        // The part is longer than the file on the server.
        if (error instanceof WorkbenchError && error.code === 'hub-no-range') {
          arrived(-part.sizeBytes);
          await part.restart();
          return null;
        }
        throw error;
      });
    if (response === null) return;
    // Whatever does not continue at our byte begins anew.
    if (from > 0 && (response.status !== 206 || startOf(response) !== from)) {
      if (response.status === 206) throw unreachable(host, new Error('it sent another part'));
      arrived(-from);
      part.beginAnew();
    }
    if (response.body === null) return;
    // A server that falls silent is given up, so that the next request can go on.
    await part.append(arriving(response.body, host, client.settings.patienceMs), arrived, signal);
  } catch (error) {
    cancelled(signal);
    throw error;
  }
};

/**
 * Downloads one file into `location`, from the byte where an earlier download ended.
 *
 * @throws WorkbenchError `hub-wrong-checksum` where the bytes are twice not those that the Hub's etag names.
 */
const downloadFile = async (
  client: HubClient,
  remote: RemoteFile,
  location: string,
  arrived: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const { file } = remote;
  const part = new Part(location, file);
  await part.adopt(signal);
  let isSecond = part.sizeBytes === 0;
  arrived(part.sizeBytes);
  for (let fruitless = 0; ;) {
    const before = part.sizeBytes;
    try {
      if (part.sizeBytes < file.sizeBytes || file.sizeBytes === 0)
        await requestRest(client, remote, part, arrived, signal);
      if (file.sizeBytes === 0) await (await open(location, 'a')).close();
    } catch (error) {
      cancelled(signal);
      if (!isConnectionError(error)) throw error;
      if (part.sizeBytes === before && fruitless >= MAX_FRUITLESS) throw error;
    }
    if (part.sizeBytes === file.sizeBytes) {
      if (part.isRight()) return;
      arrived(-part.sizeBytes);
      await part.restart();
      // Bytes of an earlier download may be what is wrong: those of one download are not tried again.
      if (isSecond)
        throw refuse(
          'hub-wrong-checksum',
          `${file.path} of ${remote.repository} arrived with other bytes than its checksum ${file.etag} names.`,
          'It was deleted. Try again, by another network or proxy if this repeats.',
        );
      isSecond = true;
      continue;
    }
    fruitless = part.sizeBytes > before ? 0 : fruitless + 1;
    if (fruitless > 0) await client.wait(Math.min(LONGEST_WAIT_MS, 500 * 2 ** fruitless), signal);
  }
};

/** Makes a snapshot's file: a relative link to its blob, or the blob itself where links cannot be made. */
const placeInSnapshot = async (blob: string, snapshot: string, name: string, withoutLinks: boolean): Promise<void> => {
  const file = path.join(snapshot, name);
  await makeFolder(path.dirname(file));
  const target = path.relative(path.dirname(file), blob);
  const isLinked = await readlink(file).then(
    (found) => found === target,
    () => false,
  );
  if (isLinked) return;
  const temporary = temporaryNameFor(file);
  try {
    if (withoutLinks) throw Object.assign(new Error('links are not wanted'), { code: 'EPERM' });
    await symlink(target, temporary);
    await rename(temporary, file);
  } catch (error) {
    if (!['EPERM', 'ENOSYS', 'EOPNOTSUPP', 'EINVAL'].includes(fileErrorCode(error) ?? '')) throw error;
    await rename(blob, file);
  }
};

/** Where a file of a commit is in the cache; null where it is not, or not with the right bytes. */
const intactFile = async (
  blob: string,
  snapshot: string,
  file: RepositoryFile,
  signal: AbortSignal | undefined,
): Promise<string | null> => {
  for (const location of [blob, path.join(snapshot, file.path)])
    if (await isIntact(location, file, signal)) return location;
  return null;
};

/** Refuses a file that another program left under the name of other bytes. */
const refuseDamaged = async (blob: string, file: RepositoryFile): Promise<void> => {
  const found = await lstat(blob).catch(() => null);
  if (found === null) return;
  throw refuse(
    'hub-blob-damaged',
    `${blob} is not what its name says: ${file.path} has other bytes.`,
    'Another program left it there. Delete it, and try again.',
  );
};

const requireSpace = async (folder: string, bytes: number): Promise<void> => {
  const free = await freeBytes(folder);
  if (free === null || free >= bytes) return;
  throw refuse(
    'disk-full',
    `${folder} has ${Math.floor(free / 1e6)} MB free, and ${Math.ceil(bytes / 1e6)} MB ` + 'are to be downloaded.',
    'Free some space, or set HF_HUB_CACHE to a folder on another disk.',
  );
};

/** Bytes of a download that are here already, by the names and sizes of files alone. */
export const presentBytes = async (cache: string, { repository, needed }: PublishedModel): Promise<number> => {
  const folder = repositoryFolder(cache, repository.id);
  const snapshot = snapshotFolder(cache, repository.id, repository.commit);
  let present = 0;
  for (const file of needed) {
    const blob = path.join(folder, 'blobs', file.etag);
    const whole = (await sizeOf(blob)) ?? (await sizeOf(path.join(snapshot, file.path)));
    const found = whole ?? (await sizeOf(`${blob}.incomplete`)) ?? 0;
    present += Math.min(file.sizeBytes, found);
  }
  return present;
};

/**
 * Downloads the needed files of a model into the cache, in the layout that every program of the Hub reads, and returns
 * the model's path. Continues what an earlier download left; a file appears under its name only once its checksum is
 * right, and the branch points to the commit only once everything is there.
 *
 * @throws WorkbenchError those of the client; `disk-full`, `hub-busy`, `hub-wrong-checksum`, `hub-blob-damaged`.
 */
export const downloadModel = async (
  client: HubClient,
  model: PublishedModel,
  { signal, onProgress }: DownloadControl = {},
): Promise<string> => {
  const { cache, withoutLinks } = client.settings;
  const { name, repository, needed } = model;
  const { id, commit } = repository;
  const folder = repositoryFolder(cache, id);
  const snapshot = snapshotFolder(cache, id, commit);
  const lockFolder = path.join(cache, '.locks', path.basename(folder), 'uncurl');
  await makeFolder(path.join(folder, 'blobs'));
  await makeFolder(snapshot);
  await makeFolder(lockFolder);
  const lock = await acquireRunLock(lockFolder).catch((error: unknown) => {
    if (!(error instanceof WorkbenchError) || error.code !== 'run-locked') throw error;
    throw refuse('hub-busy', `${id} is being downloaded by another process.`, 'Wait until it ends.', error);
  });
  const heartbeat = setInterval(() => void lock.renew().catch(() => undefined), HEARTBEAT_MS).unref();
  try {
    const totalBytes = needed.reduce((sum, file) => sum + file.sizeBytes, 0);
    const hadBytes = await presentBytes(cache, model);
    await requireSpace(folder, totalBytes - hadBytes);
    let doneBytes = 0;
    for (const file of needed) {
      cancelled(signal);
      const blob = path.join(folder, 'blobs', file.etag);
      const arrived = (bytes: number): void => {
        doneBytes += bytes;
        onProgress?.({ doneBytes, totalBytes, hadBytes, file: file.path });
      };
      let location = await intactFile(blob, snapshot, file, signal);
      if (location === null) {
        await refuseDamaged(blob, file);
        const partial = `${blob}.incomplete`;
        await downloadFile(client, { repository: id, commit, file }, partial, arrived, signal);
        await syncFile(partial);
        await rename(partial, blob);
        location = blob;
      } else arrived(file.sizeBytes);
      if (location === blob) await placeInSnapshot(blob, snapshot, file.path, withoutLinks);
    }
    const revision = name.revision ?? 'main';
    if (!COMMIT.test(revision)) {
      const ref = path.join(folder, 'refs', revision);
      await makeFolder(path.dirname(ref));
      // Without a line feed: Python does not trim.
      await writeFileAtomically(ref, commit);
    }
    return model.gguf === null ? snapshot : path.join(snapshot, model.gguf);
  } catch (error) {
    throw explainFileError(error, folder);
  } finally {
    clearInterval(heartbeat);
    await lock.release();
  }
};
