import { refuse } from '../contract/errors.ts';
import type { ArmName, ArmTreatment, ExperimentSettings } from '../contract/experiment.ts';
import { planNeeds } from '../pruning/plan-needs.ts';
import { isTextItem } from '../tasks/task.ts';
import type { RunModel, RunTask } from './job-context.ts';
import { requireCalibration } from './profile-job.ts';

/** The same text for two names of one arm. */
export const armKey = ({ task, model, experts, kept, method, treatment }: ArmName): string =>
  JSON.stringify([task, model, experts, kept, method, treatment]);

/** Members by rising number of experts. */
export const byExperts = (models: readonly RunModel[]): readonly RunModel[] =>
  [...models].sort((a, b) => a.checkpoint.info.experts - b.checkpoint.info.experts);

/** What is measured of a member that was not pruned: what refitted arms are held against is the member as it is. */
export const referenceTreatments = ({
  treatments,
}: Pick<ExperimentSettings, 'treatments'>): readonly ArmTreatment[] => [
  ...(treatments.some((treatment) => treatment !== 'tuned') ? (['as-is'] as const) : []),
  ...(treatments.includes('tuned') ? (['tuned'] as const) : []),
];

/** The arms of one member on one task: itself, then pruned to each smaller size by each method. */
export const armsOf = (
  { name, checkpoint }: RunModel,
  smaller: readonly number[],
  task: string,
  settings: Pick<ExperimentSettings, 'methods' | 'treatments'>,
): readonly ArmName[] => {
  const own = { task, model: name, experts: checkpoint.info.experts };
  return [
    ...referenceTreatments(settings).map((treatment) => ({
      ...own,
      kept: checkpoint.info.experts,
      method: null,
      treatment,
    })),
    ...smaller.flatMap((kept) =>
      [...new Set(settings.methods)].flatMap((method) =>
        [...new Set(settings.treatments)].map((treatment) => ({ ...own, kept, method, treatment })),
      ),
    ),
  ];
};

/**
 * Refuses what makes no experiment: members of one size, or that cannot be pruned to the size of a smaller one; tasks
 * whose items are not right or wrong, or that have none to learn from; methods that draw or search.
 *
 * @throws WorkbenchError refused: `experiment-sizes`, `experiment-task`, `experiment-method`, `no-calibration`,
 * `router-untrained`, `not-exportable`.
 */
export const checkExperiment = (
  models: readonly RunModel[],
  tasks: readonly RunTask[],
  { methods, options, treatments, refit }: Pick<ExperimentSettings, 'methods' | 'options' | 'treatments' | 'refit'>,
): void => {
  const ordered = byExperts(models);
  ordered.forEach(({ name, checkpoint: { info } }, place) => {
    const smaller = ordered[place - 1];
    const least = ordered[0]?.checkpoint.info.experts ?? 0;
    if (smaller?.checkpoint.info.experts === info.experts)
      throw refuse(
        'experiment-sizes',
        `${smaller.name} and ${name} both have ${String(info.experts)} experts a layer.`,
        'Name one member of each size.',
      );
    if (place > 0 && least < info.topK)
      throw refuse(
        'experiment-sizes',
        `${name} uses ${String(info.topK)} experts a token and cannot be pruned to ${String(least)}.`,
        'Leave the smallest members out.',
      );
  });
  if (ordered.length < 2)
    throw refuse(
      'experiment-sizes',
      'An experiment needs two members of a family at least.',
      'Name a smaller one too.',
    );
  for (const { name, task } of tasks) {
    if (task.test.some(isTextItem))
      throw refuse(
        'experiment-task',
        `${name} measures perplexity; the experiment counts right answers.`,
        'Use a task with choices, or with answers that are written.',
      );
    requireCalibration(task);
  }
  for (const method of methods) {
    const needs = planNeeds({ method, options: options[method], budget: 'uniform' });
    if (needs.search !== null)
      throw refuse(
        'experiment-method',
        `The method ${method} searches its plans; the experiment has one plan for each arm.`,
        'Use a method that follows from a profile.',
      );
    const router = options[method]?.['router'];
    const isUntrained = treatments.includes('as-is') || (treatments.includes('refit') && refit === 'experts');
    if (router === 'reinitialised' && isUntrained)
      throw refuse(
        'router-untrained',
        `The method ${method} starts its router anew at random, and the experiment would measure it before anything ` +
          'trained it.',
        'Leave out the arms as-is, or choose another router treatment.',
      );
    if (treatments.includes('tuned') && (router === 'mapped-rows' || router === 'summed-probabilities'))
      throw refuse(
        'not-exportable',
        `The method ${method} keeps all router rows (${router}): no stock loader could open it to fine-tune it.`,
        'Choose the router treatment reference-row, mean-row or reinitialised.',
      );
  }
};
