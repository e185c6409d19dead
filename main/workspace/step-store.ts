import type { BigIntStats } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sealOf, statedTensorSeal, type TensorContent, writeSealedTensors } from '../checkpoint/sealed-tensors.ts';
import { fail, WorkbenchError } from '../contract/errors.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { explained, fileErrorCode } from '../files/file-errors.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { explainReadError, ifReadable, openRegularFile, readTextIfThere } from '../files/regular-file.ts';
import { produceFileAtomically, writeFileAtomically } from '../files/write-atomically.ts';
import type { Overlays } from '../inference/overlays.ts';
import { isMarkedBy, type Maker, marksWith, thisProcess } from './maker-marks.ts';
import { openPartialResult, type PartialResult } from './partial-result.ts';
import { contentOf, type JsonSeal, SEAL_CHARACTERS, sealedJson, statedSeal } from './sealed-json.ts';

/** Steps stored as tensors: profiles, and weights with which plans overlay those of a model. */
export type TensorStep = 'profile' | 'overlay';
export type StepKind = 'json' | TensorStep;

/**
 * Results of finished steps, shared by every run of a workspace. Each key is a hash of everything that the result
 * depends on: `steps/<first two>/<key>.json` and `.safetensors`, overlays in `overlays/<key>.safetensors`. A file is
 * complete or absent and never changes: two engines that compute the same step write the same bytes.
 *
 * A step's file contains its key, a SHA-256 and marks of its makers (maker-marks.ts), which are checked on reading. A
 * file that was damaged, edited or moved from another step is reported and counts as absent, so that it is computed
 * again; so do all files without a mark of this user, which are reported once together.
 */
export interface StepStore {
  path(key: string, kind: StepKind): string;
  /** Whether a file of that name claims to be the step, made by this user; only reading it verifies its content. */
  has(key: string, kind: StepKind): Promise<boolean>;
  /** The stored value, or null if the step was not computed. */
  readJson<T extends z.ZodType>(key: string, schema: T): Promise<z.output<T> | null>;
  writeJson(key: string, value: unknown): Promise<void>;
  /** The file of a tensor step, or null. Each process hashes it once, and again after each change. */
  readTensors(key: string, kind: TensorStep): Promise<string | null>;
  writeTensors(key: string, kind: TensorStep, content: TensorContent): Promise<void>;
  /** Removes a step whose result turned out to be wrong. */
  drop(key: string, kind: StepKind): Promise<void>;
  /** The files in a folder of a run from which the work of `key` continues. */
  partial(folder: string, key: string): PartialResult;
  readonly overlays: Overlays;
  /** A store of this user in other folders. */
  inFolders(folders: Pick<StepFolders, 'steps' | 'overlays'>): StepStore;
  /** The same store, which reports invalid files to `say`. */
  telling(say: (text: string) => void): StepStore;
}

/** Folders of steps. Files are first written to the temporary folder, on the same file system. */
export interface StepFolders {
  readonly steps: string;
  readonly overlays: string;
  readonly temporary: string;
}

/** Limit for a step in JSON: outcomes of a million items, slightly below V8's longest string. */
const MAX_STEP_BYTES = 500 * 10 ** 6;

const KEY: Readonly<Record<StepKind, RegExp>> = {
  json: /^[0-9a-f]{64}$/,
  profile: /^[0-9a-f]{64}$/,
  overlay: /^[0-9a-f]{32}$/,
};

const DAMAGED = 'was changed or damaged after it was written, or an earlier version wrote it';
const FOREIGN = 'was stored by another user, on another machine or by an earlier version';

/** The path of a step's file is taken by something else: a folder, a pipe, or a file too large for a step. */
const isNoStep = (error: unknown): boolean =>
  error instanceof WorkbenchError && ['not-a-file', 'file-too-large'].includes(error.code);

