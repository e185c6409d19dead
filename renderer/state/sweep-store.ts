import { createStore } from 'zustand/vanilla';
import { offeredMethods } from '../features/prune/methods.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { MethodName } from '../../main/contract/plan.ts';

/** Settings of the next sweep. */
interface SweepState {
  /** Models beside the selected one. */
  readonly otherModels: readonly PathHandle[];
  readonly methods: readonly MethodName[];
  /** Factors that were unticked; every possible power of two is ticked at first. */
  readonly skippedFactors: readonly number[];
  /** Number of seeds of `random`: 0 .. seeds - 1. */
  readonly seeds: number;
  readonly adaptive: boolean;
  /** First n test items of each task; null: all. */
  readonly limit: number | null;
  readonly delta: number;
  readonly toggleModel: (model: PathHandle) => void;
  readonly toggleMethod: (method: MethodName) => void;
  readonly toggleFactor: (factor: number) => void;
  readonly chooseSeeds: (seeds: number) => void;
  readonly chooseAdaptive: (adaptive: boolean) => void;
  readonly chooseLimit: (limit: number | null) => void;
  readonly chooseDelta: (delta: number) => void;
}

const toggled = <T>(list: readonly T[], member: T): readonly T[] =>
  list.includes(member) ? list.filter((known) => known !== member) : [...list, member];

export const createSweepStore = () =>
  createStore<SweepState>()((set) => ({
    otherModels: [],
    methods: [...offeredMethods],
    skippedFactors: [],
    seeds: 3,
    adaptive: false,
    limit: null,
    delta: 0.02,
    toggleModel: (model) => set(({ otherModels }) => ({ otherModels: toggled(otherModels, model) })),
    toggleMethod: (method) => set(({ methods }) => ({ methods: toggled(methods, method) })),
    toggleFactor: (factor) => set(({ skippedFactors }) => ({ skippedFactors: toggled(skippedFactors, factor) })),
    chooseSeeds: (seeds) => set({ seeds: Math.min(30, Math.max(1, Math.round(seeds))) }),
    chooseAdaptive: (adaptive) => set({ adaptive }),
    chooseLimit: (limit) => set({ limit }),
    chooseDelta: (delta) => set({ delta }),
  }));

export const sweepStore = createSweepStore();
