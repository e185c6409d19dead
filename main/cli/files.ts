import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { boundedList } from '../contract/bounds.ts';
import { expected, refuse } from '../contract/errors.ts';
import { hasMoreLines } from '../files/count-lines.ts';
import { parseForm } from '../files/parse-json.ts';
import { readTextIfThere, readUnchanged } from '../files/regular-file.ts';
import { type OptionReader, switchOption, valueOption, type VerbHost, type VerbOption } from './verb.ts';
import { readTensorBytes } from '../checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import { isSealed, sealOf } from '../checkpoint/sealed-tensors.ts';
import { constantsOf, type Plan } from '../contract/plan.ts';
import { fileChecksum } from '../files/checksums.ts';
import { isFile } from '../files/file-errors.ts';
import type { Overlays } from '../inference/overlays.ts';
import { readPlan } from '../pruning/read-plan.ts';
import { type PlanTarget, validatePlan } from '../pruning/validate-plan.ts';
import { userOf } from '../workspace/maker-marks.ts';
import { settingsFile } from '../workspace/settings-file.ts';
import { createStepStore } from '../workspace/step-store.ts';
import { stateFolder } from '../workspace/user-key.ts';

/** Larger files are not meant for a command line, and could exceed V8's longest string. */
const MAX_BYTES = 256 * 2 ** 20;
/** The most items that a task may have. */
const MAX_LINES = 4_000_000;

export const readTextFile = async (file: string, what: string): Promise<string> => {
  const path = resolve(file);
  const text = await readUnchanged(() => readTextIfThere(path, { mostBytes: MAX_BYTES })).catch(
    expected((error) => {
      throw refuse('missing-file', `${path} (${what}) is not a file: ${error.message}`, 'Name a file.', error);
    }, 'not-a-file'),
  );
  if (text === null) throw refuse('missing-file', `${path} (${what}) does not exist.`, 'Check the path.');
  if (hasMoreLines(text, MAX_LINES))
    throw refuse('file-too-large', `${path} (${what}) has more than ${MAX_LINES} lines.`, 'Split the file.');
  return text;
};

/** A list of numbers takes many times the memory of its text. Longer requests would not fit any model's positions. */
const MAX_JSON_CHARACTERS = 32 * 2 ** 20;

/** Parses JSON text by `schema`; refuses anything else, naming `location`. */
export const parseJson = <T extends z.ZodType>(text: string, schema: T, location: string): z.output<T> => {
  if (text.length > MAX_JSON_CHARACTERS)
    throw refuse(
      'bad-json',
      `${location}: ${text.length} characters long (limit ${MAX_JSON_CHARACTERS}).`,
      'Shorten it, or split the file.',
    );
  return parseForm(text, schema, {
    whole: 'value',
    notJson: (reason, cause) => refuse('bad-json', `${location}: not JSON (${reason}).`, 'Repair it.', cause),
    otherForm: (issue) => refuse('bad-json', `${location}: ${issue}.`, 'Repair it.'),
  });
};

const tokenLists = boundedList(boundedList(z.number().int().nonnegative()).min(1)).min(1);

/** Reads a JSON file with lists of token ids. */
export const readTokenLists = async (file: string): Promise<z.output<typeof tokenLists>> =>
  parseJson(await readTextFile(file, 'tokens'), tokenLists, resolve(file));

export const OUT_FILE: Readonly<Record<string, VerbOption>> = {
  out: valueOption('FILE', 'File to write.'),
  force: switchOption('Replace the file if it exists.'),
};

/** The file that `--out` names, checked before any work: it must not exist unless `--force` is given. */
export const outFile = (reader: OptionReader): string => {
  const path = resolve(reader.requiredText('out'));
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) throw refuse('out-is-folder', `${path} is a folder.`, 'Name a file.');
    if (!reader.flag('force'))
      throw refuse('out-exists', `${path} exists.`, 'Name another file, or give --force to replace it.');
  }
  return path;
};

/** The folder that `--out` names: it must not exist, even with `--force`, and its parent must exist. */
export const outFolder = (reader: OptionReader): string => {
  const path = resolve(reader.requiredText('out'));
  if (existsSync(path))
    throw refuse(
      'out-exists',
      `${path} exists.`,
      'Name a folder that does not exist yet: nothing is ever overwritten.',
    );
  if (!existsSync(dirname(path)))
    throw refuse('no-such-folder', `${dirname(path)} does not exist.`, 'Make it first, or name another folder.');
  return path;
};

/** Reads a plan file and checks it against its model. */
export const readPlanFile = async (file: string, target: PlanTarget): Promise<Plan> =>
  validatePlan(readPlan(await readTextFile(file, 'plan'), resolve(file)), target);

