import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../main/contract/model.ts';
import type { Plan } from '../../main/contract/plan.ts';

/** A plan with the name under which it writes. */
export interface NamedPlan {
  readonly model: PathHandle;
  readonly name: string;
  readonly plan: Plan;
}

interface BesideState {
  readonly prompt: string;
  readonly maxNewTokens: number;
  /** The plan that was kept to write beside the current one. */
  readonly second: NamedPlan | null;
  readonly typePrompt: (prompt: string) => void;
  readonly chooseMaxNewTokens: (count: number) => void;
  readonly keepSecond: (plan: NamedPlan | null) => void;
}

/** The next prompt of the side by side. */
export const besideStore = createStore<BesideState>()((set) => ({
  prompt: '',
  maxNewTokens: 64,
  second: null,
  typePrompt: (prompt) => set({ prompt }),
  chooseMaxNewTokens: (maxNewTokens) => set({ maxNewTokens }),
  keepSecond: (second) => set({ second }),
}));
