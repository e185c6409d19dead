import { refuse } from '../contract/errors.ts';
import {
  type ArmName,
  type ArmTreatment,
  armTreatment,
  type ExperimentSettings,
  hasGeneralStage,
  hasNewRouter,
  isTrained,
  referenceTreatment,
} from '../contract/experiment.ts';
import type { FinetuneSettings, FinetuneStage } from '../contract/finetune.ts';
import type { MethodName, MethodOptions } from '../contract/plan.ts';
import { enforce, equalSizes, noRightAnswers } from '../contract/start-rules.ts';
import { routerDeletesRows } from '../pruning/gates.ts';
import { methodNamed } from '../pruning/methods.ts';
import { planNeeds } from '../pruning/plan-needs.ts';
import { isTextItem } from '../tasks/task.ts';
import type { RunModel, RunTask } from './job-context.ts';
import { requireCalibration } from './plan-step.ts';

/** Text that is equal for equal names of an arm. */
export const armKey = ({ task, model, experts, kept, method, treatment, gates, seed }: ArmName): string =>
  JSON.stringify([task, model, experts, kept, method, treatment, gates, seed]);

/** Members by ascending number of experts. */
export const byExperts = (models: readonly RunModel[]): readonly RunModel[] =>
  [...models].sort((a, b) => a.checkpoint.info.experts - b.checkpoint.info.experts);

/** Treatments of a member that was not pruned: the references of the pruned arms. */
export const referenceTreatments = ({
  treatments,
}: Pick<ExperimentSettings, 'treatments'>): readonly ArmTreatment[] => {
  const asked = new Set(treatments.map(referenceTreatment));
  return armTreatment.options.filter((treatment) => asked.has(treatment));
};

/** Options of a method for the arms of a treatment, including a new router. */
export const armOptions = (
  { options }: Pick<ExperimentSettings, 'options'>,
  method: MethodName,
  treatment: ArmTreatment,
): MethodOptions => ({ ...options[method], ...(hasNewRouter(treatment) ? { router: 'reinitialised' } : {}) });

type DrawSettings = Pick<
  ExperimentSettings,
  'methods' | 'treatments' | 'options' | 'gates' | 'seeds' | 'trainingSeeds'
>;

const seedsOf = (
  settings: DrawSettings,
  method: MethodName | null,
  treatment: ArmTreatment,
): readonly (number | null)[] => {
  const drawsTraining = settings.trainingSeeds === 'drawn' && isTrained(treatment);
  const drawsPlan = method !== null && methodNamed(method).prepare(armOptions(settings, method, treatment)).draws;
  return drawsTraining || drawsPlan ? [...new Set(settings.seeds)] : [null];
};

/**
 * The gates of a pruned arm, each an arm of its own; where its plan deletes nothing that changes them, as they are.
 * What follows from a plan (`isGated`) is known here without one.
 */
const gatesOf = (
  settings: DrawSettings,
  { info }: RunModel['checkpoint'],
  method: MethodName,
  treatment: ArmTreatment,
): readonly ArmName['gates'][] => {
  const options = armOptions(settings, method, treatment);
  const { constants } = planNeeds({ method, options, budget: 'uniform' });
  const { router = 'reference-row' } = methodNamed(method).prepare(options).options;
  const isAffected = info.gatesGrow === true && !constants && routerDeletesRows(String(router));
  return isAffected ? settings.gates.map((gates) => (gates === 'renormalised' ? null : gates)) : [null];
};

/**
 * The arms of one member on one task: unpruned, then pruned to each smaller size by each method, with each of the
 * gates, once per draw.
 */
export const armsOf = (
  { name, checkpoint }: RunModel,
  smaller: readonly number[],
  task: string,
  settings: DrawSettings,
): readonly ArmName[] => {
  const subject = { task, model: name, experts: checkpoint.info.experts };
  const drawn = (
    kept: number,
    method: MethodName | null,
    treatment: ArmTreatment,
    gates: ArmName['gates'] = null,
  ): readonly ArmName[] =>
    seedsOf(settings, method, treatment).map((seed) => ({ ...subject, kept, method, treatment, gates, seed }));
  return [
    ...referenceTreatments(settings).flatMap((treatment) => drawn(subject.experts, null, treatment)),
    ...smaller.flatMap((kept) =>
      [...new Set(settings.methods)].flatMap((method) =>
        settings.treatments.flatMap((treatment) =>
          gatesOf(settings, checkpoint, method, treatment).flatMap((gates) => drawn(kept, method, treatment, gates)),
        ),
      ),
    ),
  ];
};

