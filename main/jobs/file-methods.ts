import type { SweepFact } from '../contract/sweep-fact.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { present, refuse } from '../contract/errors.ts';
import { UNHASHED } from '../contract/recorded.ts';
import { UNPRUNED, type SweepSettings } from '../contract/sweep.ts';
import { isMergePlan, type MethodName, type Plan } from '../contract/plan.ts';
import { type ExpertFile, readExpertFile } from '../pruning/expert-files/read-expert-file.ts';
import { methodNames } from '../pruning/methods.ts';
import { type PlannedModel, rankedPlanForModel, signedPlan } from '../pruning/make-plan.ts';

/**
 * Methods of a sweep that are files: a ranking or plans from another program. Their text is part of the sweep's
 * settings, so a resumed or reproduced run measures the same plans.
 */
type FileSettings = Pick<SweepSettings, 'methods' | 'files' | 'budget' | 'protect'>;

export const isFileMethod = ({ files = {} }: Pick<SweepSettings, 'files'>, method: MethodName): boolean =>
  Object.hasOwn(files, method);

/** Parses the file of a method for the experts of a model. @throws WorkbenchError as `readExpertFile`. */
export const openFileMethod = (
  { files = {} }: Pick<SweepSettings, 'files'>,
  method: MethodName,
  { info }: Pick<Checkpoint, 'info'>,
): ExpertFile => {
  const given = present(files[method], `the method ${method} is no file`);
  return readExpertFile(given.text, given.name, info);
};

/** The plans in a file method, which are measured at their own sizes; none for a ranking or a built-in method. */
export const filePlans = (
  settings: FileSettings,
  method: MethodName,
  checkpoint: Pick<Checkpoint, 'info'>,
): readonly { readonly keep: number; readonly plan: Plan }[] => {
  if (!isFileMethod(settings, method)) return [];
  const file = openFileMethod(settings, method, checkpoint);
  return file.kind === 'plans' ? file.plans.map((plan) => ({ keep: meanKept(plan), plan: { ...plan, method } })) : [];
};

/** Kept experts of a plan's layers, on average. */
export const meanKept = (plan: Plan): number => {
  const layers = isMergePlan(plan) ? plan.groups : plan.kept;
  return layers.reduce((sum, layer) => sum + layer.length, 0) / layers.length;
};

/** The plan of a file method for a task. @throws WorkbenchError as `rankedPlanForModel`. */
export const planOfFile = (
  settings: FileSettings,
  method: MethodName,
  model: PlannedModel,
  task: string,
  keep: number,
): Plan => {
  const file = openFileMethod(settings, method, model);
  if (file.kind === 'plans') {
    const given = filePlans(settings, method, model).find((plan) => plan.keep === keep);
    if (given === undefined) throw new Error(`no plan of the file ${method} keeps ${keep} experts`);
    return signedPlan(given.plan, model, [task]);
  }
  const { ranking } = file;
  return rankedPlanForModel(model, { ranking, method, keep, budget: 'uniform', pins: [], tasks: [task] });
};

/** Kept experts per layer, descending, at which a file of plans is measured; null: the counts of the sweep. */
export const ownCounts = (
  settings: FileSettings,
  method: MethodName,
  checkpoint: Pick<Checkpoint, 'info'>,
): readonly number[] | null => {
  const counts = filePlans(settings, method, checkpoint).map(({ keep }) => keep);
  return counts.length === 0 ? null : counts.sort((left, right) => right - left);
};

/**
 * Refuses file methods that a sweep cannot measure, before anything runs.
 *
 * @throws WorkbenchError `file-method-name`, `file-plans-alike`, `budget-needs-scores`, `groups-uneven`, or as
 * `readExpertFile`.
 */
export const checkFileMethods = (settings: FileSettings, models: readonly Checkpoint[]): void => {
  for (const method of Object.keys(settings.files ?? {})) {
    if (method === UNPRUNED || methodNames.includes(method))
      throw refuse(
        'file-method-name',
        `A file cannot be called "${method}": a method has that name.`,
        'Give it a name of its own: --method file:NAME=FILE.',
      );
    if (!settings.methods.includes(method))
      throw refuse('file-method-name', `The file "${method}" is not among the methods.`, 'Name it there, too.');
    for (const checkpoint of models) {
      const file = openFileMethod(settings, method, checkpoint);
      if (file.kind === 'plans') {
        const counts = filePlans(settings, method, checkpoint).map(({ keep }) => keep);
        const twice = counts.find((keep, index) => counts.indexOf(keep) !== index);
        if (twice === undefined) continue;
        throw refuse(
          'file-plans-alike',
          `Two plans of the file "${method}" keep ${twice} experts a layer on average.`,
          'A curve has one point per size: put the plans into separate files.',
        );
      }
      if (settings.budget !== 'uniform')
        throw refuse(
          'budget-needs-scores',
          `The budget ${settings.budget} compares layers, and the ranking ${method} orders experts only within each.`,
          'Use the budget uniform, or a file that contains plans.',
        );
      // Only tried: the model may not be hashed yet.
      const { name, info } = checkpoint;
      planOfFile(settings, method, { name, info, fingerprint: UNHASHED }, '', info.experts);
    }
  }
};

/** Facts for readers of the results on the methods that are files. */
export const fileMethodFacts = (settings: FileSettings, models: readonly Checkpoint[]): readonly SweepFact[] =>
  settings.methods
    .filter((method) => isFileMethod(settings, method))
    .flatMap((method): readonly SweepFact[] => {
      const file = settings.files?.[method]?.name ?? '';
      const holdsPlans = models.some((model) => filePlans(settings, method, model).length > 0);
      return [
        { code: 'file-method', method, file, holdsPlans },
        ...(settings.protect === 'none' ? [] : [{ code: 'file-unprotected' as const, method }]),
      ];
    });
