import type { DefinitionText } from '../../main/words/definitions/definition-text.ts';
import { modelsAndTasks } from '../../main/words/definitions/models-and-tasks.ts';
import { results } from '../../main/words/definitions/results.ts';
import { routingAndPlans } from '../../main/words/definitions/routing-and-plans.ts';
import { z } from 'zod';
import { describedExperimentSettings } from '../../main/contract/experiment.ts';
import { describedPlanSettings } from '../../main/contract/plan.ts';
import { settingsOf } from '../../main/contract/setting.ts';
import { describedSweepSettings } from '../../main/contract/sweep.ts';

const shapes = {
  ...describedExperimentSettings.shape,
  ...describedPlanSettings.shape,
  ...describedSweepSettings.shape,
};
type SettingName = keyof typeof shapes;

/** Settings of experiments, plans and sweeps, as the contract describes them; a sweep's where several have the name. */
const settings: Readonly<Record<string, DefinitionText>> = Object.fromEntries(
  settingsOf(z.object(shapes)).map(({ name, label, about, help }) => [
    name,
    { term: label.charAt(0).toUpperCase() + label.slice(1), text: about ?? help },
  ]),
);

const written = { ...routingAndPlans, ...modelsAndTasks, ...results } as const;

/** Every definition that the window shows. */
export const definitions: Readonly<Record<string, DefinitionText>> & typeof written = { ...written, ...settings };

export type DefinitionName = keyof typeof written | SettingName;

const isDefinitionName = (name: string): name is DefinitionName => Object.hasOwn(definitions, name);

/** The definition that a column names. */
export const definitionNamed = (name: string): DefinitionName => {
  if (!isDefinitionName(name)) throw new Error(`there is no definition of ${name}`);
  return name;
};
