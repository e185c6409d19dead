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
