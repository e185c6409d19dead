import type { CallInput } from '../../../main/contract/calls.ts';
import type { PathHandle } from '../../../main/contract/model.ts';
import type { Facts } from '../../engine/facts.ts';
import { selectedModel, tickedTasks } from '../../engine/facts.ts';
import type { ImportedFile, PlanState } from '../../state/plan-store.ts';
import { keptInput, planInput } from './plan-input.ts';

/** Tasks that the plan on screen is made for. */
export const plannedTasks = (facts: Facts, { madeFor }: Pick<PlanState, 'madeFor'>): readonly PathHandle[] => {
  if (madeFor === 'ticked') return tickedTasks(facts).map((task) => task.handle);
  return facts.selection.task === null ? [] : [facts.selection.task];
};

/** The imported file, where it was read for the model on screen. */
export const shownImport = (
  { selection }: Pick<Facts, 'selection'>,
  { imported }: Pick<PlanState, 'imported'>,
): ImportedFile | null => (imported !== null && imported.model === selection.model ? imported : null);

/** The `plan.make` request that method, factor, budget and tasks on screen stand for. */
export const currentPlanInput = (facts: Facts, settings: PlanState): CallInput<'plan.make'> | null =>
  planInput(selectedModel(facts), plannedTasks(facts, settings), { ...settings, ...methodAndFactor(facts) });

const methodAndFactor = ({ selection: { method, factor } }: Facts) => ({ method, factor });

export type PlanCall =
  | { readonly call: 'plan.make'; readonly input: CallInput<'plan.make'> }
  | { readonly call: 'plan.import'; readonly input: CallInput<'plan.import'> };

/** The call that gives the plan on screen: made by the method, or read from an imported file. */
export const currentPlanCall = (facts: Facts, settings: PlanState): PlanCall | null => {
  const imported = shownImport(facts, settings);
  const model = selectedModel(facts);
  if (imported === null || model?.info === null || model === null) {
    const input = currentPlanInput(facts, settings);
    return input === null ? null : { call: 'plan.make', input };
  }
  const { text, name, kind } = imported;
  const budget = settings.budget === 'manual' ? ('manual' as const) : ('uniform' as const);
  const kept =
    kind === 'plan'
      ? {}
      : {
          ...keptInput(model, { ...settings, budget, factor: facts.selection.factor }),
          pins: (settings.pins[model.handle] ?? []).map((pin) => ({ ...pin })),
        };
  return { call: 'plan.import', input: { model: model.handle, text, name, ...kept } };
};
