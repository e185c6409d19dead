import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../main/contract/model.ts';
import type { AnswerChange } from '../../main/contract/outcomes.ts';
import type { MethodName } from '../../main/contract/plan.ts';
import type { PointKey } from './selection.ts';

interface DevicesState {
  readonly open: boolean;
  readonly show: (open: boolean) => void;
}

/** Whether the panel of devices is open. */
export const devicesStore = createStore<DevicesState>()((set) => ({
  open: false,
  show: (open) => set({ open }),
}));

/** Whether the settings are open. */
export const settingsStore = createStore<DevicesState>()((set) => ({
  open: false,
  show: (open) => set({ open }),
}));

interface ReproductionState {
  /** The reproduction whose result is shown; null: none. */
  readonly run: string | null;
  readonly showRun: (run: string | null) => void;
}

export const reproductionStore = createStore<ReproductionState>()((set) => ({
  run: null,
  showRun: (run) => set({ run }),
}));

interface ExperimentState {
  /** The experiment that is shown; null: none. */
  readonly run: string | null;
  readonly showRun: (run: string | null) => void;
}

export const experimentStore = createStore<ExperimentState>()((set) => ({
  run: null,
  showRun: (run) => set({ run }),
}));

interface MethodsState {
  /** The method whose page is open; null: none. */
  readonly open: MethodName | null;
  readonly show: (method: MethodName | null) => void;
}

export const methodsStore = createStore<MethodsState>()((set) => ({
  open: null,
  show: (open) => set({ open }),
}));

interface OutcomesState {
  /** The point whose items are shown; null: none. */
  readonly point: PointKey | null;
  readonly filter: AnswerChange | 'all';
  /** First item shown. */
  readonly from: number;
  readonly show: (point: PointKey | null) => void;
  readonly choose: (filter: AnswerChange | 'all') => void;
  readonly turnTo: (from: number) => void;
}

/** What was answered to the items of a point: opened on what pruning lost. */
export const outcomesStore = createStore<OutcomesState>()((set) => ({
  point: null,
  filter: 'lost',
  from: 0,
  show: (point) => set({ point, filter: 'lost', from: 0 }),
  choose: (filter) => set({ filter, from: 0 }),
  turnTo: (from) => set({ from }),
}));

interface SampleState {
  /** Task whose items are shown. */
  readonly task: PathHandle | null;
  readonly split: 'calibration' | 'test';
  readonly show: (task: PathHandle | null) => void;
  readonly chooseSplit: (split: 'calibration' | 'test') => void;
}

export const sampleStore = createStore<SampleState>()((set) => ({
  task: null,
  split: 'test',
  show: (task) => set({ task }),
  chooseSplit: (split) => set({ split }),
}));