/**
 * Stages of a treatment's training: the general stage, where the treatment has it, comes before training all weights.
 */
const armStages = (stages: readonly FinetuneStage[], treatment: ArmTreatment): FinetuneStage[] => {
  const matchingStages = stages.filter((stage) => stage !== 'general');
  if (!hasGeneralStage(treatment)) return matchingStages;
  if (stages.includes('general')) return [...stages];
  return matchingStages.flatMap((stage) => (stage === 'all' ? ['general' as const, stage] : [stage]));
};

/** The training of an arm: the stages of its treatment, and the seed of its draw where trainings are drawn. */
export const armTraining = (
  { training, trainingSeeds }: Pick<ExperimentSettings, 'training' | 'trainingSeeds'>,
  { treatment, seed }: Pick<ArmName, 'treatment' | 'seed'>,
): FinetuneSettings => ({
  ...training,
  stages: armStages(training.stages, treatment),
  seed: training.seed + (trainingSeeds === 'drawn' ? (seed ?? 0) : 0),
});

/**
 * Refuses an invalid experiment: members of one size, or that cannot be pruned to the size of a smaller one; tasks
 * whose items are not right or wrong, or that have no training items; methods that search.
 *
 * @throws WorkbenchError refused: `experiment-sizes`, `experiment-task`, `experiment-method`, `no-calibration`,
 * `router-untrained`, `not-exportable`.
 */
export const checkExperiment = (
  models: readonly RunModel[],
  tasks: readonly RunTask[],
  settings: Pick<ExperimentSettings, 'methods' | 'options' | 'treatments' | 'refit' | 'training'>,
): void => {
  const { methods, options, treatments, refit, training } = settings;
  const ordered = byExperts(models);
  enforce(equalSizes(ordered.map(({ name, checkpoint: { info } }) => ({ name, experts: info.experts }))));
  ordered.forEach(({ name, checkpoint: { info } }, index) => {
    const least = ordered[0]?.checkpoint.info.experts ?? 0;
    if (index > 0 && least < info.topK)
      throw refuse(
        'experiment-sizes',
        `${name} uses ${info.topK} experts a token and cannot be pruned to ${least}.`,
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
    if (task.test.some(isTextItem)) throw noRightAnswers(name);
    requireCalibration(task);
  }
  if (treatments.some(isTrained) && training.stages.includes('distil'))
    throw refuse(
      'experiment-stages',
      'The stage distil learns from the unpruned model of a pruned one, and the arms without pruning have none.',
      'Leave the stage out; "uncurl finetune --stage distil" trains one export with it.',
    );
  for (const treatment of treatments.filter(isTrained)) {
    const stages = armStages(training.stages, treatment);
    if (stages.length === 0 || (hasGeneralStage(treatment) && !stages.includes('general')))
      throw refuse(
        'experiment-stages',
        `The arms ${treatment} cannot be trained with the stages ${training.stages.join(',')} alone.`,
        'Add the stage all: it trains on the task, after the general stage.',
      );
  }
  for (const method of methods) {
    const needs = planNeeds({ method, options: options[method], budget: 'uniform' });
    if (needs.search !== null)
      throw refuse(
        'experiment-method',
        `The method ${method} searches its plans; the experiment has one plan for each arm and draw.`,
        'Use a method that follows from a profile.',
      );
    if (treatments.some(hasNewRouter) && !('router' in methodNamed(method).options.shape))
      throw refuse(
        'experiment-method',
        `The method ${method} keeps the router rows of its kept experts: it has no router to draw at random.`,
        'Leave out the arms new-router and new-router-two-stage, or use a method that merges.',
      );
    const router = options[method]?.['router'];
    const isUntrained = treatments.includes('as-is') || (treatments.includes('refit') && refit === 'experts');
    if (router === 'reinitialised' && isUntrained)
      throw refuse(
        'router-untrained',
        `The method ${method} starts with a random router, and the experiment would measure it before anything ` +
          'trained it.',
        'Leave out the arms as-is, or choose another router treatment.',
      );
    const keepsRouter = treatments.some((treatment) => isTrained(treatment) && !hasNewRouter(treatment));
    if (keepsRouter && (router === 'mapped-rows' || router === 'summed-probabilities'))
      throw refuse(
        'not-exportable',
        `The method ${method} keeps all router rows (${router}): no stock loader could open it to fine-tune it.`,
        'Choose the router treatment reference-row, mean-row or reinitialised.',
      );
  }
};
