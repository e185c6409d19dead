import { createStore } from 'zustand/vanilla';
import { type ExperimentSettings, experimentSettings } from '../../main/contract/experiment.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { AnswerChange } from '../../main/contract/outcomes.ts';
import type { MethodName } from '../../main/contract/plan.ts';
import type { PointKey } from './selection.ts';

interface Shown<T> {
  /** The subject of the dialog; null or false: it is closed. */
  readonly open: T;
  readonly show: (open: T) => void;
}

/** The state of a dialog that shows one thing at a time; `closed` stands for none. */
const createShown = <T>(closed: T) =>
  createStore<Shown<T>>()((set) => ({ open: closed, show: (open) => set({ open }) }));

export const devicesStore = createShown<boolean>(false);
export const settingsStore = createShown<boolean>(false);
/** Models of this machine and of the Hub. */
export const openModelStore = createShown<boolean>(false);
/** Tasks of lm-evaluation-harness by name. */
export const openTaskStore = createShown<boolean>(false);
export const shortcutsStore = createShown<boolean>(false);
export const docsStore = createShown<string | null>(null);
/** The method whose page is open. */
export const methodsStore = createShown<MethodName | null>(null);
/** The run made elsewhere that awaits confirmation. */
export const strangeRunStore = createShown<string | null>(null);
/** The reproduction whose result is shown. */
export const reproductionStore = createShown<string | null>(null);

interface ClusterDialogState {
  /** The run whose cluster tasks are shown; null: none. */
  readonly run: string | null;
  /** The task whose log is shown (null: the joining job's); undefined: none. */
  readonly log: number | null | undefined;
  readonly showRun: (run: string | null) => void;
}

export const clusterDialogStore = createStore<ClusterDialogState>()((set) => ({
  run: null,
  log: undefined,
  showRun: (run) => set({ run, log: undefined }),
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

interface OutcomesState {
  /** The point whose items are shown; null: none. */
  readonly point: PointKey | null;
  readonly filter: AnswerChange | 'all';
  /** Index of the first item shown. */
  readonly from: number;
  readonly show: (point: PointKey | null) => void;
  readonly choose: (filter: AnswerChange | 'all') => void;
}

/** State of the items dialog, which opens on the lost items. */
export const outcomesStore = createStore<OutcomesState>()((set) => ({
  point: null,
  filter: 'lost',
  from: 0,
  show: (point) => set({ point, filter: 'lost', from: 0 }),
  choose: (filter) => set({ filter, from: 0 }),
}));

interface CalibrationState {
  /** The task whose calibration items are being chosen; null: none. */
  readonly task: PathHandle | null;
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
}

export const sampleStore = createStore<SampleState>()((set) => ({
  task: null,
  split: 'test',
  show: (task) => set({ task }),
}));
