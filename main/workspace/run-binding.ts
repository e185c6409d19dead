import { createHash, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { folderIdentity } from '../files/folder-identity.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { readUserKey, requireUserKey, type UserKey } from './user-key.ts';

// A run folder may be anybody's, and its manifest names programs to start and folders to write. A run acts on what its
// manifest says only where this user's engine wrote that: then a mark lies beside it that only this user's key makes.

const BINDING_FILE = 'binding.json';
const MAX_BINDING_BYTES = 65_536;
/** Machines that one workspace is worked on from, each with a key of its own. */
const MOST_MARKS = 32;

const mark = z.string().regex(/^[0-9a-f]{64}$/);
/** Marks by the name of the key that made them. */
const bindingFile = z.object({
  format: z.literal('uncurl-binding'),
  version: z.literal(1),
  marks: z.record(z.string().max(64), mark).refine((marks) => Object.keys(marks).length <= MOST_MARKS),
});
type Marks = z.infer<typeof bindingFile>['marks'];

/** SHA-256 over everything in a manifest that a run acts on: all but what changes while it is worked on. */
const contentHash = ({
  state: _state,
  error: _error,
  finishedAt: _finishedAt,
  output: _output,
  damaged: _damaged,
  label: _label,
  finding: _finding,
  ...fixed
}: RunManifest): string =>
  createHash('sha256')
    // As it comes back from the file: JSON has no -0, and leaves out what is undefined.
    .update(canonicalJson(JSON.parse(JSON.stringify(fixed))))
    .digest('hex');

/** Characters of a code: 128 bits in hexadecimal. */
const CODE_LENGTH = 32;

/** Names what a manifest says at a moment, for whoever confirms it: another program or folder gives another code. */
export const runCode = (manifest: RunManifest): string => contentHash(manifest).slice(0, CODE_LENGTH);

export interface RunBindings {
  /** Marks a run as this user's, as its manifest and folder are now. */
  bind(manifest: RunManifest): Promise<void>;
  /**
   * Whether this user's engine wrote what the manifest says, in the folder where it lies. Copies, other users' runs,
   * edited ones, and those of versions without marks are not bound. Nor is one whose folder was made anew under the same
   * name: it was sent away and came back.
   */
  isBound(manifest: RunManifest): Promise<boolean>;
}

const readMarks = async (folder: string): Promise<Marks> => {
  try {
    const text = await readTextIfThere(join(folder, BINDING_FILE), { mostBytes: MAX_BINDING_BYTES });
    return text === null ? {} : bindingFile.parse(parseForeignJson(text)).marks;
  } catch (error) {
    // What cannot be read binds nothing, like a file that is not there.
    if (error instanceof SyntaxError || error instanceof z.ZodError || error instanceof WorkbenchError) return {};
    throw error;
  }
};

/** Null where the run has no folder. */
const markOf = async (key: UserKey, folder: string, manifest: RunManifest): Promise<string | null> => {
  const identity = await folderIdentity(folder);
  if (identity === null) return null;
  return key.sign(canonicalJson({ format: 'uncurl-run', ...identity, content: contentHash(manifest) }));
};

/** `state`: the folder of the key; `folderOf`: where a run lies. */
export const createRunBindings = (
  state: string,
  { folderOf, temporaryFolder }: { readonly folderOf: (run: string) => string; readonly temporaryFolder: string },
): RunBindings => ({
  bind: async (manifest) => {
    const folder = folderOf(manifest.id);
    const key = await requireUserKey(state);
    const others = Object.entries(await readMarks(folder)).filter(([name]) => name !== key.name);
    const own = await markOf(key, folder, manifest);
    if (own === null) throw refuse('no-run-folder', `${folder} is no folder of its own.`, 'Look at what lies there.');
    const marks = Object.fromEntries([...others.slice(-(MOST_MARKS - 1)), [key.name, own]]);
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
