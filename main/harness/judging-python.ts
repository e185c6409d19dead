import { join, resolve } from 'node:path';
import { z } from 'zod';
import { sentence } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { ownPython } from '../finetune/find-python.ts';
import type { MadeEnvironments } from '../finetune/made-environments.ts';
import { makePrivateFolder } from '../workspace/user-key.ts';

// Which Python judges the imported tasks of a workspace: the one that `uncurl import --python` named there last, else
// that of the workspace's environment. Kept outside of workspaces, since a folder may come from a stranger.

const RECORD = 'judging.json';
const MAX_RECORD_BYTES = 2 ** 20;
const MOST_WORKSPACES = 200;

const ofWorkspace = z.object({ workspace: sentence, python: sentence });
const record = z.object({ workspaces: z.array(ofWorkspace).max(MOST_WORKSPACES) });

const readRecord = async (state: string): Promise<z.infer<typeof record>['workspaces']> => {
  const file = join(state, RECORD);
  const found = await readJsonIfThere(file, record, { mostBytes: MAX_RECORD_BYTES }, (cause) =>
    refuse('judging-damaged', `${file} lists no Pythons.`, 'Remove it, and import the tasks again.', cause),
  );
  return found?.workspaces ?? [];
};

/** Lets a Python judge what was imported into a workspace. `state`: folder of this user's state. */
export const rememberJudgingPython = async (state: string, workspace: string, python: string): Promise<void> => {
  const named = { workspace: resolve(workspace), python };
  const others = (await readRecord(state)).filter((entry) => entry.workspace !== named.workspace);
  await makePrivateFolder(state);
  const text = JSON.stringify({ workspaces: [named, ...others].slice(0, MOST_WORKSPACES) }, null, 1);
  await writeFileAtomically(join(state, RECORD), `${text}\n`);
};

/** The Python that `uncurl import --python` named last for a workspace; null: none. */
export const namedPython = async (state: string, workspace: string): Promise<string | null> =>
  (await readRecord(state)).find((entry) => entry.workspace === resolve(workspace))?.python ?? null;

/**
 * The Python that judges the tasks of a workspace.
 *
 * @throws WorkbenchError refused: `no-python`, `environment-elsewhere`.
 */
export const judgingPython = async (
  state: string,
  workspace: string,
  environments: Pick<MadeEnvironments, 'has'>,
): Promise<string> => (await namedPython(state, workspace)) ?? ownPython(workspace, environments);
