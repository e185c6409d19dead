import type { CallInput } from '../../../main/contract/calls.ts';
import { finetuneSettings } from '../../../main/contract/finetune.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import { refusedSettings, settingsOf } from '../../../main/contract/setting.ts';
import { noCalibration, refusalText } from '../../../main/contract/start-rules.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { isUsable } from '../../engine/facts.ts';
import { folderNameObstacle, folderNameOf } from '../../plan/export-source.ts';
import { trainingFor } from '../../plan/training.ts';
import type { FinetuneState } from '../../state/finetune-store.ts';

type Chosen = Pick<FinetuneState, 'settings' | 'into' | 'name' | 'python' | 'teacher'>;

/** The training settings, in the order of the contract. */
export const trainingSettings = settingsOf(finetuneSettings);

/**
 * Steps of all stages: those of the router, of distillation and of the mixture, plus for `all` one pass over the items
 * per epoch; null if the contract rejects the settings.
 */
export const finetuneSteps = (settings: Chosen['settings'], items: number): number | null => {
  const parsed = finetuneSettings.safeParse(settings);
  if (!parsed.success) return null;
  const { stages, routerSteps, distilSteps, generalSteps, epochs, batch } = parsed.data;
  const steps = {
    router: routerSteps,
    distil: distilSteps,
    general: generalSteps,
    all: epochs * Math.ceil(items / batch),
  };
  return stages.reduce((sum, stage) => sum + steps[stage], 0);
};

/** Whether a stage learns from an unpruned model. */
export const hasTeacher = ({ stages }: Chosen['settings']): boolean =>
  Array.isArray(stages) && stages.includes('distil');

/** The typed name, or a default made of model and tasks. */
export const finetuneName = (model: ModelEntry, tasks: readonly TaskEntry[], typed: string | null): string =>
  typed ??
  folderNameOf([
    model.name,
    ...(tasks.length > 2 ? [`${tasks.length}-tasks`] : tasks.map(({ name }) => name)),
    'tuned',
  ]);

/** Why the fine-tuning cannot start, as far as the window can know; null if it can be requested. */
export const finetuneObstacle = (
  model: ModelEntry | null,
  tasks: readonly TaskEntry[],
  chosen: Chosen,
): string | null => {
  if (!isUsable(model)) return 'Select a model on the left.';
  if (tasks.length === 0) return 'Tick at least one task on the left.';
  const bare = tasks.find(({ items }) => items.calibration === 0);
  if (bare !== undefined) return refusalText(noCalibration(bare.title, 'learn from'));
  const [wrong] = refusedSettings(finetuneSettings, trainingFor([model], chosen.settings));
  if (wrong !== undefined) return `${wrong.label}: ${wrong.range}.`;
  if (hasTeacher(chosen.settings) && (chosen.teacher === null || chosen.teacher === model.handle))
    return 'Choose the unpruned model that the routers learn from.';
  if (chosen.into === null) return 'Choose the folder to write into.';
  return folderNameObstacle(finetuneName(model, tasks, chosen.name));
};

/** The `finetune.start` request; null if there is an obstacle. */
export const finetuneInput = (
  model: ModelEntry | null,
  tasks: readonly TaskEntry[],
  chosen: Chosen,
): CallInput<'finetune.start'> | null => {
  if (model === null || chosen.into === null || finetuneObstacle(model, tasks, chosen) !== null) return null;
  return {
    model: model.handle,
    tasks: tasks.map(({ handle }) => handle),
    settings: finetuneSettings.parse(trainingFor([model], chosen.settings)),
    into: chosen.into.handle,
    name: finetuneName(model, tasks, chosen.name),
    python: chosen.python?.handle ?? null,
    teacher: hasTeacher(chosen.settings) ? chosen.teacher : null,
  };
};
