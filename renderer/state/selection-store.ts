import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../main/contract/model.ts';
import type { MethodName, MethodOptions } from '../../main/contract/plan.ts';
import { type History, noHistory, recorded, redone, type Travelled, undone } from './history.ts';
import {
  type Brought,
  changedMap,
  changedPlan,
  type ExpertPosition,
  type MapView,
  noSelection,
  pinned,
  type PlanSettings,
  type PointKey,
  type Selection,
  type Subject,
  withBrought,
} from './selection.ts';

interface SelectionActions {
  readonly selectModel: (model: PathHandle | null) => void;
  /** Selects a model and explains it in the panel. */
  readonly showModel: (model: PathHandle) => void;
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
  /** Sets a described setting of the plan to a value that its schema accepts. */
  readonly choosePlanSetting: (setting: string, value: unknown) => void;
  /** Undefined restores the option's default. */
  readonly choosePlanOption: (method: MethodName, name: string, value: MethodOptions[string] | undefined) => void;
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
    /** `made`: the members that change. A drag is one step of the history. */
    const change = (made: (selection: Selection) => Partial<Selection>, isDrag = false): void =>
      set((state) => {
        const next = { ...state, ...made(state) };
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
      selectModel: (model) =>
        change((known) => ({
          ...withBrought(known, { model }),
          subject: known.subject === 'expert' || known.subject === 'point' ? 'plan' : known.subject,
        })),
      showModel: (model) => {
        get().selectModel(model);
        get().explain('model');
      },
      focusTask: (task) => change(() => ({ task })),
      toggleTask: (task) => change(({ tasks }) => ({ tasks: toggled(tasks, task) })),
      tickTasks: (tasks, task) => change((known) => ({ tasks, task: task ?? known.task })),
      selectExpert: (layer, expert) => change(() => ({ layer, expert, subject: 'expert' })),
      // Choosing a method ends the use of an imported file.
      chooseMethod: (method) => change(({ plan }) => ({ method, plan: changedPlan(plan, { imported: null }) })),
      chooseFactor: (factor) => change(() => ({ factor })),
      dragFactor: (factor) => change(() => ({ factor }), true),
      endDrag: () =>
        set((state) => (state.history.isDragging ? { history: { ...state.history, isDragging: false } } : state)),
      pin: (model, position, keep) => get().pinAll(model, [position], keep),
      pinAll: (model, positions, keep) =>
        change(({ pins }) => ({ pins: { ...pins, [model]: pinned(pins[model] ?? [], positions, keep) } })),
      removePins: (model) => change(({ pins }) => ({ pins: { ...pins, [model]: [] } })),
      choosePlan: (plan, isTyped = false) => change((known) => ({ plan: changedPlan(known.plan, plan) }), isTyped),
      choosePlanSetting: (setting, value) =>
        get().choosePlan({ ...get().plan, [setting]: value }, typeof value === 'number'),
      choosePlanOption: (method, name, value) => {
        const { options } = get().plan;
        const { [name]: _, ...others } = options[method] ?? {};
        const changed = value === undefined ? others : { ...others, [name]: value };
        get().choosePlan({ options: { ...options, [method]: changed } }, typeof value === 'number');
      },
      drawMap: (map) => change((known) => ({ map: changedMap(known.map, map) })),
      selectRun: (run, brought = {}) => change((known) => ({ ...withBrought(known, brought), run, point: null })),
      selectPoint: (point, brought = {}) =>
        change((known) => (point === null ? { point } : { ...withBrought(known, brought), point, subject: 'point' })),
      explain: (subject) => change(() => ({ subject })),
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
