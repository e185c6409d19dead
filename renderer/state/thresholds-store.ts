import { createStore } from 'zustand/vanilla';

interface ThresholdsState {
  readonly asTable: boolean;
  readonly showTable: (asTable: boolean) => void;
}

export const thresholdsStore = createStore<ThresholdsState>()((set) => ({
  asTable: false,
  showTable: (asTable) => set({ asTable }),
}));
