import type { AnswerKind } from '../../main/contract/task.ts';
import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import { createStore, type StoreApi } from 'zustand/vanilla';
import { BEST_REFERENCE } from '../../main/contract/compare.ts';
import { modelChart, type ModelChartName, modelCharts } from '../../main/figures/model-charts.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { Plan } from '../../main/contract/plan.ts';
import type { SliceBy } from '../../main/contract/slices.ts';
import { isSamePoint } from '../../main/contract/sweep.ts';
import type { PointKey } from './selection.ts';
import { toggled } from './selection-store.ts';

/** Part of a store; rerenders only when the part changes (compared member by member). */
export const usePart = <S, P>(store: StoreApi<S>, part: (state: S) => P): P => useStore(store, useShallow(part));

interface RoutingState {
  readonly asTable: boolean;
  readonly showPlan: boolean;
  readonly togglePlan: () => void;
}

export const routingStore = createStore<RoutingState>()((set) => ({
  asTable: false,
  showPlan: true,
  togglePlan: () => set(({ showPlan }) => ({ showPlan: !showPlan })),
}));

export type CurvesMode = 'difference' | ModelChartName | 'table';

/** The difference for the task in focus, a kind of chart of all tasks, or all points as a table. */
export const curvesModes: readonly CurvesMode[] = ['difference', ...modelCharts.map(({ name }) => name), 'table'];

/** Words of a mode's button. */
export const modeTitle = (mode: CurvesMode): string =>
  mode === 'difference' ? 'Difference' : mode === 'table' ? 'Table' : modelChart(mode).button;

interface CurvesState {
  /** Margin of the threshold rule; null: that of the sweep. */
  readonly delta: number | null;
  /** Whether the margin is being dragged, or its key held: it will be another in a moment. */
  readonly isDeltaMoving: boolean;
  /** Whether thresholds hold for the whole sweep together. */
  readonly familywise: boolean;
  /** Content below the map in the workbench. */
  readonly mode: CurvesMode;
  /** Task shown enlarged; null: none. */
  readonly enlarged: string | null;
  readonly hiddenMethods: readonly string[];
  readonly moveDelta: (isMoving: boolean) => void;
  readonly toggleMethod: (method: string) => void;
}

export const curvesStore = createStore<CurvesState>()((set) => ({
  delta: null,
  isDeltaMoving: false,
  familywise: false,
  mode: 'difference',
  enlarged: null,
  hiddenMethods: [],
  moveDelta: (isDeltaMoving) => set((state) => (state.isDeltaMoving === isDeltaMoving ? state : { isDeltaMoving })),
  toggleMethod: (method) => set(({ hiddenMethods }) => ({ hiddenMethods: toggled(hiddenMethods, method) })),
}));

export const thresholdsStore = createStore<{ readonly asTable: boolean }>()(() => ({ asTable: false }));

interface CompareState {
  /** Kind of the tasks compared; null: chosen answers, if there are any. */
  readonly answers: AnswerKind | null;
  /** `best`, `unpruned` or a method. */
  readonly reference: string;
  readonly asTable: boolean;
}

export const compareStore = createStore<CompareState>()(() => ({
  answers: null,
  reference: BEST_REFERENCE,
  asTable: false,
}));

export interface ShownSlice {
  readonly by: SliceBy;
  readonly name: string;
}

interface ModelMapState {
  /** Whether a click chooses a model to compare, instead of opening it. */
  readonly isChoosing: boolean;
  /** At most two points, to be compared: the second with the first. */
  readonly chosen: readonly PointKey[];
  /** The slice whose items are shown. */
  readonly slice: ShownSlice;
  readonly toggleChoosing: () => void;
  /** Adds a point, or takes it away; a third one takes the place of the second. */
  readonly choose: (point: PointKey) => void;
  readonly swap: () => void;
  readonly clear: () => void;
}

export const wholeSlice: ShownSlice = { by: 'all', name: '' };

/** The map of models, and the two that are compared. */
export const modelMapStore = createStore<ModelMapState>()((set) => ({
  isChoosing: false,
  chosen: [],
  slice: wholeSlice,
  toggleChoosing: () => set(({ isChoosing }) => ({ isChoosing: !isChoosing })),
  choose: (point) =>
    set(({ chosen }) => {
      const matching = chosen.filter(
        ({ run, model, task }) => run === point.run && model === point.model && task === point.task,
      );
      const others = matching.filter((entry) => !isSamePoint(entry, point));
      return { chosen: others.length < matching.length ? others : [...matching.slice(0, 1), point], slice: wholeSlice };
    }),
  swap: () => set(({ chosen }) => ({ chosen: [...chosen].reverse(), slice: wholeSlice })),
  clear: () => set({ chosen: [], slice: wholeSlice, isChoosing: false }),
}));

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
}

/** The next prompt of the side by side. */
export const besideStore = createStore<BesideState>()(() => ({
  prompt: '',
  maxNewTokens: 64,
  second: null,
}));
