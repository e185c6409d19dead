import type { CallInput } from '../../../main/contract/calls.ts';
import { describedExperimentSettings, type ExperimentSettings, isTrained } from '../../../main/contract/experiment.ts';
import { finetuneSettings } from '../../../main/contract/finetune.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import { refusedSettings } from '../../../main/contract/setting.ts';
import { equalSizes, noCalibration, noRightAnswers, refusalText } from '../../../main/contract/start-rules.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { trainingFor } from '../../plan/training.ts';
import type { FinetuneState } from '../../state/finetune-store.ts';

type Choices = Omit<ExperimentSettings, 'training'>;
/** Trained arms use the settings and the Python of the form of fine-tuning. */
type Training = Pick<FinetuneState, 'settings' | 'python'>;

/** Why the experiment cannot start, as far as the window can know; null if it can be requested. */
export const experimentObstacle = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  { methods, ...described }: Choices,
  training: Training,
): string | null => {
  if (models.length < 2)
    return 'Tick at least two models of a family under “Models” of the sweep; they differ in their number of experts.';
  if (tasks.length === 0) return 'Tick at least one task on the left.';
  const text = tasks.find(({ metric }) => metric === 'perplexity');
  const bare = tasks.find(({ items }) => items.calibration === 0);
  const refusal =
    equalSizes(models.flatMap(({ name, info }) => (info === null ? [] : [{ name, experts: info.experts }]))) ??
    (text && noRightAnswers(text.title)) ??
    (bare && noCalibration(bare.title, 'profile'));
  if (refusal !== undefined) return refusalText(refusal);
  if (methods.length === 0) return 'Tick at least one method.';
  if (described.treatments.length === 0) return 'Tick at least one arm.';
  if (
    described.treatments.some(isTrained) &&
    refusedSettings(finetuneSettings, trainingFor(models, training.settings)).length > 0
  )
    return 'Correct the settings of the training in “Fine-tune…”.';
  const [wrong] = refusedSettings(describedExperimentSettings, described);
  return wrong === undefined ? null : `${wrong.label}: ${wrong.range}.`;
};

/** The `experiment.start` request; null if there is an obstacle. */
export const experimentInput = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  choices: Choices,
  training: Training,
): CallInput<'experiment.start'> | null => {
  if (experimentObstacle(models, tasks, choices, training) !== null) return null;
  const isTraining = choices.treatments.some(isTrained);
  return {
    models: models.map(({ handle }) => handle),
    tasks: tasks.map(({ handle }) => handle),
    settings: {
      ...choices,
      training: finetuneSettings.parse(isTraining ? trainingFor(models, training.settings) : {}),
    },
    python: training.python?.handle ?? null,
  };
};
