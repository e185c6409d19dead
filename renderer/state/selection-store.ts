import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../main/contract/model.ts';
import type { MethodName } from '../../main/contract/plan.ts';

/** Names one point of a sweep. */
export interface PointKey {
  readonly run: string;
  readonly model: string;
  readonly task: string;
  readonly method: string;
  readonly seed: number | null;
  readonly factor: number;
}

/** What the person looks at; read by every view. */
export interface Selection {
  readonly model: PathHandle | null;
  /** Ticked tasks: what Profile and a sweep run on. */
  readonly tasks: readonly PathHandle[];
  /** The task in focus: its routing is drawn and the plan is made for it. */
  readonly task: PathHandle | null;
  /** Position among the MoE layers. */
  readonly layer: number | null;
  /** Expert in the numbering of the unpruned model. */
  readonly expert: number | null;
  readonly method: MethodName;
  /** Experts before / experts after. */
  readonly factor: number;
  /** The sweep that Curves shows; null: the newest. */
  readonly run: string | null;
  readonly point: PointKey | null;
  /** What the Inspector explains: the last thing that was selected. */
  readonly subject: 'model' | 'expert' | 'point';
}

interface SelectionActions {
  readonly selectModel: (model: PathHandle | null) => void;
  readonly focusTask: (task: PathHandle | null) => void;
  readonly toggleTask: (task: PathHandle) => void;
  readonly tickTasks: (tasks: readonly PathHandle[]) => void;
  readonly selectExpert: (layer: number, expert: number | null) => void;
  readonly chooseMethod: (method: MethodName) => void;
  readonly chooseFactor: (factor: number) => void;
  readonly selectRun: (run: string | null) => void;
  readonly selectPoint: (point: PointKey | null) => void;
}

type SelectionState = Selection & SelectionActions;

export const noSelection: Selection = {
  model: null,
  tasks: [],
  task: null,
  layer: null,
  expert: null,
  method: 'reap',
  factor: 2,
  run: null,
  point: null,
  subject: 'model',
};

export const createSelectionStore = (initial: Selection = noSelection) =>
  createStore<SelectionState>()((set) => ({
    ...initial,
    selectModel: (model) => set({ model, layer: null, expert: null, subject: 'model' }),
    focusTask: (task) => set({ task }),
    toggleTask: (task) =>
      set(({ tasks }) => ({
        tasks: tasks.includes(task) ? tasks.filter((ticked) => ticked !== task) : [...tasks, task],
      })),
    tickTasks: (tasks) => set({ tasks }),
    selectExpert: (layer, expert) => set({ layer, expert, subject: 'expert' }),
    chooseMethod: (method) => set({ method }),
    chooseFactor: (factor) => set({ factor }),
    selectRun: (run) => set({ run, point: null }),
    selectPoint: (point) => set(point === null ? { point } : { point, subject: 'point' }),
  }));

export const selectionStore = createSelectionStore();

/** The member `step` places after `current`, round the ends; the first where `current` is not in the list. */
export const neighbour = <T>(list: readonly T[], current: T | null, step: number): T | null => {
  if (list.length === 0) return null;
  const position = list.findIndex((member) => member === current);
  return list[position < 0 ? 0 : (position + step + list.length) % list.length] ?? null;
};
