import { join } from 'node:path';
import { z } from 'zod';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { type ListedLabel, NO_LABEL, runLabel, type RunLabel, type RunLabelChange } from '../contract/run-label.ts';
import { createTurns } from '../files/in-turn.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';

// A run's name, note and tags lie beside its manifest: they are a person's, change at any time (while it runs, too),
// and no number depends on them.

const LABEL_FILE = 'label.json';
const MAX_LABEL_BYTES = 262_144;
const FORMAT = 'uncurl-run-label';

const labelFile = runLabel.extend({ format: z.literal(FORMAT), version: z.literal(1) });

/**
 * The label of the run in `folder`; an empty one where nobody gave it any.
 *
 * @throws WorkbenchError `label-unreadable` where the file is none that this version reads.
 */
export const readRunLabel = async (folder: string): Promise<RunLabel> => {
  const file = join(folder, LABEL_FILE);
  const text = await readTextIfThere(file, { mostBytes: MAX_LABEL_BYTES });
  if (text === null) return NO_LABEL;
  let json: unknown;
  try {
    json = parseForeignJson(text);
  } catch (cause) {
    throw refuse('label-unreadable', `${file} is not JSON.`, 'Mend the file, or remove it: the run stays.', cause);
  }
  const parsed = labelFile.safeParse(json);
  if (parsed.success) {
    const { name, note, tags, archived } = parsed.data;
    return { name, note, tags, archived };
  }
  const issue = parsed.error.issues[0];
  throw refuse(
    'label-unreadable',
    `${file} holds no name, note and tags that this version reads` +
      `${issue === undefined ? '' : ` (${issue.path.join('.')}: ${issue.message})`}.`,
    'Mend the file, or remove it: the run stays.',
  );
};

/** The same for a list: a file that cannot be read is told, and hides neither the run nor the others. */
export const readListedLabel = async (folder: string): Promise<ListedLabel> => {
  try {
    return await readRunLabel(folder);
  } catch (error) {
    if (error instanceof WorkbenchError) return { ...NO_LABEL, unreadable: error.message };
    throw error;
  }
};

const inTurn = createTurns();

/** Changes a label, and leaves one that cannot be read as it is: what a person wrote is not thrown away. */
export const changeRunLabel = (folder: string, change: RunLabelChange, temporaryFolder: string): Promise<RunLabel> =>
  inTurn(async () => {
    const known = await readRunLabel(folder);
    const label = runLabel.parse({ ...known, ...change, tags: [...new Set(change.tags ?? known.tags)] });
    const text = JSON.stringify({ format: FORMAT, version: 1, ...label }, null, 2);
    await writeFileAtomically(join(folder, LABEL_FILE), `${text}\n`, temporaryFolder);
    return label;
  });
