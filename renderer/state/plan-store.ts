import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../main/contract/model.ts';
import type { BudgetName, MethodName, MethodOptions, SuperExpertProtection } from '../../main/contract/plan.ts';

export type OptionsByMethod = Readonly<Record<MethodName, MethodOptions>>;

/** Kept experts of each MoE layer, edited by hand; they hold as long as model and factor are those of the edit. */
interface LayerCounts {
  readonly model: PathHandle;
  readonly factor: number;
  readonly values: readonly number[];
}

/** A plan or ranking that was read from a file, and the model it was read for. */
export interface ImportedFile {
  readonly name: string;
  readonly text: string;
  readonly model: PathHandle;
  readonly kind: 'plan' | 'ranking';
  /** Curve name that a plan gives, and its factor; a ranking has neither. */
  readonly method: string | null;
  readonly factor: number | null;
}

/** Settings of the plan beside the shared method and factor. */
export interface PlanState {
  readonly budget: BudgetName;
  /** Of the budget `manual`; null: all layers alike. */
  readonly counts: LayerCounts | null;
  /** Of methods that draw at random. */
  readonly seed: number;
  /** Options that differ from a method's defaults; plans and sweeps use the same. */
  readonly options: OptionsByMethod;
  readonly protect: SuperExpertProtection;
  /** Ask tasks through the model's chat template, where it has one: profiles, plans and sweeps alike. */
  readonly chat: boolean;
  /** How much each task counts where a plan is made for several; absent: 1. */
  readonly taskWeights: Readonly<Record<PathHandle, number>>;
  /** One task's statistics, or those of all ticked tasks together. */
  readonly madeFor: 'task' | 'ticked';
  /** Stands in for the method while it is there. */
  readonly imported: ImportedFile | null;
  readonly chooseBudget: (budget: BudgetName) => void;
  readonly chooseCounts: (counts: LayerCounts | null) => void;
  readonly chooseSeed: (seed: number) => void;
  /** Undefined takes the option back to its default. */
  readonly chooseOption: (method: MethodName, name: string, value: MethodOptions[string] | undefined) => void;
  readonly chooseProtect: (protect: SuperExpertProtection) => void;
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

export const createPlanStore = () =>
  createStore<PlanState>()((set) => ({
    budget: 'uniform',
    counts: null,
    seed: 0,
    options: {},
    protect: 'none',
    chat: false,
    taskWeights: {},
    madeFor: 'task',
    imported: null,
    chooseBudget: (budget) => set({ budget }),
    chooseCounts: (counts) => set({ counts }),
    chooseSeed: (seed) => set({ seed }),
    chooseOption: (method, name, value) =>
      set(({ options }) => ({ options: withOption(options, method, name, value) })),
    chooseProtect: (protect) => set({ protect }),
    chooseChat: (chat) => set({ chat }),
    chooseTaskWeight: (task, weight) => set(({ taskWeights }) => ({ taskWeights: { ...taskWeights, [task]: weight } })),
    chooseMadeFor: (madeFor) => set({ madeFor }),
    importFile: (imported) => set({ imported }),
  }));

export const planStore = createPlanStore();
