import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fail, refuse, WorkbenchError } from '../contract/errors.ts';
import type { RunProvenance } from '../contract/provenance.ts';
import {
  manifestText,
  type RunLabel,
  type RunLabelChange,
  runManifest,
  type RunManifest,
  storedManifest,
} from '../contract/run.ts';
import type { RunKind } from '../contract/run-kinds.ts';
import { explained, explainFileError, fileErrorCode, isSystemError, isTaken } from '../files/file-errors.ts';
import { parseForm } from '../files/parse-json.ts';
import { explainReadError, readRegularFile, readTextIfThere } from '../files/regular-file.ts';
import { temporaryNameFor, writeFileAtomically } from '../files/write-atomically.ts';
import { damagedRun, resultDamage } from './run-damage.ts';
import { changeRunLabel, readListedLabel } from './run-label-file.ts';
import { acquireRunLock, lockGeneration, type LockHolder, readLockHolder, type RunLock } from './run-lock.ts';
import { MANIFEST, readProvenance, requireAsWritten, sealRun, unsealRun } from './sealed-files.ts';
import type { UserKey } from './user-key.ts';

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
  /**
   * Creates the run's folder, takes its lock and writes its manifest. Calls `before` first, for files that must exist
   * with the manifest even if the process is killed.
   */
  create(
    kind: RunKind,
    manifest: Omit<RunManifest, 'id' | 'kind' | 'createdAt'>,
    before?: (manifest: RunManifest) => Promise<void>,
  ): Promise<CreatedRun>;
  /** As on disk, except that an unfinished run that nobody works on is `interrupted`. */
  read(run: string): Promise<RunManifest>;
  /**
   * Newest first. `vouching`: with what the manifest and the seal of each say about its provenance; no result file is
   * read for it.
   */
  list(vouching?: Vouching): Promise<RunManifest[]>;
  write(manifest: RunManifest): Promise<void>;
  /** Seals a run at its end with its last manifest, which is written after this. */
  seal(manifest: RunManifest, key: UserKey | null): Promise<void>;
  /** Removes the seal of a run that is worked on again. */
  unseal(run: string): Promise<void>;
  /** Whether the run was measured here, by every one of its files. */
  provenance(run: string, vouching: Vouching): Promise<RunProvenance>;
  /** Changes a run's name, note or tags, whoever works on it. */
  label(run: string, change: RunLabelChange): Promise<RunLabel>;
  /** `takeOver`: also from a holder that may be alive. */
  lock(run: string, takeOver?: boolean): Promise<RunLock>;
  /** Who works on it now; null: nobody. */
  holder(run: string): Promise<LockHolder | null>;
  /** A changed generation means that another engine has taken the run. */
  lockGeneration(run: string): Promise<number | null>;
  /** Moves the run to the trash, in whatever state; refuses while someone works on it. Returns its new path. */
  trash(run: string): Promise<string>;
  /** Deletes the run's folder; refuses while someone works on it. Keeps steps, which other runs may share. */
  remove(run: string): Promise<void>;
}

/** What tells the user's own runs from others. */
export interface Vouching {
  /** Null: this user has none yet. */
  readonly key: UserKey | null;
  /** Whether this user's engine made the run here. */
  isBound(manifest: RunManifest): Promise<boolean>;
}

/** Files with this extension are associated with the application (electron/openings.ts). */
const RUN_FILE = 'open.uncurl-run';
/** A merge plan with its weights for a model of 100 layers x 256 experts is about 2 MB. */
const MAX_MANIFEST_BYTES = 32 * 2 ** 20;
/** Number of runs read at a time. */
const LISTED_AT_ONCE = 32;
const RUN_ID = /^[a-z0-9][a-z0-9-]{0,127}$/;

/** Whether a path is a real folder, not a link, so that files written to a run stay in it. Null: it does not exist. */
const isFolder = async (path: string): Promise<boolean | null> => {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (fileErrorCode(error) === null) throw error;
    return (await isTaken(path)) ? false : null;
  }
};

/** The lock of a run; null where none can be created, so nobody can hold one. Refuses while someone does. */
const lockOrNull = async (folder: string, now: () => number): Promise<RunLock | null> => {
  try {
    return await acquireRunLock(folder, { now });
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === 'run-locked') throw error;
    if (error instanceof WorkbenchError || isSystemError(error)) return null;
    throw error;
  }
};

