import { createHash } from 'node:crypto';
import { CancelledError, fail } from '../contract/errors.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { checksumList } from '../files/checksums.ts';
import { isSystemError } from '../files/file-errors.ts';
import { openToRead, whileOpen } from '../files/regular-file.ts';
import { FileContent, type FileHashes, hashOpenFile } from './file-content.ts';
import { keptHashes, timesMove, timesTell } from './hash-cache.ts';
import { changedSources, fileStateOf, type FileStamp, type ModelSources } from './model-sources.ts';

/** What a model is: a hash of every byte that its numbers depend on. */
export interface ModelHashes {
  /**
   * SHA-256 (hexadecimal) of the list that `sha256sum` prints for the model's consumed files, sorted by name (in
   * bytes). Every key of a stored number is made of it.
   */
  readonly identity: string;
  /**
   * Short hash of configuration and weights, without tokenizer and side files: the name of a model in plans, profiles
   * and lists. Models up to 64 MiB have the one that earlier versions gave them.
   */
  readonly fingerprint: string;
  /** SHA-256 of each consumed file, by name. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Models up to this size are hashed when they are opened, unless their hashes are kept, and have the fingerprint of
 * earlier versions.
 */
export const HASHED_AT_OPENING_BYTES = 64 * 2 ** 20;

const FINGERPRINT_CHARACTERS = 32;

/** What is cancelled, in its error. */
const READING = 'Reading the model';

export interface Identifying {
  readonly signal?: AbortSignal | undefined;
  /** Called while files are read. `isKept`: whether the hashes will be known at the next start. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number, isKept: boolean) => void) | undefined;
  /** Hash again where times of files do not tell of changes: at the start of a run. */
  readonly anew?: boolean | undefined;
}

export interface ContentOrder {
  /** The model's path. */
  readonly folder: string;
  readonly sources: ModelSources;
  /** Names of the weight files, in their order. */
  readonly weights: readonly string[];
  /** Text of the configuration in the fingerprint of earlier versions, and text before each weight file. */
  readonly labels: { readonly config: string; readonly before: ReadonlyMap<string, string> };
  /** The name that a file has in the list: a GGUF file may bear any name. */
  readonly listedAs?: ((name: string) => string) | undefined;
}

interface Running {
  readonly promise: Promise<ModelHashes>;
  readonly controller: AbortController;
  readonly listeners: Set<NonNullable<Identifying['onProgress']>>;
  waiting: number;
}

/** The bytes of a model's consumed files, hashed on demand and once; concurrent callers share the work. */
export class ModelContent {
  readonly #order: ContentOrder;
  readonly #files: ReadonlyMap<string, FileContent>;
  #hashes: ModelHashes | null = null;
  #running: Running | null = null;

  constructor(order: ContentOrder) {
    this.#order = order;
    this.#files = new Map(order.sources.map(({ name, file }) => [file, new FileContent(name, file)]));
  }

  /** The content of a file of the model, by its real path. */
  fileAt(file: string): FileContent | undefined {
    return this.#files.get(file);
  }

  /** Null: not hashed yet. */
  get known(): ModelHashes | null {
    return this.#hashes;
  }

  /** @throws Error where nobody awaited `identify`: code that needs the identity of a model awaits it first. */
  get required(): ModelHashes {
    if (this.#hashes === null) throw new Error(`${this.#order.folder} was not identified`);
    return this.#hashes;
  }

  /** Bytes of all consumed files. */
  get sizeBytes(): number {
    return this.#order.sources.reduce((sum, { sizeBytes }) => sum + Number(sizeBytes), 0);
  }

  /** Takes the hashes that are kept for every file of the model; leaves it unidentified if one is missing. */
  async recall(): Promise<void> {
    const found = new Map<string, FileHashes>();
    for (const stamp of this.#order.sources) {
      const hashes = await this.#kept(stamp);
      if (hashes === null) return;
      found.set(stamp.file, hashes);
    }
    const whole = this.#isSmall ? await keptHashes()?.fingerprintOf(this.#contentOf(found)) : undefined;
    if (whole !== null) this.#take(found, whole);
  }

  /**
   * Hashes every consumed file, unless that was done; a kept hash counts where times of files tell of changes.
   *
   * @throws WorkbenchError `model-changed` if a file changed since the model was opened; CancelledError.
   */
  async identify(control: Identifying = {}): Promise<ModelHashes> {
    if (this.#hashes !== null && !(control.anew === true && !(await this.#timesMove()))) return this.#hashes;
    const { signal, onProgress } = control;
    if (signal?.aborted === true) throw new CancelledError(READING);
    // One that all who waited for it have left is about to end.
    if (this.#running?.controller.signal.aborted !== false) this.#running = this.#start();
    const running = this.#running;
    running.waiting += 1;
    if (onProgress !== undefined) running.listeners.add(onProgress);
    const left = Promise.withResolvers<never>();
    const leave = (): void => {
      running.waiting -= 1;
      if (running.waiting === 0) running.controller.abort();
      left.reject(new CancelledError(READING));
    };
    signal?.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([running.promise, left.promise]);
    } finally {
      signal?.removeEventListener('abort', leave);
      if (onProgress !== undefined) running.listeners.delete(onProgress);
    }
  }

  #start(): Running {
    const controller = new AbortController();
    const listeners: Running['listeners'] = new Set();
    const promise = this.#hashAll(controller.signal, (done, total, isKept) => {
      for (const listener of listeners) listener(done, total, isKept);
    });
    const running = { promise, controller, listeners, waiting: 0 };
    const end = (): void => {
      if (this.#running === running) this.#running = null;
    };
    // Those who wait get the error.
    promise.then(end, end);
    return running;
  }

