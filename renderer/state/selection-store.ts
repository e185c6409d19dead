import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../main/contract/model.ts';
import type { MethodName } from '../../main/contract/plan.ts';
import { type History, noHistory, recorded, redone, type Travelled, undone } from './history.ts';
import {
  type Brought,
  type Change,
  changed,
  type ExpertPosition,
  type MapView,
  noSelection,
  type PlanSettings,
  type PointKey,
  type Selection,
  type Subject,
} from './selection.ts';

interface SelectionActions {
  readonly selectModel: (model: PathHandle | null) => void;
  readonly focusTask: (task: PathHandle | null) => void;
  readonly toggleTask: (task: PathHandle) => void;
  /** `task` gets the focus in the same step. */
  readonly tickTasks: (tasks: readonly PathHandle[], task?: PathHandle) => void;
  readonly selectExpert: (layer: number, expert: number | null) => void;
  readonly chooseMethod: (method: MethodName) => void;
  readonly chooseFactor: (factor: number) => void;
  /** Changes the factor while the slider is dragged: one step until `endDrag`, however many factors it passes. */
  readonly dragFactor: (factor: number) => void;
  readonly endDrag: () => void;
  /** `keep`: must stay or must go; null removes the pin. */
  readonly pin: (model: PathHandle, position: ExpertPosition, keep: boolean | null) => void;
  /** The same for several experts, as one step. */
  readonly pinAll: (model: PathHandle, positions: readonly ExpertPosition[], keep: boolean | null) => void;
  readonly removePins: (model: PathHandle) => void;
  /** `isTyped`: a number in a field, whose edits are one step until `endDrag`. */
  readonly choosePlan: (plan: Partial<PlanSettings>, isTyped?: boolean) => void;
  /** Changes what maps show. */
  readonly drawMap: (map: Partial<MapView>) => void;
  readonly selectRun: (run: string | null, brought?: Brought) => void;
  /** Selecting a point makes its plan the current one. */
  readonly selectPoint: (point: PointKey | null, brought?: Brought) => void;
  readonly explain: (subject: Subject) => void;
  /** Fills in defaults, or the initial link; not a step of the history. */
  readonly complete: (known: Partial<Selection>) => void;
  /** Follows a link: one step. */
  readonly follow: (known: Partial<Selection>) => void;
  readonly undo: () => void;
  readonly redo: () => void;
}

interface SelectionState extends Selection, SelectionActions {
  readonly history: History;
}

/** The list with the member added at its end, or removed. */
export const toggled = <T>(list: readonly T[], member: T): readonly T[] =>
  list.includes(member) ? list.filter((known) => known !== member) : [...list, member];

export const createSelectionStore = (initial: Selection = noSelection) =>
  createStore<SelectionState>()((set, get) => {
    const change = (made: Change, isDrag = false): void =>
      set((state) => {
        const next = changed(state, made);
        return { ...next, history: recorded(state.history, state, next, isDrag) };
      });
    const travel = (step: (selection: Selection, history: History) => Travelled | null): void =>
      set((state) => {
        const to = step(state, state.history);
        return to === null ? state : { ...to.selection, history: to.history };
      });
    return {
      ...initial,
      history: noHistory,
      selectModel: (model) => change({ kind: 'model', model }),
      focusTask: (task) => change({ kind: 'task', task }),
      toggleTask: (task) => change({ kind: 'tick', tasks: toggled(get().tasks, task) }),
      tickTasks: (tasks, task) => change({ kind: 'tick', tasks, task }),
      selectExpert: (layer, expert) => change({ kind: 'expert', layer, expert }),
      chooseMethod: (method) => change({ kind: 'method', method }),
      chooseFactor: (factor) => change({ kind: 'factor', factor }),
      dragFactor: (factor) => change({ kind: 'factor', factor }, true),
      endDrag: () =>
        set((state) => (state.history.isDragging ? { history: { ...state.history, isDragging: false } } : state)),
      pin: (model, position, keep) => change({ kind: 'pin', model, positions: [position], keep }),
      pinAll: (model, positions, keep) => change({ kind: 'pin', model, positions, keep }),
      removePins: (model) => change({ kind: 'unpin', model }),
      choosePlan: (plan, isTyped = false) => change({ kind: 'plan', plan }, isTyped),
      drawMap: (map) => change({ kind: 'map', map }),
      selectRun: (run, brought = {}) => change({ kind: 'run', run, brought }),
      selectPoint: (point, brought = {}) => change({ kind: 'point', point, brought }),
      explain: (subject) => change({ kind: 'subject', subject }),
      complete: (known) => set(known),
      follow: (known) =>
        set((state) => ({ ...known, history: recorded(state.history, state, { ...state, ...known }) })),
      undo: () => travel(undone),
      redo: () => travel(redone),
    };
  });

export const selectionStore = createSelectionStore();

/** The member `step` positions after `current`, wrapping around; the first if `current` is not in the list. */
export const neighbour = <T>(list: readonly T[], current: T | null, step: number): T | null => {
  if (list.length === 0) return null;
  const position = list.findIndex((member) => member === current);
  return list[position < 0 ? 0 : (position + step + list.length) % list.length] ?? null;
};