export const createRunStore = (
  runsFolder: string,
  temporaryFolder: string,
  trashFolder: string,
  now: () => number,
): RunStore => {
  const folderOf = (run: string): string => {
    if (!RUN_ID.test(run))
      throw refuse('bad-run', `"${run}" is not a run's name.`, 'List the runs to see their names.');
    return join(runsFolder, run);
  };

  const readManifest = async (run: string): Promise<RunManifest> => (await readStored(run)).manifest;

  const readStored = async (run: string): Promise<{ readonly text: string; readonly manifest: RunManifest }> => {
    const folder = folderOf(run);
    const file = join(folder, MANIFEST);
    if ((await isFolder(folder)) === false)
      throw refuse(
        'no-run-folder',
        `${folder} is not a folder of its own, but a link or a file.`,
        'Put the folder itself there.',
      );
    let text: string;
    try {
      text = (await readRegularFile(file, { mostBytes: MAX_MANIFEST_BYTES })).toString('utf8');
    } catch (error) {
      if (isSystemError(error, 'ENOENT') && !(await isTaken(file))) {
        throw refuse('no-such-run', `There is no run "${run}" in ${runsFolder}.`, 'List the runs to see their names.');
      }
      throw explainReadError(error, file);
    }
    const manifest = parseForm(text, runManifest, {
      notJson: (_, cause) =>
        fail('manifest-damaged', `${file} is not JSON.`, 'Remove the run, or restore the file.', cause),
      otherForm: (issue) =>
        refuse(
          'manifest-unknown',
          `${file} is not a manifest that this version reads: ${issue}.`,
          'Open the workspace with the version that wrote it, or remove the run.',
        ),
    });
    if (manifest.id !== run)
      throw refuse(
        'manifest-of-another',
        `${file} is the manifest of another run, "${manifest.id}".`,
        'Give the folder that name again, or move it to the trash.',
      );
    return { text, manifest: storedManifest(manifest) };
  };

  const provenanceOf = (
    { text, manifest }: { readonly text: string; readonly manifest: RunManifest },
    { key, isBound }: Vouching,
    depth: 'files' | 'manifest',
  ): Promise<RunProvenance> =>
    readProvenance(
      folderOf(manifest.id),
      { manifest: text, state: manifest.state, adoptedAt: manifest.adoptedAt },
      { key, isBound: () => isBound(manifest), depth },
    );

  const withDerivedState = async (manifest: RunManifest): Promise<RunManifest> => {
    if (manifest.state !== 'queued' && manifest.state !== 'running') return manifest;
    const holder = await readLockHolder(folderOf(manifest.id), now);
    return holder === null ? { ...manifest, state: 'interrupted' } : manifest;
  };

  const write = (manifest: RunManifest): Promise<void> =>
    writeFileAtomically(join(folderOf(manifest.id), MANIFEST), manifestText(manifest), temporaryFolder);

  /** The file that opens the run by a double click; its path identifies the run. */
  const writeRunFile = (id: string): Promise<void> =>
    writeFileAtomically(
      join(folderOf(id), RUN_FILE),
      `${JSON.stringify({ format: 'uncurl-run', id })}\n`,
      temporaryFolder,
    );

  /** A run as listed, with the reason if it is damaged; null while another engine creates or removes it. */
  const listed = async (name: string, vouching: Vouching | undefined): Promise<RunManifest | null> => {
    const folder = folderOf(name);
    const found = await isFolder(folder);
    if (found !== true) return found === null ? null : damagedRun(name, folder, `${folder} is not a folder.`);
    try {
      const read = await readStored(name);
      const stored = read.manifest;
      const manifest = await withDerivedState(stored);
      const [damaged, label, provenance] = await Promise.all([
        resultDamage(folder),
        readListedLabel(folder),
        vouching === undefined ? undefined : provenanceOf(read, vouching, 'manifest'),
      ]);
      const finding = provenance?.state === 'elsewhere' ? null : await readFinding(folder, manifest);
      const shown: RunManifest = { ...manifest, label };
      if (provenance !== undefined) shown.provenance = provenance;
      if (stored.state === 'queued' && manifest.state === 'interrupted') shown.waited = true;
      if (damaged !== null) shown.damaged = damaged;
      if (finding !== null) shown.finding = finding;
      return shown;
    } catch (error) {
      if (error instanceof WorkbenchError && error.code === 'no-such-run') return null;
      const shown = explainReadError(error, folder);
      if (shown instanceof WorkbenchError) return damagedRun(name, folder, shown.message);
      throw error;
    }
  };

  const store: RunStore = {
    folder: folderOf,
    create: async (kind, rest, before) => {
      for (;;) {
        const createdAt = new Date(now());
        const id = makeRunId(kind, createdAt);
        try {
          await mkdir(folderOf(id));
        } catch (error) {
          if (fileErrorCode(error) === 'EEXIST') continue;
          throw explainFileError(error, folderOf(id));
        }
        try {
          const lock = await acquireRunLock(folderOf(id), { now });
          const manifest: RunManifest = { id, kind, createdAt: createdAt.toISOString(), ...rest };
          await before?.(manifest);
          await write(manifest);
          await writeRunFile(id);
          return { manifest, lock };
        } catch (error) {
          // Left half-made and locked, it would be listed as waiting as long as this process lives.
          await rm(folderOf(id), { recursive: true, force: true });
          throw error;
        }
      }
    },
    read: async (run) => withDerivedState(await readManifest(run)),
    list: async (vouching) => {
      const names = (await readdir(runsFolder)).filter((name) => RUN_ID.test(name));
      const manifests: RunManifest[] = [];
      for (let first = 0; first < names.length; first += LISTED_AT_ONCE) {
        const some = await Promise.all(
          names.slice(first, first + LISTED_AT_ONCE).map((name) => listed(name, vouching)),
        );
        for (const manifest of some) if (manifest !== null) manifests.push(manifest);
      }
      return manifests.sort((a, b) =>
        a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : a.id < b.id ? 1 : -1,
      );
    },
    write,
    seal: async (manifest, key) => {
      const folder = folderOf(manifest.id);
      return explained(folder, sealRun(folder, manifestText(manifest), key, temporaryFolder));
    },
    unseal: async (run) => explained(folderOf(run), unsealRun(folderOf(run))),
    provenance: async (run, vouching) => provenanceOf(await readStored(run), vouching, 'files'),
    label: async (run, change) => {
      if ((await isFolder(folderOf(run))) !== true) await readManifest(run);
      return changeRunLabel(folderOf(run), change, temporaryFolder);
    },
    lock: async (run, takeOver = false) => {
      if ((await isFolder(folderOf(run))) !== true) await readManifest(run);
      return acquireRunLock(folderOf(run), { now, takeOver });
    },
    holder: (run) => readLockHolder(folderOf(run), now),
    lockGeneration: (run) => lockGeneration(folderOf(run)),
    trash: async (run) => {
      const folder = folderOf(run);
      if (!(await isTaken(folder))) await readManifest(run);
      // A path that is not a writable folder cannot be locked by anybody.
      const lock = (await isFolder(folder)) === true ? await lockOrNull(folder, now) : null;
      const at = join(trashFolder, `${run}-${randomBytes(3).toString('hex')}`);
      try {
        await mkdir(trashFolder, { recursive: true });
        await rename(folder, at);
      } catch (error) {
        await lock?.release();
        throw explainFileError(error, at);
      }
      // Runs in the trash are unlocked, so that they can be used at once after restoring.
      await lock?.release(at);
      return at;
    },
    remove: async (run) => {
      if ((await isFolder(folderOf(run))) !== true || !(await isTaken(join(folderOf(run), MANIFEST))))
        await readManifest(run);
      const lock = await acquireRunLock(folderOf(run), { now });
      const leaving = temporaryNameFor(folderOf(run), temporaryFolder);
      try {
        await rename(folderOf(run), leaving);
      } catch (error) {
        await lock.release();
        throw explainFileError(error, folderOf(run));
      }
      await explained(leaving, rm(leaving, { recursive: true }));
    },
  };
  return store;
};

/** Larger files are only read when the run is opened, not for a list. */
const MOST_BYTES = 4 * 2 ** 20;

const sources = {
  verify: { name: 'verification.json', shape: z.object({ ok: z.boolean() }).transform(({ ok }) => ok) },
  reproduce: {
    name: 'reproduction.json',
    shape: z.object({ matches: z.boolean() }).transform(({ matches }) => matches),
  },
} as const;

/**
 * Whether a finished verification found the export equal to its plan, or a finished reproduction its numbers equal to
 * the recorded ones; null if there is no result yet or the file does not say.
 */
export const readFinding = async (
  folder: string,
  { kind, state }: Pick<RunManifest, 'kind' | 'state'>,
): Promise<'equal' | 'different' | null> => {
  if (state !== 'done' || (kind !== 'verify' && kind !== 'reproduce')) return null;
  const { name, shape } = sources[kind];
  try {
    await requireAsWritten(folder, name);
    const text = await readTextIfThere(join(folder, name), { mostBytes: MOST_BYTES });
    const found = text === null ? null : shape.safeParse(JSON.parse(text));
    return found?.success === true ? (found.data ? 'equal' : 'different') : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof WorkbenchError) return null;
    throw error;
  }
};
