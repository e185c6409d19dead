import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../main/contract/model.ts';
import type { MethodName, MethodOptions } from '../../main/contract/plan.ts';
import type { ImportedFile, LayerCounts, OptionsByMethod, PlanSettings } from './selection.ts';
import { createSelectionStore, selectionStore } from './selection-store.ts';

/** The plan settings of the selection, and the functions that change them. */
export interface PlanState extends PlanSettings {
  /** Sets a described setting to a value that its schema accepts. */
  readonly choose: (setting: string, value: unknown) => void;
  readonly chooseCounts: (counts: LayerCounts | null) => void;
  /** Undefined restores the option's default. */
  readonly chooseOption: (method: MethodName, name: string, value: MethodOptions[string] | undefined) => void;
  readonly chooseChat: (chat: boolean) => void;
  readonly chooseTaskWeight: (task: PathHandle, weight: number) => void;
  readonly chooseMadeFor: (madeFor: 'task' | 'ticked') => void;
  readonly importFile: (imported: ImportedFile | null) => void;
}

const withOption = (
  options: OptionsByMethod,
  method: MethodName,
  name: string,
  value: MethodOptions[string] | undefined,
): OptionsByMethod => {
  const { [name]: _, ...others } = options[method] ?? {};
  return { ...options, [method]: value === undefined ? others : { ...others, [name]: value } };
};

/**
 * A view of the selection: changes here are steps of its history. Typed numbers are one step until the field is left
 * (`endDrag` of the selection).
 */
export const createPlanStore = (selection: typeof selectionStore = createSelectionStore()) => {
  const { choosePlan } = selection.getState();
  const plan = (): PlanSettings => selection.getState().plan;
  const store = createStore<PlanState>()(() => ({
    ...plan(),
    choose: (setting, value) => choosePlan({ ...plan(), [setting]: value }, typeof value === 'number'),
    chooseCounts: (counts) => choosePlan({ counts }, counts !== null),
    chooseOption: (method, name, value) =>
      choosePlan({ options: withOption(plan().options, method, name, value) }, typeof value === 'number'),
    chooseChat: (chat) => choosePlan({ chat }),
    chooseTaskWeight: (task, weight) => choosePlan({ taskWeights: { ...plan().taskWeights, [task]: weight } }, true),
    chooseMadeFor: (madeFor) => choosePlan({ madeFor }),
    importFile: (imported) => choosePlan({ imported }),
  }));
  selection.subscribe((after, before) => {
    if (after.plan !== before.plan) store.setState(after.plan);
  });
  return store;
};

export const planStore = createPlanStore(selectionStore);
