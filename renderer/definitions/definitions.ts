import type { DefinitionText } from './definition-text.ts';
import { singleExperts } from './experts.ts';
import { modelsAndTasks } from './models-and-tasks.ts';
import { results } from './results.ts';
import { routingAndPlans } from './routing-and-plans.ts';
import { settings, type SettingName } from './settings.ts';

/** The definitions by what they are about: no name stands in two. */
export const definitionGroups = [routingAndPlans, singleExperts, modelsAndTasks, results, settings] as const;

const written = { ...routingAndPlans, ...singleExperts, ...modelsAndTasks, ...results } as const;

/** Every definition that the window shows. */
export const definitions: Readonly<Record<string, DefinitionText>> & typeof written = { ...written, ...settings };

export type DefinitionName = keyof typeof written | SettingName;

const isDefinitionName = (name: string): name is DefinitionName => Object.hasOwn(definitions, name);

/** The definition that a column names. */
export const definitionNamed = (name: string): DefinitionName => {
  if (!isDefinitionName(name)) throw new Error(`there is no definition of ${name}`);
  return name;
};
