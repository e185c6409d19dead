import type { CallInput } from '../../../main/contract/calls.ts';
import type { Facts } from '../../engine/facts.ts';
import { selectedModel, tickedTasks } from '../../engine/facts.ts';
import type { planStore } from '../../state/plan-store.ts';
import { planInput } from './plan-input.ts';

/** The `plan.make` request that method, factor, budget and tasks on screen stand for. */
export const currentPlanInput = (
  facts: Facts,
  settings: ReturnType<(typeof planStore)['getState']>,
): CallInput<'plan.make'> | null => {
  const { selection } = facts;
  const tasks =
    settings.madeFor === 'ticked'
      ? tickedTasks(facts).map((task) => task.handle)
      : selection.task === null
        ? []
        : [selection.task];
  return planInput(selectedModel(facts), tasks, { ...settings, method: selection.method, factor: selection.factor });
};