const weightsIn = (folder: string, weights: string): string => join(folder, `${weights}.safetensors`);

/** Path of the refitted weights that `uncurl recover` writes for a plan file: beside it. */
export const weightsBeside = (planFile: string, weights: string): string =>
  weightsIn(dirname(resolve(planFile)), weights);

/** The constants of a plan file are stored where its refitted weights are. */
export const overlaysBeside = (planFile: string): Overlays => {
  const folder = dirname(resolve(planFile));
  return createStepStore({ steps: folder, overlays: folder, temporary: folder }).overlays;
};

/** A plan that a verb read, and its file. */
export interface PlanOnDisk {
  readonly file: string;
  readonly plan: Plan;
}

/** The plan that an option names; null without the option. */
export const readPlanOption = async (file: string | undefined, target: PlanTarget): Promise<PlanOnDisk | null> =>
  file === undefined ? null : { file, plan: await readPlanFile(file, target) };

/**
 * Installs the refitted weights and the constants of a plan where runners look for them: those beside its file, or else
 * those that a run left in `workspace`. Does nothing for a plan without either. Returns the plan.
 *
 * `named`: as the plan names them, in a folder of this command; or by their content, in a workspace, where the name
 * that the plan gives to them may be that of weights that a run computes itself. The returned plan names them so.
 *
 * @throws WorkbenchError `recovery-missing`, `recovery-damaged`.
 */
export const installRecovery = async (
  { file, plan }: PlanOnDisk,
  overlays: Overlays,
  workspace: string,
  environment: VerbHost['environment'],
  named: 'by plan' | 'by content' = 'by plan',
): Promise<Plan> => {
  const install = (weights: string, words: InstallWords): Promise<string> =>
    installWeights(file, weights, overlays, { ...words, named, workspace, environment });
  let installed = plan;
  if (plan.recovery !== undefined) {
    const weights = await install(plan.recovery.weights, {
      what: 'refitted weights',
      again: `make both again with \`uncurl recover\` on ${plan.recovery.tasks.join(', ')}`,
    });
    installed = { ...installed, recovery: { ...plan.recovery, weights } };
  }
  const constants = constantsOf(plan);
  if (constants !== undefined) {
    const weights = await install(constants.weights, {
      what: 'constants',
      again: 'make both again with `uncurl plan`, from the same profile',
    });
    installed = { ...installed, constants: { weights } };
  }
  return installed;
};

interface InstallWords {
  readonly what: string;
  readonly again: string;
}

interface Installing extends InstallWords {
  readonly named: 'by plan' | 'by content';
  readonly workspace: string;
  readonly environment: VerbHost['environment'];
}

/** Digits of the hash that names weights (planRecovery). */
const WEIGHTS_DIGITS = 32;

/** Returns the name under which the weights are installed. */
const installWeights = async (
  file: string,
  weights: string,
  overlays: Overlays,
  { what, again, named, workspace, environment }: Installing,
): Promise<string> => {
  const beside = weightsBeside(file, weights);
  const kept = join(workspace, 'overlays');
  const inWorkspace = weightsIn(kept, weights);
  for (const candidate of [beside, inWorkspace]) {
    if (!(await isFile(candidate))) continue;
    // Files of early versions carry no hash of their content.
    if ((await isSealed(candidate)) && (await sealOf(candidate, weights)) === null)
      throw refuse(
        'recovery-damaged',
        `${candidate} holds the ${what} of the plan, and was changed or damaged after it was written.`,
        `Delete it, and ${again}.`,
      );
    // What lies beside the plan was chosen with it; what lies in a workspace may be of anybody.
    if (candidate === inWorkspace) {
      const user = userOf(stateFolder(settingsFile(environment)));
      const store = createStepStore({ steps: kept, overlays: kept, temporary: kept }, user);
      const found = await store.overlays.read(weights);
      if (!found.isSound)
        throw refuse(
          'recovery-damaged',
          `The ${what} of the plan are not used: ${found.why}.`,
          `Put your own beside the plan, or ${again}.`,
        );
    }
    const { tensors } = await readSafetensorsHeader(candidate);
    const copied = [...tensors].map(([name, view]) => ({ ...view, name, bytes: () => readTensorBytes(view) }));
    const name = named === 'by plan' ? weights : (await fileChecksum(candidate)).slice(0, WEIGHTS_DIGITS);
    await overlays.write(name, copied);
    return name;
  }
  throw refuse(
    'recovery-missing',
    `The ${what} of the plan were not found: neither ${beside} nor ${inWorkspace} exists.`,
    `Put them beside the plan, or ${again}.`,
  );
};
