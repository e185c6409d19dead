import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { WorkbenchError } from '../contract/errors.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { readJsonIfThere } from '../files/read-json-file.ts';
import { produceFileAtomically, writeFileAtomically } from '../files/write-atomically.ts';

export type StepKind = 'json' | 'safetensors';

/**
 * Results of finished steps, shared by every run of a workspace: `steps/<first two>/<key>.<kind>`, where the key is a
 * hash of everything that the result depends on. A file is whole or absent, and never changes: two engines that compute
 * the same step write the same bytes.
 */
export interface StepStore {
  path(key: string, kind: StepKind): string;
  has(key: string, kind: StepKind): Promise<boolean>;
  /** The stored value, or null where the step was not computed. A damaged file is an error that names it. */
  readJson<T extends z.ZodType>(key: string, schema: T): Promise<z.output<T> | null>;
  writeJson(key: string, value: unknown): Promise<void>;
  /** Lets `write` fill a temporary file, which then becomes the step's. */
  produce(key: string, kind: StepKind, write: (temporary: string) => Promise<void>): Promise<void>;
  /** Takes a step away whose result turned out to be wrong. */
  drop(key: string, kind: StepKind): Promise<void>;
}

/** Outcomes of a million items; V8's longest string is a little longer. */
const MAX_STEP_BYTES = 500 * 10 ** 6;

const KEY = /^[0-9a-f]{64}$/;

const damaged = (path: string, cause: unknown): WorkbenchError =>
  new WorkbenchError(
    'step-damaged',
    'failed',
    `${path} is damaged: it is not what was written there.`,
    'Check the disk, delete the file and resume: the step will be computed again.',
    { cause },
  );

export const createStepStore = (folder: string, temporaryFolder: string): StepStore => {
  const pathOf = (key: string, kind: StepKind): string => {
    if (!KEY.test(key)) throw new TypeError(`step key "${key}" is no SHA-256 in hexadecimal`);
    return join(folder, key.slice(0, 2), `${key}.${kind}`);
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
      const path = pathOf(key, 'json');
      return readJsonIfThere(path, schema, { mostBytes: MAX_STEP_BYTES }, (cause) => damaged(path, cause));
    },
    writeJson: (key, value) => writeFileAtomically(pathOf(key, 'json'), canonicalJson(value), temporaryFolder),
    drop: async (key, kind) => {
      try {
        await rm(pathOf(key, kind), { force: true });
      } catch (error) {
        throw explainFileError(error, pathOf(key, kind));
      }
    },
    produce: (key, kind, write) => produceFileAtomically(pathOf(key, kind), write, temporaryFolder),
  };
};
