import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { WorkbenchError } from '../contract/errors.ts';
import { plan, type Plan } from '../contract/plan.ts';
import { explainFileError, fileErrorCode } from '../workspace/file-errors.ts';
import { writeFileAtomically } from '../workspace/write-atomically.ts';

/** The plans of a finished sweep by the key of the step that measured them; null: the unpruned model. */
export type RunPlans = ReadonlyMap<string, Plan | null>;

const PLANS = 'plans.json';
const plansFile = z.record(z.string(), plan.nullable());

/** Writes a sweep's plans into its folder, one a line, so that they can be read where its steps are gone. */
export const writeRunPlans = async (folder: string, plans: RunPlans, temporaryFolder: string): Promise<void> => {
  const lines = [...plans].map(([step, made]) => `${JSON.stringify(step)}: ${JSON.stringify(made)}`);
  await writeFileAtomically(join(folder, PLANS), `{\n${lines.join(',\n')}\n}\n`, temporaryFolder);
};

/** The plans that a run left in its folder; null where it is not finished, or of a version that left none. */
export const readRunPlans = async (folder: string): Promise<RunPlans | null> => {
  const file = join(folder, PLANS);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return null;
    throw explainFileError(error, file);
  }
  try {
    return new Map(Object.entries(plansFile.parse(JSON.parse(text))));
  } catch (cause) {
    throw new WorkbenchError('plans-damaged', 'failed', `${file} is damaged.`, 'Delete the file and resume the run: its steps are kept.', { cause });
  }
};
