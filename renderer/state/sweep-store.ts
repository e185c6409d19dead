import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../main/contract/model.ts';
import type { BudgetName, MethodName, RefitName, SuperExpertProtection } from '../../main/contract/plan.ts';
import type { SweepSettings } from '../../main/contract/sweep.ts';

/** Methods of a first sweep: the floor, the usual baseline, and two published methods. */
export const usualMethods: readonly MethodName[] = ['random', 'frequency', 'reap', 'uncurl'];

/** Budgets available in a sweep. */
type SweepBudget = Exclude<BudgetName, 'manual'>;

/** Settings of the next sweep; options of methods are in the plan store. */
export interface SweepState {
  /** Models in addition to the selected one. */
  readonly otherModels: readonly PathHandle[];
  readonly methods: readonly MethodName[];
  /** Rankings and plans used as methods of the sweep, by method name. */
  readonly files: NonNullable<SweepSettings['files']>;
  /** Factors that were unticked; initially all possible powers of two are ticked. */
  readonly skippedFactors: readonly number[];
  /** Number of seeds for methods that depend on chance: 0 .. seeds - 1. */
  readonly seeds: number;
  readonly budget: SweepBudget;
  readonly protect: SuperExpertProtection;
  readonly recovery: SweepSettings['recovery'];
  /** Refits of recovered plans, each a curve of its own. */
  readonly refits: readonly RefitName[];
  /** Answers that plans are calibrated on for written tasks: the right ones, or the unpruned model's own. */
  readonly calibration: NonNullable<SweepSettings['calibration']>;
  readonly adaptive: boolean;
  /** Find thresholds only: candidates stop as soon as their verdict is decided. */
  readonly stopEarly: boolean;
  /** First n test items of each task; null: all. */
  readonly limit: number | null;
  readonly delta: number;
  /** Measure tokens per second of every model. */
  readonly speed: boolean;
  readonly toggleModel: (model: PathHandle) => void;
  readonly toggleMethod: (method: MethodName) => void;
  readonly chooseMethods: (methods: readonly MethodName[]) => void;
  /** Ticks a file as a method. */
  readonly addFile: (method: MethodName, file: { readonly name: string; readonly text: string }) => void;
  readonly removeFile: (method: MethodName) => void;
  readonly toggleFactor: (factor: number) => void;
  readonly chooseSeeds: (seeds: number) => void;
  readonly chooseBudget: (budget: SweepBudget) => void;
  readonly chooseProtect: (protect: SuperExpertProtection) => void;
  readonly chooseRecovery: (recovery: SweepSettings['recovery']) => void;
  readonly toggleRefit: (refit: RefitName) => void;
  readonly chooseCalibration: (calibration: NonNullable<SweepSettings['calibration']>) => void;
  readonly chooseAdaptive: (adaptive: boolean) => void;
  readonly chooseStopEarly: (stopEarly: boolean) => void;
  readonly chooseLimit: (limit: number | null) => void;
  readonly chooseDelta: (delta: number) => void;
  readonly chooseSpeed: (speed: boolean) => void;
}

const toggled = <T>(list: readonly T[], member: T): readonly T[] =>
  list.includes(member) ? list.filter((known) => known !== member) : [...list, member];

const createSweepStore = () =>
  createStore<SweepState>()((set) => ({
    otherModels: [],
    methods: usualMethods,
    files: {},
    skippedFactors: [],
    seeds: 3,
    budget: 'uniform',
    protect: 'none',
    recovery: 'none',
    refits: ['experts'],
    calibration: 'answers',
    adaptive: false,
    stopEarly: false,
    limit: null,
    delta: 0.02,
    speed: false,
    toggleModel: (model) => set(({ otherModels }) => ({ otherModels: toggled(otherModels, model) })),
    toggleMethod: (method) => set(({ methods }) => ({ methods: toggled(methods, method) })),
    chooseMethods: (methods) => set({ methods }),
    addFile: (method, file) =>
      set(({ files, methods }) => ({ files: { ...files, [method]: file }, methods: [...methods, method] })),
    removeFile: (method) =>
      set(({ files, methods }) => ({
        files: Object.fromEntries(Object.entries(files).filter(([name]) => name !== method)),
        methods: methods.filter((known) => known !== method),
      })),
    toggleFactor: (factor) => set(({ skippedFactors }) => ({ skippedFactors: toggled(skippedFactors, factor) })),
    chooseSeeds: (seeds) => set({ seeds: Math.min(30, Math.max(1, Math.round(seeds))) }),
    chooseBudget: (budget) => set({ budget }),
    chooseProtect: (protect) => set({ protect }),
    chooseRecovery: (recovery) => set({ recovery }),
    toggleRefit: (refit) => set(({ refits }) => ({ refits: toggled(refits, refit) })),
    chooseCalibration: (calibration) => set({ calibration }),
    chooseAdaptive: (adaptive) => set({ adaptive }),
    chooseStopEarly: (stopEarly) => set({ stopEarly }),
    chooseLimit: (limit) => set({ limit }),
    chooseDelta: (delta) => set({ delta }),
    chooseSpeed: (speed) => set({ speed }),
  }));

export const sweepStore = createSweepStore();
