import type { BigIntStats } from 'node:fs';
import { access, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sealOf, type TensorContent, writeSealedTensors } from '../checkpoint/sealed-tensors.ts';
import { WorkbenchError } from '../contract/errors.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { explainReadError, readTextIfThere } from '../files/regular-file.ts';
import { produceFileAtomically, writeFileAtomically } from '../files/write-atomically.ts';
import type { Overlays } from '../inference/overlays.ts';
import { openPartialResult, type PartialResult } from './partial-result.ts';
import { contentOf, sealedJson } from './sealed-json.ts';

/** Steps stored as tensors: profiles, and weights with which plans overlay those of a model. */
export type TensorStep = 'profile' | 'overlay';
export type StepKind = 'json' | TensorStep;

/**
 * Results of finished steps, shared by every run of a workspace. Each key is a hash of everything that the result
 * depends on: `steps/<first two>/<key>.json` and `.safetensors`, overlays in `overlays/<key>.safetensors`. A file is
 * complete or absent and never changes: two engines that compute the same step write the same bytes.
 *
 * A step's file contains its key and a SHA-256, which are checked on reading. A file that was damaged, edited or moved
 * from another step is reported and counts as absent, so that it is computed again.
 */
export interface StepStore {
  path(key: string, kind: StepKind): string;
  /** Whether a file of that name exists; only reading it verifies that it is the step. */
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

/** The path of a step's file is taken by something else: a folder, a pipe, or a file too large for a step. */
const isNoStep = (error: unknown): boolean =>
  error instanceof WorkbenchError && ['not-a-file', 'file-too-large'].includes(error.code);

const stampOf = ({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string =>
  [size, mtimeNs, ctimeNs, ino, dev].map(String).join(' ');

export const createStepStore = ({ steps, overlays, temporary }: StepFolders): StepStore => {
  /** Hashed files, and their state at that time. */
  const checked = new Map<string, { readonly stamp: string; readonly sha256: string }>();
  const pathOf = (key: string, kind: StepKind): string => {
    if (!KEY[kind].test(key)) throw new TypeError(`"${key}" is not a key of a step (${kind})`);
    if (kind === 'overlay') return join(overlays, `${key}.safetensors`);
    return join(steps, key.slice(0, 2), `${key}.${kind === 'json' ? 'json' : 'safetensors'}`);
  };
  const statIfThere = async (file: string): Promise<BigIntStats | null> => {
    try {
      return await stat(file, { bigint: true });
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return null;
      throw explainReadError(error, file);
    }
  };
  /** SHA-256 of a valid tensor step, else `missing` or `damaged`. */
  const checkTensors = async (
    key: string,
    kind: TensorStep,
  ): Promise<{ readonly sha256: string } | 'missing' | 'damaged'> => {
    const file = pathOf(key, kind);
    const before = await statIfThere(file);
    if (before === null) return 'missing';
    const stamp = stampOf(before);
    const known = checked.get(file);
    if (known?.stamp === stamp) return known;
    checked.delete(file);
    try {
      const sha256 = await sealOf(file, key);
      if (sha256 === null) return 'damaged';
      const found = { stamp, sha256 };
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
    let [sha256, inode] = ['', 0n];
    await produceFileAtomically(
      file,
      async (temporaryFile) => {
        sha256 = await writeSealedTensors(temporaryFile, key, content);
        inode = (await stat(temporaryFile, { bigint: true })).ino;
      },
      // Written beside the others: overlays may lie on another file system.
      kind === 'overlay' ? undefined : temporary,
    );
    const written = await statIfThere(file);
    // Another engine may have replaced it meanwhile: then it is verified on reading.
    if (written?.ino === inode) checked.set(file, { stamp: stampOf(written), sha256 });
  };
  const storeTelling = (say: (text: string) => void): StepStore => {
    const damaged = (file: string): null => {
      say(`${file} ${DAMAGED}: it is not used.`);
      return null;
    };
    const readOverlay: Overlays['read'] = async (key) => {
      const file = pathOf(key, 'overlay');
      const found = await checkTensors(key, 'overlay');
      if (found === 'missing') return { isSound: false, why: `${file} does not exist` };
      if (found !== 'damaged') return { isSound: true, file, sha256: found.sha256 };
      damaged(file);
      return { isSound: false, why: `${file} ${DAMAGED}` };
    };
    return {
      path: pathOf,
      has: async (key, kind) => {
        try {
          await access(pathOf(key, kind));
          return true;
        } catch (error) {
          if (fileErrorCode(error) === 'ENOENT') return false;
          throw explainFileError(error, pathOf(key, kind));
        }
      },
      readJson: async (key, schema) => {
        const file = pathOf(key, 'json');
        try {
          const text = await readTextIfThere(file, { mostBytes: MAX_STEP_BYTES });
          if (text === null) return null;
          const content = contentOf(key, text);
          return content === null ? damaged(file) : schema.parse(parseForeignJson(content));
        } catch (error) {
          if (isNoStep(error) || error instanceof SyntaxError || error instanceof z.ZodError) return damaged(file);
          throw error;
        }
      },
      writeJson: (key, value) =>
        writeFileAtomically(pathOf(key, 'json'), sealedJson(key, canonicalJson(value)), temporary),
      readTensors: async (key, kind) => {
        const file = pathOf(key, kind);
        const found = await checkTensors(key, kind);
        if (found === 'missing') return null;
        return found === 'damaged' ? damaged(file) : file;
      },
      writeTensors,
      drop: async (key, kind) => {
        try {
          await rm(pathOf(key, kind), { force: true });
        } catch (error) {
          throw explainFileError(error, pathOf(key, kind));
        }
      },
      partial: (folder, key) => openPartialResult(folder, key, say),
      overlays: {
        read: readOverlay,
        write: async (key, tensors) => {
          await writeTensors(key, 'overlay', { tensors });
          const written = await readOverlay(key);
          if (written.isSound) return written;
          throw new WorkbenchError(
            'step-lost',
            'failed',
            `A result that was just written is gone: ${written.why}.`,
            'Resume the run.',
          );
        },
      },
      telling: storeTelling,
    };
  };
  return storeTelling(() => undefined);
};
