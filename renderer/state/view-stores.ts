import type { AnswerKind } from '../../main/contract/task.ts';
import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import { createStore } from 'zustand/vanilla';
import type { StoreApi } from 'zustand/vanilla';
import { BEST_REFERENCE } from '../../main/contract/compare.ts';
import type { PathHandle } from '../../main/contract/model.ts';

/** Part of a store; drawn again only when the part changes (compared member by member). */
export const usePart = <S, P>(store: StoreApi<S>, part: (state: S) => P): P => useStore(store, useShallow(part));

export const routingMetrics = ['share', 'gate', 'reap', 'ean'] as const;
export type RoutingMetric = (typeof routingMetrics)[number];

interface RoutingState {
  readonly metric: RoutingMetric;
  /** Task whose values are subtracted; null: amounts are drawn. */
  readonly compareWith: PathHandle | null;
  readonly asTable: boolean;
  readonly showPlan: boolean;
  readonly chooseMetric: (metric: RoutingMetric) => void;
  readonly compare: (task: PathHandle | null) => void;
  readonly showTable: (asTable: boolean) => void;
  readonly togglePlan: () => void;
}

export const routingStore = createStore<RoutingState>()((set) => ({
  metric: 'share',
  compareWith: null,
  asTable: false,
  showPlan: true,
  chooseMetric: (metric) => set({ metric }),
  compare: (compareWith) => set({ compareWith }),
  showTable: (asTable) => set({ asTable }),
  togglePlan: () => set(({ showPlan }) => ({ showPlan: !showPlan })),
}));

interface CurvesState {
  /** Margin of the threshold rule; null: as the sweep was started. */
  readonly delta: number | null;
  /** Whether thresholds are told for all of the sweep together. */
  readonly familywise: boolean;
  readonly asTable: boolean;
  /** Model shown where a sweep holds several; null: the first. */
  readonly model: string | null;
  /** Task drawn large; null: all small. */
  readonly enlarged: string | null;
  /** Methods taken out of the charts. */
  readonly hiddenMethods: readonly string[];
  readonly chooseDelta: (delta: number | null) => void;
  readonly chooseFamilywise: (familywise: boolean) => void;
  readonly showTable: (asTable: boolean) => void;
  readonly chooseModel: (model: string | null) => void;
  readonly enlarge: (task: string | null) => void;
  readonly toggleMethod: (method: string) => void;
}

export const curvesStore = createStore<CurvesState>()((set) => ({
  delta: null,
  familywise: false,
  asTable: false,
  model: null,
  enlarged: null,
  hiddenMethods: [],
  chooseDelta: (delta) => set({ delta }),
  chooseFamilywise: (familywise) => set({ familywise }),
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

interface ThresholdsState {
  readonly asTable: boolean;
  readonly showTable: (asTable: boolean) => void;
}

export const thresholdsStore = createStore<ThresholdsState>()((set) => ({
  asTable: false,
  showTable: (asTable) => set({ asTable }),
}));

interface CompareState {
  /** Pruning factor that methods are compared at; null: the middle one. */
  readonly factor: number | null;
  /** Kind of the tasks that are compared; null: chosen, where there are such. */
  readonly answers: AnswerKind | null;
  /** `best`, `unpruned` or a method. */
  readonly reference: string;
  readonly asTable: boolean;
  readonly chooseFactor: (factor: number | null) => void;
  readonly chooseAnswers: (answers: AnswerKind) => void;
  readonly chooseReference: (reference: string) => void;
  readonly showTable: (asTable: boolean) => void;
}

export const compareStore = createStore<CompareState>()((set) => ({
  factor: null,
  answers: null,
  reference: BEST_REFERENCE,
  asTable: false,
  chooseAnswers: (answers) => set({ answers }),
  chooseFactor: (factor) => set({ factor }),
  chooseReference: (reference) => set({ reference }),
  showTable: (asTable) => set({ asTable }),
}));
