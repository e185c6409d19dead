import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { isFile } from '../files/file-errors.ts';
import { recoveredFile } from '../inference/recovered-layer.ts';
import { readPlan } from '../pruning/read-plan.ts';
import { type PlanTarget, validatePlan } from '../pruning/validate-plan.ts';
import { defaultWorkspace } from '../workspace/open-workspace.ts';
import { readTextFile } from './files.ts';
import type { VerbHost } from './verb.ts';

/** The plan in a file, held against the model it is for. */
export const readPlanFile = async (file: string, target: PlanTarget): Promise<Plan> =>
  validatePlan(readPlan(await readTextFile(file, 'plan'), resolve(file)), target);

/** Where `uncurl recover` puts the refitted weights of a plan file: beside it, named by their content. */
export const weightsBeside = (planFile: string, weights: string): string =>
  recoveredFile(dirname(resolve(planFile)), weights);

/** A plan that a verb read, and the file it read it from. */
export interface PlanOnDisk {
  readonly file: string;
  readonly plan: Plan;
}

/**
 * Puts the refitted weights and the constants of a plan where runners look for them: those beside its file, or else
 * those of the workspace, where a sweep left them. A plan without any is left alone.
 *
 * @throws WorkbenchError `recovery-missing`.
 */
export const installRecovery = async (
  { file, plan }: PlanOnDisk,
  overlayFolder: string,
  { environment }: Pick<VerbHost, 'environment'>,
): Promise<void> => {
  const constants = isMergePlan(plan) ? undefined : plan.constants;
  if (plan.recovery !== undefined)
    await installWeights(file, plan.recovery.weights, overlayFolder, environment, {
      what: 'refitted weights',
      again: `make both again with \`uncurl recover\` on ${plan.recovery.tasks.join(', ')}`,
    });
  if (constants !== undefined)
    await installWeights(file, constants.weights, overlayFolder, environment, {
      what: 'constants',
      again: 'make both again with `uncurl plan`, from the same profile',
    });
};

const installWeights = async (
  file: string,
  weights: string,
  overlayFolder: string,
  environment: VerbHost['environment'],
  { what, again }: { readonly what: string; readonly again: string },
): Promise<void> => {
  const places = [
    weightsBeside(file, weights),
    recoveredFile(join(defaultWorkspace(environment), 'overlays'), weights),
  ];
  for (const place of places) {
    if (!(await isFile(place))) continue;
    await mkdir(overlayFolder, { recursive: true });
    await copyFile(place, recoveredFile(overlayFolder, weights));
    return;
  }
  throw refuse(
    'recovery-missing',
    `The ${what} of the plan are neither ${places.join(' nor ')}.`,
    `Put them beside the plan, or ${again}.`,
  );
};
