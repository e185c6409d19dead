import { dirname, join, resolve } from 'node:path';
import { readTensorBytes } from '../checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import { isSealed, sealOf } from '../checkpoint/sealed-tensors.ts';
import { refuse } from '../contract/errors.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { isFile } from '../files/file-errors.ts';
import type { Overlays } from '../inference/overlays.ts';
import { readPlan } from '../pruning/read-plan.ts';
import { type PlanTarget, validatePlan } from '../pruning/validate-plan.ts';
import { defaultWorkspace } from '../workspace/open-workspace.ts';
import { createStepStore } from '../workspace/step-store.ts';
import { readTextFile } from './files.ts';
import type { VerbHost } from './verb.ts';

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
 * those that a sweep left in the workspace. Does nothing for a plan without either.
 *
 * @throws WorkbenchError `recovery-missing`, `recovery-damaged`.
 */
export const installRecovery = async (
  { file, plan }: PlanOnDisk,
  overlays: Overlays,
  environment: VerbHost['environment'],
): Promise<void> => {
  const constants = isMergePlan(plan) ? undefined : plan.constants;
  if (plan.recovery !== undefined)
    await installWeights(file, plan.recovery.weights, overlays, environment, {
      what: 'refitted weights',
      again: `make both again with \`uncurl recover\` on ${plan.recovery.tasks.join(', ')}`,
    });
  if (constants !== undefined)
    await installWeights(file, constants.weights, overlays, environment, {
      what: 'constants',
      again: 'make both again with `uncurl plan`, from the same profile',
    });
};

const installWeights = async (
  file: string,
  weights: string,
  overlays: Overlays,
  environment: VerbHost['environment'],
  { what, again }: { readonly what: string; readonly again: string },
): Promise<void> => {
  const candidates = [
    weightsBeside(file, weights),
    weightsIn(join(defaultWorkspace(environment), 'overlays'), weights),
  ];
  for (const candidate of candidates) {
    if (!(await isFile(candidate))) continue;
    // Files of early versions carry no hash of their content.
    if ((await isSealed(candidate)) && (await sealOf(candidate, weights)) === null)
      throw refuse(
        'recovery-damaged',
        `${candidate} holds the ${what} of the plan, and was changed or damaged after it was written.`,
        `Delete it, and ${again}.`,
      );
    const { tensors } = await readSafetensorsHeader(candidate);
    const copied = [...tensors].map(([name, view]) => ({ ...view, name, bytes: () => readTensorBytes(view) }));
    await overlays.write(weights, copied);
    return;
  }
  throw refuse(
    'recovery-missing',
    `The ${what} of the plan were not found: neither ${candidates.join(' nor ')} exists.`,
    `Put them beside the plan, or ${again}.`,
  );
};
