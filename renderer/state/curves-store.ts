import { createStore } from 'zustand/vanilla';

interface CurvesState {
  /** Margin of the threshold rule; null: as the sweep was started. */
  readonly delta: number | null;
  readonly asTable: boolean;
  /** Model shown where a sweep holds several; null: the first. */
  readonly model: string | null;
  /** Task drawn large; null: all small. */
  readonly enlarged: string | null;
  /** Methods taken out of the charts. */
  readonly hiddenMethods: readonly string[];
  readonly chooseDelta: (delta: number | null) => void;
  readonly showTable: (asTable: boolean) => void;
  readonly chooseModel: (model: string | null) => void;
  readonly enlarge: (task: string | null) => void;
  readonly toggleMethod: (method: string) => void;
}

export const curvesStore = createStore<CurvesState>()((set) => ({
  delta: null,
  asTable: false,
  model: null,
  enlarged: null,
  hiddenMethods: [],
  chooseDelta: (delta) => set({ delta }),
  showTable: (asTable) => set({ asTable }),
  chooseModel: (model) => set({ model }),
  enlarge: (enlarged) => set({ enlarged }),
  toggleMethod: (method) =>
    set(({ hiddenMethods }) => ({
      hiddenMethods: hiddenMethods.includes(method)
        ? hiddenMethods.filter((hidden) => hidden !== method)
        : [...hiddenMethods, method],
    })),
}));
