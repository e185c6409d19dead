import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { type RunKind, runKind, runManifest, type RunManifest } from '../contract/run.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { temporaryNameFor, writeFileAtomically } from '../files/write-atomically.ts';
import { acquireRunLock, type LockHolder, readLockHolder, type RunLock } from './run-lock.ts';

/** `sweep-20260101-120000-ab12`: kind, UTC date and time, four random hexadecimal digits. */
export const makeRunId = (
  kind: RunKind,
  now: Date,
  random: () => string = () => randomBytes(2).toString('hex'),
): string => {
  const [date = '', time = ''] = now.toISOString().split('T');
  return `${kind}-${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}-${random()}`;
};

export interface CreatedRun {
  readonly manifest: RunManifest;
  readonly lock: RunLock;
}

/** The runs of a workspace: one folder each, read as plain files. */
export interface RunStore {
  folder(run: string): string;
  /** Makes the run's folder, takes its lock and writes its manifest. */
  create(kind: RunKind, manifest: Omit<RunManifest, 'id' | 'kind' | 'createdAt'>): Promise<CreatedRun>;
  /** As on disk, except that an unfinished run nobody works on is `interrupted`. */
  read(run: string): Promise<RunManifest>;
  /** Newest first. */
  list(): Promise<RunManifest[]>;
  write(manifest: RunManifest): Promise<void>;
  /** `takeOver`: from a holder that may still live. */
  lock(run: string, takeOver?: boolean): Promise<RunLock>;
  /** Who works on it right now; null: nobody. */
  holder(run: string): Promise<LockHolder | null>;
  /** Deletes the run's folder; refused while someone works on it. Steps stay: other runs may share them. */
  remove(run: string): Promise<void>;
}

const MANIFEST = 'manifest.json';
const RUN_ID = /^[a-z0-9][a-z0-9-]{0,127}$/;

export const createRunStore = (runsFolder: string, temporaryFolder: string, now: () => number): RunStore => {
  const folderOf = (run: string): string => {
    if (!RUN_ID.test(run)) throw refuse('bad-run', `"${run}" is no run's name.`, 'List the runs to see their names.');
    return join(runsFolder, run);
  };

  const readManifest = async (run: string): Promise<RunManifest> => {
    const file = join(folderOf(run), MANIFEST);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') {
        throw refuse('no-such-run', `There is no run "${run}" in ${runsFolder}.`, 'List the runs to see their names.');
      }
      throw explainFileError(error, file);
    }
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      throw new WorkbenchError(
        'manifest-damaged',
        'failed',
        `${file} is not JSON.`,
        'Remove the run, or restore the file.',
        { cause: error },
      );
    }
    const parsed = runManifest.safeParse(json);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw refuse(
        'manifest-unknown',
        `${file} is no manifest that this version reads: ` +
          `${issue === undefined ? 'unknown form' : `${issue.path.join('.')}: ${issue.message}`}.`,
        'Open the workspace with the version that wrote it, or remove the run.',
      );
    }
    return parsed.data;
  };

  const withDerivedState = async (manifest: RunManifest): Promise<RunManifest> => {
    if (manifest.state !== 'queued' && manifest.state !== 'running') return manifest;
    const holder = await readLockHolder(folderOf(manifest.id), now);
    return holder === null ? { ...manifest, state: 'interrupted' } : manifest;
  };

  const write = (manifest: RunManifest): Promise<void> =>
    writeFileAtomically(
      join(folderOf(manifest.id), MANIFEST),
      `${JSON.stringify(manifest, null, 2)}\n`,
      temporaryFolder,
    );

  /** Stands in the list for a run whose manifest cannot be read, so that one bad file does not hide the others. */
  const unreadableRun = async (id: string, error: WorkbenchError): Promise<RunManifest> => ({
    id,
    kind: runKind.safeParse(id.split('-')[0]).data ?? 'sweep',
    title: id,
    createdAt: new Date((await stat(folderOf(id))).mtimeMs).toISOString(),
    finishedAt: null,
    state: 'failed',
    error: error.message,
    spec: {},
    models: [],
    tasks: [],
    versions: {},
    device: { provider: 'unknown', precision: 'unknown', threads: 0, processor: 'unknown' },
    commandLine: '',
    output: null,
  });

  const store: RunStore = {
    folder: folderOf,
    create: async (kind, rest) => {
      for (;;) {
        const createdAt = new Date(now());
        const id = makeRunId(kind, createdAt);
        try {
          await mkdir(folderOf(id));
        } catch (error) {
          if (fileErrorCode(error) === 'EEXIST') continue;
          throw explainFileError(error, folderOf(id));
        }
        const lock = await acquireRunLock(folderOf(id), { now });
        const manifest: RunManifest = { id, kind, createdAt: createdAt.toISOString(), ...rest };
        await write(manifest);
        return { manifest, lock };
      }
    },
    read: async (run) => withDerivedState(await readManifest(run)),
    list: async () => {
      const names = (await readdir(runsFolder, { withFileTypes: true }))
        .filter((entry) => entry.isDirectory() && RUN_ID.test(entry.name))
        .map((entry) => entry.name);
      const manifests = await Promise.all(
        names.map(async (name) => {
          try {
            return await store.read(name);
          } catch (error) {
            // A folder that another engine is making or removing at this moment has no manifest yet or no longer.
            if (error instanceof WorkbenchError && error.code === 'no-such-run') return null;
            if (error instanceof WorkbenchError) return await unreadableRun(name, error);
            throw error;
          }
        }),
      );
      return manifests
        .filter((manifest) => manifest !== null)
        .sort((a, b) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : a.id < b.id ? 1 : -1));
    },
    write,
    lock: (run, takeOver = false) => acquireRunLock(folderOf(run), { now, takeOver }),
    holder: (run) => readLockHolder(folderOf(run), now),
    remove: async (run) => {
      await stat(join(folderOf(run), MANIFEST)).catch(() => readManifest(run));
      const lock = await acquireRunLock(folderOf(run), { now });
      const leaving = temporaryNameFor(folderOf(run), temporaryFolder);
      try {
        await rename(folderOf(run), leaving);
      } catch (error) {
        await lock.release();
        throw explainFileError(error, folderOf(run));
      }
      try {
        await rm(leaving, { recursive: true });
      } catch (error) {
        throw explainFileError(error, leaving);
      }
    },
  };
  return store;
};
