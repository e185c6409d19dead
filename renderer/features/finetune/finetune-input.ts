import type { CallInput } from '../../../main/contract/calls.ts';
import { finetuneSettings } from '../../../main/contract/finetune.ts';
import type { FinetuneSettings } from '../../../main/contract/finetune.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { isUsable } from '../../engine/facts.ts';
import type { FinetuneNumber, FinetuneState } from '../../state/finetune-store.ts';

type Chosen = Pick<FinetuneState, 'stages' | 'numbers' | 'freeze' | 'device' | 'into' | 'name' | 'python'>;

/** What fields of numbers are called, and what may stand in them. */
export const numberFields: Readonly<Record<FinetuneNumber, { readonly label: string; readonly range: string }>> = {
  routerSteps: { label: 'Steps of the router', range: 'a whole number from 1' },
  epochs: { label: 'Epochs', range: 'a whole number from 1' },
  batch: { label: 'Items a step', range: 'a whole number from 1' },
  rate: { label: 'Peak rate', range: 'above 0, at most 1' },
  length: { label: 'Tokens of an item', range: 'a whole number from 2' },
  seed: { label: 'Seed', range: 'a whole number from 0' },
};

const isNumberField = (key: unknown): key is FinetuneNumber => typeof key === 'string' && key in numberFields;

/** What the contract holds the fields against; the rest stands at its defaults. */
const candidate = ({ stages, numbers, freeze, device }: Chosen) => ({
  ...numbers,
  stages: [...stages],
  freeze: freeze
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
  device,
});

/** Number fields that the contract refuses. */
export const wrongNumbers = (chosen: Chosen): readonly FinetuneNumber[] =>
  (finetuneSettings.safeParse(candidate(chosen)).error?.issues ?? []).flatMap(({ path: [key] }) =>
    isNumberField(key) ? [key] : [],
  );

/** Steps of all stages: those of the router, and in `all` a round through the items for every epoch. */
export const finetuneSteps = (
  { stages, routerSteps, epochs, batch }: Pick<FinetuneSettings, 'stages' | 'routerSteps' | 'epochs' | 'batch'>,
  items: number,
): number =>
  (stages.includes('router') ? routerSteps : 0) + (stages.includes('all') ? epochs * Math.ceil(items / batch) : 0);

/** The name typed by the person, or one that says model and tasks. */
export const finetuneName = (model: ModelEntry, tasks: readonly TaskEntry[], typed: string | null): string =>
  typed ??
  [model.name, ...(tasks.length > 2 ? [`${tasks.length}-tasks`] : tasks.map(({ name }) => name)), 'tuned']
    .join('-')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/-+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 128);

const VALID_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Why the fine-tuning cannot start, as far as the window can tell; null where it can be asked for. */
export const finetuneObstacle = (
  model: ModelEntry | null,
  tasks: readonly TaskEntry[],
  chosen: Chosen,
): string | null => {
  if (!isUsable(model)) return 'Select a model on the left.';
  if (tasks.length === 0) return 'Tick at least one task on the left.';
  const bare = tasks.filter(({ items }) => items.calibration === 0);
  if (bare.length > 0) {
    return (
      `${bare.map(({ title }) => title).join(', ')}: no calibration items, and test items are never learnt from. ` +
      'Choose its calibration items in the list of tasks, or untick it.'
    );
  }
  if (chosen.stages.length === 0) return 'Choose at least one stage.';
  const [wrong] = wrongNumbers(chosen);
  if (wrong !== undefined) return `${numberFields[wrong].label}: ${numberFields[wrong].range}.`;
  if (chosen.into === null) return 'Choose the folder to write into.';
  if (!VALID_NAME.test(finetuneName(model, tasks, chosen.name)))
    return 'The name may hold letters, digits, dot, dash and underscore, and starts with a letter or digit.';
  return null;
};

/** The `finetune.start` request; null where there is an obstacle. */
export const finetuneInput = (
  model: ModelEntry | null,
  tasks: readonly TaskEntry[],
  chosen: Chosen,
): CallInput<'finetune.start'> | null => {
  if (model === null || chosen.into === null || finetuneObstacle(model, tasks, chosen) !== null) return null;
  return {
    model: model.handle,
    tasks: tasks.map(({ handle }) => handle),
    settings: candidate(chosen),
    into: chosen.into.handle,
    name: finetuneName(model, tasks, chosen.name),
    python: chosen.python?.handle ?? null,
  };
};
