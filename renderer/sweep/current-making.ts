import { isUsable, selectedModel } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import { ignoresBudget, plannedTasks, shownImport } from '../plan/plan-input.ts';
import { chatOf } from '../plan/chat.ts';
import type { PlanSettings } from '../state/plan-settings.ts';
import type { PlanMaking } from './plan-making.ts';
import { sweepObstacle } from './sweep-plan.ts';

/** Why no sweep can measure the current plan; null if one can. */
const unsweepable = (facts: Facts, state: PlanSettings): string | null => {
  const { model, method } = facts.selection;
  if (shownImport(facts, state) !== null) return 'to measure an imported plan, export it and open it as a model';
  if (model !== null && (facts.selection.pins[model] ?? []).length > 0)
    return 'to measure a plan with pins, export it and open it as a model';
  if (state.budget === 'manual' && !ignoresBudget(method))
    return 'to measure a plan with counts by hand, export it and open it as a model';
  if (plannedTasks(facts, state).length > 1) return 'a sweep makes its plans for each task separately';
  return null;
};

/** How the current plan is made, in terms of sweep settings; null if no sweep can make it. */
export const currentMaking = (facts: Facts, state: PlanSettings): PlanMaking | null => {
  const model = selectedModel(facts);
  const { method } = facts.selection;
  const { budget } = state;
  if (model === null || unsweepable(facts, state) !== null) return null;
  return {
    budget: ignoresBudget(method) || budget === 'manual' ? 'uniform' : budget,
    protect: state.protect,
    options: state.options[method] ?? {},
    chat: chatOf([model], state.chat) === true,
  };
};

/** Why the current plan cannot be measured now; null if it can. */
export const measureObstacle = (facts: Facts, state: PlanSettings): string | null => {
  const model = selectedModel(facts);
  if (!isUsable(model)) return 'select a model that can be used here';
  const planned = plannedTasks(facts, state);
  const tasks = facts.tasks.filter((task) => planned.includes(task.handle));
  if (tasks.length === 0) return 'select a task';
  const obstacle = unsweepable(facts, state);
  if (shownImport(facts, state)?.kind === 'plan') return obstacle;
  if (facts.selection.factor <= 1) return 'factor 1 prunes nothing';
  if (obstacle !== null) return obstacle;
  const making = currentMaking(facts, state);
  if (making === null) return 'select a model';
  return sweepObstacle(
    [model],
    tasks,
    {
      methods: [facts.selection.method],
      skippedFactors: [],
      typedFactors: '',
      recovery: 'none',
      refits: [],
      budget: making.budget,
      protect: making.protect,
      calibration: 'answers',
    },
    { ...state, pages: facts.methods },
  );
};
