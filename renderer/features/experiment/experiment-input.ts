import type { CallInput } from '../../../main/contract/calls.ts';
import { type ArmTreatment, armTreatment, experimentSettings, isTrained } from '../../../main/contract/experiment.ts';
import { finetuneSettings } from '../../../main/contract/finetune.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import type { MethodName } from '../../../main/contract/plan.ts';
import { refusedSettings } from '../../../main/contract/setting.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { trainingFor } from '../../plan/training.ts';
import type { FinetuneState } from '../../state/finetune-store.ts';

/** Choices of the form of an experiment; trained arms use the settings and the Python of the form of fine-tuning. */
export interface ExperimentChoices {
  readonly methods: readonly MethodName[];
  readonly treatments: readonly ArmTreatment[];
  /** Seeds of the draws, as typed: "0, 1, 2". */
  readonly seeds: string;
  /** Test items of each task; null: all. */
  readonly limit: number | null;
}

type Training = Pick<FinetuneState, 'settings' | 'python'>;

export const firstChoices: ExperimentChoices = {
  methods: ['uncurl'],
  treatments: ['as-is', 'refit'],
  seeds: experimentSettings.shape.seeds.parse(undefined).join(', '),
  limit: null,
};

/** The settings that the choices make; null where the contract refuses them. */
const settingsOf = ({ seeds, ...choices }: ExperimentChoices, training: Training['settings']) => {
  const typed = seeds.split(/[\s,;]+/u).filter((word) => word !== '');
  const isTraining = choices.treatments.some(isTrained);
  const parsed = experimentSettings.safeParse({
    ...choices,
    treatments: armTreatment.options.filter((treatment) => choices.treatments.includes(treatment)),
    seeds: [...new Set(typed)].map(Number),
    training: isTraining ? training : finetuneSettings.parse({}),
  });
  return parsed.success ? parsed.data : null;
};

/** Why the experiment cannot start, as far as the window can know; null if it can be requested. */
export const experimentObstacle = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  choices: ExperimentChoices,
  training: Training,
): string | null => {
  if (models.length < 2)
    return 'Tick at least two models of a family under “Models” of the sweep; they differ in their number of experts.';
  const sizes = models.flatMap(({ info }) => (info === null ? [] : [info.experts]));
  if (new Set(sizes).size < sizes.length) return 'Two of the models have as many experts: tick one of each size.';
  if (tasks.length === 0) return 'Tick at least one task on the left.';
  const text = tasks.find(({ metric }) => metric === 'perplexity');
  if (text !== undefined) return `${text.title} measures perplexity; an experiment counts right answers.`;
  const bare = tasks.find(({ items }) => items.calibration === 0);
  if (bare !== undefined) return `${bare.title} has no calibration items: choose them in the list of tasks.`;
  if (choices.methods.length === 0) return 'Tick at least one method.';
  if (choices.treatments.length === 0) return 'Tick at least one arm.';
  if (
    choices.treatments.some(isTrained) &&
    refusedSettings(finetuneSettings, trainingFor(models, training.settings)).length > 0
  )
    return 'Correct the settings of the training in “Fine-tune…”.';
  return settingsOf(choices, trainingFor(models, training.settings)) === null
    ? 'Seeds: whole numbers from 0, separated by commas.'
    : null;
};

/** The `experiment.start` request; null if there is an obstacle. */
export const experimentInput = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  choices: ExperimentChoices,
  training: Training,
): CallInput<'experiment.start'> | null => {
  const settings = settingsOf(choices, trainingFor(models, training.settings));
  if (settings === null || experimentObstacle(models, tasks, choices, training) !== null) return null;
  return {
    models: models.map(({ handle }) => handle),
    tasks: tasks.map(({ handle }) => handle),
    settings,
    python: training.python?.handle ?? null,
  };
};
