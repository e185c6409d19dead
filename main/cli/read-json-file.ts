import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import type { Plan } from '../contract/plan.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { readPlan } from '../pruning/read-plan.ts';
import { type PlanTarget, validatePlan } from '../pruning/validate-plan.ts';

/** Larger files are not what a person hands over on a command line, and would end at V8's longest string. */
const MAX_BYTES = 256 * 2 ** 20;

export const readTextFile = async (file: string, what: string): Promise<string> => {
  const path = resolve(file);
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES)
      throw refuse('file-too-large', `${path} has ${String(size)} bytes (limit ${String(MAX_BYTES)}).`, 'Split it.');
    return await readFile(path, 'utf8');
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT')
      throw refuse('missing-file', `${path} (${what}) does not exist.`, 'Check the path.', error);
    if (fileErrorCode(error) === 'EISDIR')
      throw refuse('missing-file', `${path} (${what}) is a folder.`, 'Name a file.', error);
    throw explainFileError(error, path);
  }
};

/** A value of the form that `schema` describes, from JSON text; refuses anything else, naming `place`. */
export const parseJson = <T extends z.ZodType>(text: string, schema: T, place: string): z.output<T> => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refuse(
      'bad-json',
      `${place}: not JSON (${cause instanceof Error ? cause.message : String(cause)}).`,
      'Repair it.',
      cause,
    );
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refuse(
    'bad-json',
    `${place}: ${issue === undefined ? 'unexpected form' : `${issue.path.join('.') || 'value'}: ${issue.message}`}.`,
    'Repair it.',
  );
};

/** The plan in a file, held against the model it is for. */
export const readPlanFile = async (file: string, target: PlanTarget): Promise<Plan> =>
  validatePlan(readPlan(await readTextFile(file, 'plan'), resolve(file)), target);
