import { singleExperts } from './experts.ts';
import { modelsAndTasks } from './models-and-tasks.ts';
import { results } from './results.ts';
import { routingAndPlans } from './routing-and-plans.ts';

/** Definitions by subject; keys are unique across groups. */
export const definitionGroups = [routingAndPlans, singleExperts, modelsAndTasks, results] as const;

/** All definitions shown in the window. */
export const definitions = { ...routingAndPlans, ...singleExperts, ...modelsAndTasks, ...results } as const;

export type DefinitionName = keyof typeof definitions;