  async #hashAll(signal: AbortSignal, onProgress: NonNullable<Identifying['onProgress']>): Promise<ModelHashes> {
    const { folder, sources, weights, labels } = this.#order;
    const total = this.sizeBytes;
    const isKept = await this.#timesMove();
    const isSmall = this.#isSmall;
    const whole = createHash('sha256').update(labels.config);
    const found = new Map<string, FileHashes>();
    const toKeep: { readonly stamp: FileStamp; readonly hashes: FileHashes }[] = [];
    let done = 0;
    const onBytes = (bytes: number): void => onProgress((done += bytes), total, isKept);
    // Weights come last and in order, as in the fingerprint of earlier versions.
    const sides = sources.filter(({ name }) => !weights.includes(name));
    for (const stamp of [
      ...sides,
      ...weights.flatMap((name) => sources.find((source) => source.name === name) ?? []),
    ]) {
      const isWeights = weights.includes(stamp.name);
      const kept = isSmall ? null : await this.#kept(stamp);
      if (kept !== null) {
        found.set(stamp.file, kept);
        onBytes(Number(stamp.sizeBytes));
        continue;
      }
      const startedAt = Date.now();
      if (isSmall && isWeights) whole.update(labels.before.get(stamp.name) ?? '');
      const also = isSmall && isWeights ? (bytes: Uint8Array): void => void whole.update(bytes) : undefined;
      const hashes = await hashedFile(stamp, !isSmall || (isKept && keptHashes() !== null), { signal, onBytes, also });
      found.set(stamp.file, hashes);
      if (isKept && (await timesTell(stamp, startedAt))) toKeep.push({ stamp, hashes });
    }
    const [change] = await changedSources(folder, sources, 'stat');
    if (change !== undefined)
      throw fail(
        'model-changed',
        `${folder} changed while it was hashed: ${change}.`,
        'Open it again once nothing writes to it.',
      );
    for (const { stamp, hashes } of toKeep) await keptHashes()?.write(stamp, hashes);
    if (!isSmall) return this.#take(found);
    const fingerprint = whole.digest('hex');
    if (toKeep.length > 0) await keptHashes()?.keepFingerprint(this.#contentOf(found), fingerprint);
    return this.#take(found, fingerprint);
  }

  /** All that the fingerprint of earlier versions is made of. */
  #contentOf(found: ReadonlyMap<string, FileHashes>): string {
    const { sources, weights, labels } = this.#order;
    const parts = weights.map((name) => {
      const source = sources.find((one) => one.name === name);
      return [labels.before.get(name), source === undefined ? null : found.get(source.file)?.sha256];
    });
    return canonicalJson([labels.config, parts]);
  }

  get #isSmall(): boolean {
    const { sources, weights } = this.#order;
    const bytes = sources.reduce((sum, { name, sizeBytes }) => (weights.includes(name) ? sum + sizeBytes : sum), 0n);
    return bytes <= BigInt(HASHED_AT_OPENING_BYTES);
  }

  async #timesMove(): Promise<boolean> {
    for (const { file } of this.#order.sources) if (!(await timesMove(file))) return false;
    return true;
  }

  async #kept(stamp: FileStamp): Promise<FileHashes | null> {
    const cache = keptHashes();
    return cache !== null && (await timesMove(stamp.file)) ? cache.read(stamp) : null;
  }

  /** `whole`: the fingerprint of earlier versions, in full, of a small model. */
  #take(found: ReadonlyMap<string, FileHashes>, whole?: string): ModelHashes {
    const { sources, weights, listedAs = (name) => name } = this.#order;
    const files = new Map<string, string>();
    const configured = new Map<string, string>();
    for (const { name, file } of sources) {
      const hashes = found.get(file);
      const content = this.#files.get(file);
      if (hashes === undefined || content === undefined) throw new Error(`${name} was not hashed`);
      content.hashes = hashes;
      files.set(listedAs(name), hashes.sha256);
      if (weights.includes(name) || name === 'config.json') configured.set(listedAs(name), hashes.sha256);
    }
    const hashOf = (list: ReadonlyMap<string, string>): string =>
      createHash('sha256').update(checksumList(list)).digest('hex');
    const fingerprint = whole ?? hashOf(configured);
    this.#hashes = { identity: hashOf(files), fingerprint: fingerprint.slice(0, FINGERPRINT_CHARACTERS), files };
    return this.#hashes;
  }
}

/** @throws WorkbenchError `model-changed` if the file is not in the state of its stamp before and after. */
const hashedFile = (
  stamp: FileStamp,
  isForLater: boolean,
  hashing: Parameters<typeof hashOpenFile>[2],
): Promise<FileHashes> =>
  whileOpen(openToRead(stamp.file), async ({ handle, sizeBytes }) => {
    // Writes through a mapping whose pages are dirty move no times; those after this do, where times tell anything.
    if (isForLater)
      await handle.sync().catch((error: unknown) => {
        if (!isSystemError(error)) throw error;
      });
    const requireState = async (): Promise<void> => {
      const now = await fileStateOf(stamp.file, handle);
      const fields = ['sizeBytes', 'modifiedNs', 'changedNs', 'inode', 'device'] as const;
      if (fields.every((field) => now[field] === stamp[field])) return;
      throw fail(
        'model-changed',
        `${stamp.file} was written to after it was opened.`,
        'Open the model again once nothing writes to it.',
      );
    };
    await requireState();
    const hashes = await hashOpenFile(handle, sizeBytes, hashing);
    await requireState();
    return hashes;
  });
