import { createStore } from 'zustand/vanilla';
import type { MethodName } from '../../../main/contract/plan.ts';

interface MethodsState {
  /** The method whose page is open; null: none. */
  readonly open: MethodName | null;
  readonly show: (method: MethodName | null) => void;
}

export const methodsStore = createStore<MethodsState>()((set) => ({
  open: null,
  show: (open) => set({ open }),
}));
