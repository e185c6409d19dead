import { singleExperts } from './experts.ts';
import { modelsAndTasks } from './models-and-tasks.ts';
import { results } from './results.ts';
import { routingAndPlans } from './routing-and-plans.ts';

/** The definitions by what they are about: no name stands in two. */
export const definitionGroups = [routingAndPlans, singleExperts, modelsAndTasks, results] as const;

/** Every definition that the window shows. */
export const definitions = { ...routingAndPlans, ...singleExperts, ...modelsAndTasks, ...results } as const;

export type DefinitionName = keyof typeof definitions;
