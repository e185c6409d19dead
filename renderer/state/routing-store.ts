import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../main/contract/model.ts';

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
