import { createStore } from 'zustand/vanilla';
import { BEST_REFERENCE } from '../../main/contract/compare.ts';

interface CompareState {
  /** Pruning factor that methods are compared at; null: the middle one. */
  readonly factor: number | null;
  /** `best`, `unpruned` or a method. */
  readonly reference: string;
  readonly asTable: boolean;
  readonly chooseFactor: (factor: number | null) => void;
  readonly chooseReference: (reference: string) => void;
  readonly showTable: (asTable: boolean) => void;
}

export const compareStore = createStore<CompareState>()((set) => ({
  factor: null,
  reference: BEST_REFERENCE,
  asTable: false,
  chooseFactor: (factor) => set({ factor }),
  chooseReference: (reference) => set({ reference }),
  showTable: (asTable) => set({ asTable }),
}));
