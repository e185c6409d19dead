import { createStore } from 'zustand/vanilla';
import { type ExperimentSettings, experimentSettings } from '../../main/contract/experiment.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { AnswerChange } from '../../main/contract/outcomes.ts';
import type { MethodName } from '../../main/contract/plan.ts';
import type { PointKey } from './selection.ts';

interface DevicesState {
  readonly open: boolean;
  readonly show: (open: boolean) => void;
}

/** Whether the devices dialog is open. */
export const devicesStore = createStore<DevicesState>()((set) => ({
  open: false,
  show: (open) => set({ open }),
}));

/** Whether the settings are open. */
export const settingsStore = createStore<DevicesState>()((set) => ({
  open: false,
  show: (open) => set({ open }),
}));

/** Whether the sheet of shortcuts is open. */
export const shortcutsStore = createStore<DevicesState>()((set) => ({
  open: false,
  show: (open) => set({ open }),
}));

interface DocsState {
  /** Name of the open documentation page; null: none. */
  readonly open: string | null;
  readonly show: (name: string | null) => void;
}

export const docsStore = createStore<DocsState>()((set) => ({
  open: null,
  show: (open) => set({ open }),
}));

interface ClusterDialogState {
  /** The run whose cluster tasks are shown; null: none. */
  readonly run: string | null;
  /** The task whose log is shown (null: the joining job's); undefined: none. */
  readonly log: number | null | undefined;
  readonly showRun: (run: string | null) => void;
  readonly showLog: (task: number | null) => void;
}

export const clusterDialogStore = createStore<ClusterDialogState>()((set) => ({
  run: null,
  log: undefined,
  showRun: (run) => set({ run, log: undefined }),
  showLog: (log) => set({ log }),
}));

interface StrangeRunState {
  /** The run made elsewhere that awaits confirmation; null: none. */
  readonly run: string | null;
  readonly show: (run: string | null) => void;
}

export const strangeRunStore = createStore<StrangeRunState>()((set) => ({
  run: null,
  show: (run) => set({ run }),
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
  /** The experiment shown; null: none. */
  readonly run: string | null;
  /** Whether the form of a new one is open. */
  readonly isAsked: boolean;
  /** Settings of the next one in the contract's shape, as typed and possibly invalid. */
  readonly settings: Omit<ExperimentSettings, 'training'>;
  readonly showRun: (run: string | null) => void;
  readonly ask: (isAsked: boolean) => void;
  readonly choose: (setting: string, value: unknown) => void;
}

export const experimentStore = createStore<ExperimentState>()((set) => ({
  run: null,
  isAsked: false,
  showRun: (run) => set({ run, isAsked: false }),
  settings: { ...experimentSettings.omit({ training: true }).parse({}), treatments: ['as-is', 'refit'] },
  ask: (isAsked) => set({ run: null, isAsked }),
  choose: (setting, value) => set(({ settings }) => ({ settings: { ...settings, [setting]: value } })),
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
  /** Index of the first item shown. */
  readonly from: number;
  readonly show: (point: PointKey | null) => void;
  readonly choose: (filter: AnswerChange | 'all') => void;
  readonly turnTo: (from: number) => void;
}

/** State of the items dialog, which opens on the lost items. */
export const outcomesStore = createStore<OutcomesState>()((set) => ({
  point: null,
  filter: 'lost',
  from: 0,
  show: (point) => set({ point, filter: 'lost', from: 0 }),
  choose: (filter) => set({ filter, from: 0 }),
  turnTo: (from) => set({ from }),
}));

interface CalibrationState {
  /** The task whose calibration items are being chosen; null: none. */
  readonly task: PathHandle | null;
  /** Tasks to be asked about afterwards. */
  readonly waiting: readonly PathHandle[];
  /** Shows a task at once, or after those that are being asked about; null goes on to the next one. */
  readonly show: (task: PathHandle | null) => void;
}

export const calibrationStore = createStore<CalibrationState>()((set) => ({
  task: null,
  waiting: [],
  show: (asked) =>
    set(({ task, waiting }) => {
      if (asked === null) return { task: waiting[0] ?? null, waiting: waiting.slice(1) };
      if (task === null) return { task: asked };
      return task === asked || waiting.includes(asked) ? {} : { waiting: [...waiting, asked] };
    }),
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