const stampOf = ({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string =>
  [size, mtimeNs, ctimeNs, ino, dev].map(String).join(' ');

/** The beginning of a file; null if there is none, or something else takes its place. */
const headOf = async (file: string): Promise<string | null> => {
  try {
    const { handle } = await openRegularFile(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(SEAL_CHARACTERS), 0, null, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isNoStep(error) || fileErrorCode(error) === 'ENOENT') return null;
    throw explainReadError(error, file);
  }
};

/** A tensor step in the state in which it was hashed. */
interface CheckedTensors {
  readonly stamp: string;
  readonly sha256: string;
  /** Whether this user made it. */
  readonly isOwn: boolean;
}

/** `maker`: whose steps are used; default: those of this process alone. */
export const createStepStore = ({ steps, overlays, temporary }: StepFolders, maker: Maker = thisProcess): StepStore => {
  const checked = new Map<string, CheckedTensors>();
  const pathOf = (key: string, kind: StepKind): string => {
    if (!KEY[kind].test(key)) throw new TypeError(`"${key}" is not a key of a step (${kind})`);
    if (kind === 'overlay') return join(overlays, `${key}.safetensors`);
    return join(steps, key.slice(0, 2), `${key}.${kind === 'json' ? 'json' : 'safetensors'}`);
  };
  const statIfThere = (file: string): Promise<BigIntStats | null> =>
    ifReadable(file, () => stat(file, { bigint: true }));
  const isOwn = async (kind: StepKind, key: string, { sha256, marks }: JsonSeal): Promise<boolean> =>
    isMarkedBy(await maker(), { kind, key, sha256 }, marks);
  /** What the file of a step states, without reading the rest of it; null without such a file. */
  const statedIn = async (kind: StepKind, key: string): Promise<JsonSeal | null> => {
    const file = pathOf(key, kind);
    if (kind === 'json') {
      const head = await headOf(file);
      return head === null ? null : statedSeal(key, head);
    }
    try {
      const seal = await statedTensorSeal(file, key);
      return seal === null ? null : { sha256: seal.sha256, marks: seal.marks ?? '' };
    } catch (error) {
      if (isNoStep(error) || fileErrorCode(error) === 'ENOENT') return null;
      throw explainReadError(error, file);
    }
  };
  /** The marks for a result with this hash, beside those of others on the same bytes in the file. */
  const marksOf = async (kind: StepKind, key: string): Promise<(sha256: string) => string> => {
    const user = await maker();
    const before = await statedIn(kind, key);
    return (sha256) => marksWith(user, { kind, key, sha256 }, before?.sha256 === sha256 ? before.marks : '');
  };
  /** The hash of a valid tensor step and whether it is this user's, else `missing` or `damaged`. */
  const checkTensors = async (key: string, kind: TensorStep): Promise<CheckedTensors | 'missing' | 'damaged'> => {
    const file = pathOf(key, kind);
    const before = await statIfThere(file);
    if (before === null) return 'missing';
    const stamp = stampOf(before);
    const known = checked.get(file);
    if (known?.stamp === stamp) return known;
    checked.delete(file);
    try {
      const seal = await sealOf(file, key);
      if (seal === null) return 'damaged';
      const { sha256, marks } = seal;
      const found = { stamp, sha256, isOwn: await isOwn(kind, key, { sha256, marks: marks ?? '' }) };
      checked.set(file, found);
      return found;
    } catch (error) {
      if (isNoStep(error)) return 'damaged';
      if (fileErrorCode(error) === 'ENOENT') return 'missing';
      throw explainReadError(error, file);
    }
  };
  const writeTensors: StepStore['writeTensors'] = async (key, kind, content) => {
    const file = pathOf(key, kind);
    const marks = await marksOf(kind, key);
    let [sha256, inode] = ['', 0n];
    await produceFileAtomically(
      file,
      async (temporaryFile) => {
        sha256 = await writeSealedTensors(temporaryFile, key, content, marks);
        inode = (await stat(temporaryFile, { bigint: true })).ino;
      },
      // Written beside the others: overlays may lie on another file system.
      kind === 'overlay' ? undefined : temporary,
    );
    const written = await statIfThere(file);
    // Another engine may have replaced it meanwhile: then it is verified on reading.
    if (written?.ino === inode) checked.set(file, { stamp: stampOf(written), sha256, isOwn: true });
  };
  const storeTelling = (say: (text: string) => void): StepStore => {
    const damaged = (file: string): null => {
      say(`${file} ${DAMAGED}: it is not used.`);
      return null;
    };
    let hasSaidForeign = false;
    const foreign = (file: string): null => {
      if (!hasSaidForeign)
        say(
          `${file} ${FOREIGN}: it is not used, nor are other such results in this workspace. They are computed again.`,
        );
      hasSaidForeign = true;
      return null;
    };
    const readOverlay: Overlays['read'] = async (key) => {
      const file = pathOf(key, 'overlay');
      const found = await checkTensors(key, 'overlay');
      if (found === 'missing') return { isSound: false, why: `${file} does not exist` };
      if (found === 'damaged') {
        damaged(file);
        return { isSound: false, why: `${file} ${DAMAGED}` };
      }
      if (found.isOwn) return { isSound: true, file, sha256: found.sha256 };
      foreign(file);
      return { isSound: false, why: `${file} ${FOREIGN}` };
    };
    return {
      path: pathOf,
      has: async (key, kind) => {
        const seal = await statedIn(kind, key);
        return seal !== null && isOwn(kind, key, seal);
      },
      readJson: async (key, schema) => {
        const file = pathOf(key, 'json');
        try {
          const text = await readTextIfThere(file, { mostBytes: MAX_STEP_BYTES });
          if (text === null) return null;
          const found = contentOf(key, text);
          if (found === null) return damaged(file);
          return (await isOwn('json', key, found)) ? schema.parse(parseForeignJson(found.content)) : foreign(file);
        } catch (error) {
          if (isNoStep(error) || error instanceof SyntaxError || error instanceof z.ZodError) return damaged(file);
          throw error;
        }
      },
      writeJson: async (key, value) => {
        const content = canonicalJson(value);
        const marks = await marksOf('json', key);
        await writeFileAtomically(pathOf(key, 'json'), sealedJson(key, content, marks), temporary);
      },
      readTensors: async (key, kind) => {
        const file = pathOf(key, kind);
        const found = await checkTensors(key, kind);
        if (found === 'missing') return null;
        if (found === 'damaged') return damaged(file);
        return found.isOwn ? file : foreign(file);
      },
      writeTensors,
      drop: async (key, kind) => explained(pathOf(key, kind), rm(pathOf(key, kind), { force: true })),
      partial: (folder, key) => openPartialResult(folder, key, { say, maker }),
      overlays: {
        read: readOverlay,
        write: async (key, tensors) => {
          await writeTensors(key, 'overlay', { tensors });
          const written = await readOverlay(key);
          if (written.isSound) return written;
          throw fail('step-lost', `A result that was just written is gone: ${written.why}.`, 'Resume the run.');
        },
      },
      inFolders: (folders) => createStepStore({ ...folders, temporary }, maker),
      telling: storeTelling,
    };
  };
  return storeTelling(() => undefined);
};
