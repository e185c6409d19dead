import { join } from 'node:path';
import { z } from 'zod';
import { expected, refuse } from '../contract/errors.ts';
import { type ListedLabel, NO_LABEL, runLabel, type RunLabel, type RunLabelChange } from '../contract/run.ts';
import { createTurns, writeFileAtomically } from '../files/write-atomically.ts';
import { parseForm } from '../files/parse-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';

// A run's name, note and tags lie beside its manifest: the user may change them at any time, also while it runs, and no
// number depends on them.

const LABEL_FILE = 'label.json';
const MAX_LABEL_BYTES = 262_144;
const FORMAT = 'uncurl-run-label';

const labelFile = runLabel.extend({ format: z.literal(FORMAT), version: z.literal(1) });

/**
 * The label of the run in `folder`; empty if it has none.
 *
 * @throws WorkbenchError `label-unreadable` if this version cannot read the file.
 */
export const readRunLabel = async (folder: string): Promise<RunLabel> => {
  const file = join(folder, LABEL_FILE);
  const text = await readTextIfThere(file, { mostBytes: MAX_LABEL_BYTES });
  if (text === null) return NO_LABEL;
  const unreadable = (why: string, cause?: unknown): Error =>
    refuse('label-unreadable', `${file} ${why}.`, 'Repair the file, or remove it: the run itself stays.', cause);
  const { name, note, tags, archived } = parseForm(text, labelFile, {
    notJson: (_, cause) => unreadable('is not JSON', cause),
    otherForm: (issue) => unreadable(`contains no name, note and tags that this version reads (${issue})`),
  });
  return { name, note, tags, archived };
};

/** The label for a list: reports an unreadable file without hiding the run or others. */
export const readListedLabel = (folder: string): Promise<ListedLabel> =>
  readRunLabel(folder).catch(expected(({ message }) => ({ ...NO_LABEL, unreadable: message })));

const inTurn = createTurns();

/** Changes a label. Leaves an unreadable file untouched, as a person wrote it. */
export const changeRunLabel = (folder: string, change: RunLabelChange, temporaryFolder: string): Promise<RunLabel> =>
  inTurn(async () => {
    const known = await readRunLabel(folder);
    const label = runLabel.parse({ ...known, ...change, tags: [...new Set(change.tags ?? known.tags)] });
    const text = JSON.stringify({ format: FORMAT, version: 1, ...label }, null, 2);
    await writeFileAtomically(join(folder, LABEL_FILE), `${text}\n`, temporaryFolder);
    return label;
  });
