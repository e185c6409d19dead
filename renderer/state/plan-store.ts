import { createStore } from 'zustand/vanilla';
import { uncurlOptions } from '../../main/contract/plan.ts';
import type { BudgetName, UncurlOptions } from '../../main/contract/plan.ts';

/** Settings of the plan beside the shared method and factor. */
interface PlanState {
  readonly budget: BudgetName;
  /** Of `random`. */
  readonly seed: number;
  readonly uncurl: UncurlOptions;
  /** One task's statistics, or those of all ticked tasks averaged. */
  readonly madeFor: 'task' | 'ticked';
  readonly chooseBudget: (budget: BudgetName) => void;
  readonly chooseSeed: (seed: number) => void;
  readonly chooseUncurl: (change: Partial<UncurlOptions>) => void;
  readonly chooseMadeFor: (madeFor: 'task' | 'ticked') => void;
}

export const planStore = createStore<PlanState>()((set) => ({
  budget: 'uniform',
  seed: 0,
  uncurl: uncurlOptions.parse({}),
  madeFor: 'task',
  chooseBudget: (budget) => set({ budget }),
  chooseSeed: (seed) => set({ seed }),
  chooseUncurl: (change) => set(({ uncurl }) => ({ uncurl: { ...uncurl, ...change } })),
  chooseMadeFor: (madeFor) => set({ madeFor }),
}));
