import { createHash, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { folderIdentity } from '../files/path-signature.ts';
import { readKept } from '../files/kept-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { readUserKey, requireUserKey, type UserKey } from './user-key.ts';

// A run folder may come from anybody, and its manifest names programs to start and folders to write. A run only acts on
// a manifest written by this user's engine, which marks it with this user's key.

const BINDING_FILE = 'binding.json';
const MAX_BINDING_BYTES = 65_536;
/** Maximum number of machines that share one workspace, each with its own key. */
const MOST_MARKS = 32;

const mark = z.string().regex(/^[0-9a-f]{64}$/);
/** Marks by the name of their key. */
const bindingFile = z.object({
  format: z.literal('uncurl-binding'),
  version: z.literal(1),
  marks: z.record(z.string().max(64), mark).refine((marks) => Object.keys(marks).length <= MOST_MARKS),
});
type Marks = z.infer<typeof bindingFile>['marks'];

/** SHA-256 over everything in a manifest that a run acts on: all except the fields that change while it runs. */
const manifestHash = ({
  state: _state,
  error: _error,
  finishedAt: _finishedAt,
  output: _output,
  damaged: _damaged,
  label: _label,
  finding: _finding,
  waited: _waited,
  provenance: _provenance,
  ...fixed
}: RunManifest): string =>
  createHash('sha256')
    // As read back from the file: JSON has no -0 and omits undefined.
    .update(canonicalJson(JSON.parse(JSON.stringify(fixed))))
    .digest('hex');

/** Characters of a code: 128 bits in hexadecimal. */
const CODE_LENGTH = 32;

/**
 * Identifies the present content of a manifest for confirmation: another program or folder gives another code. A
 * confirmation does not change it, so that a node of a cluster without a key can resume again with the same code.
 */
export const runCode = ({ adoptedAt: _adoptedAt, ...manifest }: RunManifest): string =>
  manifestHash(manifest).slice(0, CODE_LENGTH);

export interface RunBindings {
  /** Marks a run as this user's, with its present manifest and folder. */
  bind(manifest: RunManifest): Promise<void>;
  /**
   * Whether this user's engine wrote this manifest in this folder. Copies, other users' runs, edited runs and those of
   * versions without marks are not bound, nor is a run whose folder was created again under the same name (it was moved
   * elsewhere and back).
   */
  isBound(manifest: RunManifest): Promise<boolean>;
}

const readMarks = async (folder: string): Promise<Marks> =>
  (await readKept(join(folder, BINDING_FILE), MAX_BINDING_BYTES, bindingFile))?.marks ?? {};

/** Null where the run has no folder. */
const markOf = async (key: UserKey, folder: string, manifest: RunManifest): Promise<string | null> => {
  const identity = await folderIdentity(folder);
  if (identity === null) return null;
  return key.sign(canonicalJson({ format: 'uncurl-run', ...identity, content: manifestHash(manifest) }));
};

/** `state`: the folder of the key; `folderOf`: path of a run. */
export const createRunBindings = (
  state: string,
  { folderOf, temporaryFolder }: { readonly folderOf: (run: string) => string; readonly temporaryFolder: string },
): RunBindings => ({
  bind: async (manifest) => {
    const folder = folderOf(manifest.id);
    const key = await requireUserKey(state);
    const others = Object.entries(await readMarks(folder)).filter(([name]) => name !== key.name);
    const markHere = await markOf(key, folder, manifest);
    if (markHere === null)
      throw refuse(
        'no-run-folder',
        `${folder} is not a folder of its own, but a link or a file.`,
        'Check what is at that path.',
      );
    const marks = Object.fromEntries([...others.slice(-(MOST_MARKS - 1)), [key.name, markHere]]);
    const text = JSON.stringify({ format: 'uncurl-binding', version: 1, marks }, null, 2);
    await writeFileAtomically(join(folder, BINDING_FILE), `${text}\n`, temporaryFolder);
  },
  isBound: async (manifest) => {
    const folder = folderOf(manifest.id);
    const key = await readUserKey(state);
    const found = key === null ? undefined : (await readMarks(folder))[key.name];
    if (key === null || found === undefined) return false;
    const wanted = await markOf(key, folder, manifest);
    return wanted !== null && timingSafeEqual(Buffer.from(found, 'hex'), Buffer.from(wanted, 'hex'));
  },
});
