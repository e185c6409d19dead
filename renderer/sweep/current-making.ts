import { withoutDefaultOptimiser } from '../../main/contract/optimiser.ts';
import type { MethodName, Plan } from '../../main/contract/plan.ts';
import { type Facts, isUsable, selectedModel } from '../engine/facts.ts';
import { ignoresBudget, plannedTasks, shownImport } from '../plan/plan-input.ts';
import { chatOf } from '../plan/chat.tsx';
import { methodNameOfFile } from '../plan/method-files.ts';
import { plainSweep } from '../state/sweep-store.ts';
import { gatesThere, type PlanMaking, sweepSettingsOf } from './brought.ts';
import { sweepObstacle } from './sweep-plan.ts';

/**
 * Name of the file under which a sweep measures the current plan, because no sweep can make it: it is read from a file,
 * has pins or counts by hand, or is made for several tasks. Null where a sweep makes it by its method.
 */
const fileOfPlan = (facts: Facts): string | null => {
  const { model, method, pins, plan } = facts.selection;
  const imported = shownImport(facts);
  if (imported !== null) return imported.name;
  if (model !== null && (pins[model] ?? []).length > 0) return `${method}-pinned`;
  if (plan.budget === 'manual' && !ignoresBudget(method)) return `${method}-counts`;
  return plannedTasks(facts).length > 1 ? `${method}-for-several` : null;
};

/** A plan that a sweep measures as a file. */
export interface PlanFile {
  readonly method: MethodName;
  readonly name: string;
  readonly text: string;
}

/** The file and curve of the current plan; the curve of the sweep that measured the same plan, if there is one. */
export const planFile = (facts: Facts, plan: Plan): PlanFile | null => {
  const name = fileOfPlan(facts);
  if (name === null) return null;
  const text = JSON.stringify(plan);
  const known = facts.runs.flatMap((run) => Object.entries(sweepSettingsOf(run)?.files ?? {}));
  const same = known.find(([, file]) => file.text === text)?.[0];
  const taken = [...facts.methods.map((method) => method.name), ...known.map(([method]) => method)];
  return { method: same ?? methodNameOfFile(`${name.replace(/\.[a-z0-9]+$/i, '')}.json`, taken), name, text };
};

/** How the current plan is made, in terms of sweep settings; null if no sweep can make it. */
export const currentMaking = (facts: Facts): PlanMaking | null => {
  const model = selectedModel(facts);
  const { method, plan } = facts.selection;
  const { budget, protect, gates, options, chat } = plan;
  if (model === null || fileOfPlan(facts) !== null) return null;
  return {
    budget: ignoresBudget(method) || budget === 'manual' ? 'uniform' : budget,
    protect,
    gates: gatesThere(model, gates),
    options: withoutDefaultOptimiser(options[method] ?? {}),
    chat: chatOf([model], chat) === true,
  };
};

/** Why the current plan cannot be measured now; null if it can. */
export const measureObstacle = (facts: Facts): string | null => {
  const model = selectedModel(facts);
  if (!isUsable(model)) return 'select a model that can be used here';
  const planned = plannedTasks(facts);
  const tasks = facts.tasks.filter((task) => planned.includes(task.handle));
  if (tasks.length === 0) return 'select a task';
  if (shownImport(facts)?.kind === 'plan') return null;
  if (facts.selection.factor <= 1) return 'factor 1 prunes nothing';
  if (fileOfPlan(facts) !== null) return null;
  const making = currentMaking(facts);
  if (making === null) return 'select a model';
  const { budget, protect, gates } = making;
  return sweepObstacle(
    [model],
    tasks,
    { ...plainSweep, methods: [facts.selection.method], budget, protect, gates },
    { ...facts.selection.plan, pages: facts.methods },
  );
};
