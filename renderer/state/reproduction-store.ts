import { createStore } from 'zustand/vanilla';

interface ReproductionState {
  /** The reproduction whose result is shown; null: none. */
  readonly run: string | null;
  readonly showRun: (run: string | null) => void;
}

export const reproductionStore = createStore<ReproductionState>()((set) => ({
  run: null,
  showRun: (run) => set({ run }),
}));
