import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import { explainFileError, isSystemError, makeFolder } from '../files/file-errors.ts';
import { folderIdentity } from '../files/path-signature.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { makePrivateFolder } from '../workspace/user-key.ts';

/** Folder of the environment that `uncurl doctor --python` makes in a workspace. */
export const environmentFolder = (workspace: string): string => join(workspace, 'python');

export const environmentPython = (workspace: string): string =>
  process.platform === 'win32'
    ? join(environmentFolder(workspace), 'Scripts', 'python.exe')
    : join(environmentFolder(workspace), 'bin', 'python');

const RECORD = 'environments.json';
const MAX_RECORD_BYTES = 2 ** 20;
/** Most recent environments that are kept; a person has a few workspaces. */
const MOST_ENVIRONMENTS = 200;

const environments = z.object({ environments: boundedList(z.object({ path: boundedText, made: boundedText })) });
type Environments = z.infer<typeof environments>['environments'];

/**
 * The Python environments that this user's engines made, recorded outside of every workspace: a workspace from
 * elsewhere may contain a program under the same name.
 */
export interface MadeEnvironments {
  /** Whether the environment in the workspace's folder was made here. */
  has(workspace: string): Promise<boolean>;
  /**
   * Makes the folder for an environment, or finds the one that was made here.
   *
   * @throws WorkbenchError refused: `environment-elsewhere`, `not-writable`.
   */
  make(workspace: string): Promise<void>;
}

export const environmentElsewhere = (workspace: string): Error =>
  refuse(
    'environment-elsewhere',
    `${environmentFolder(workspace)} was not made here (it came with the folder, or an earlier version made it): ` +
      'it is never run.',
    'If you trust it, name its Python: --python FILE. Else remove it, and let "uncurl doctor --python" make another.',
  );

/** `state`: folder of this user's state (user-key.ts). */
export const createMadeEnvironments = (state: string): MadeEnvironments => {
  const file = join(state, RECORD);
  const read = async (): Promise<Environments> =>
    (
      await readJsonIfThere(file, environments, { mostBytes: MAX_RECORD_BYTES }, (cause) =>
        refuse('environments-damaged', `${file} lists no environments.`, 'Remove it, and make them again.', cause),
      )
    )?.environments ?? [];
  const has = async (workspace: string): Promise<boolean> => {
    const found = await folderIdentity(environmentFolder(workspace));
    return found !== null && (await read()).some(({ path, made }) => path === found.path && made === found.made);
  };
  return {
    has,
    make: async (workspace) => {
      const folder = environmentFolder(workspace);
      await makeFolder(workspace);
      try {
        await mkdir(folder);
      } catch (error) {
        if (!isSystemError(error, 'EEXIST')) throw explainFileError(error, folder);
        if (await has(workspace)) return;
        throw environmentElsewhere(workspace);
      }
      const identity = await folderIdentity(folder);
      if (identity === null) throw environmentElsewhere(workspace);
      const others = (await read()).filter(({ path }) => path !== identity.path);
      await makePrivateFolder(state);
      const text = JSON.stringify({ environments: [identity, ...others].slice(0, MOST_ENVIRONMENTS) }, null, 2);
      await writeFileAtomically(file, `${text}\n`);
    },
  };
};
