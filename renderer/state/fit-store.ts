import { createStore } from 'zustand/vanilla';
import type { Canaries, FitFormat } from '../../main/contract/fit.ts';
import type { ChosenFolder } from './export-store.ts';

/** What a place for a model is measured by. */
export const placeKinds = ['bytes', 'memory', 'card'] as const;
export type PlaceKind = (typeof placeKinds)[number];

/** Which probes a search tries after its test. */
export type CanarySource = 'none' | Canaries['source'];

/** The form of a search for the best model that fits, and the search on screen. */
interface FitState {
  readonly place: PlaceKind;
  /** As typed: "8 GB". */
  readonly size: string;
  /** As typed: "32k". */
  readonly context: string;
  /** Null: that of the model. */
  readonly format: FitFormat | null;
  readonly minutes: number;
  /** Margin in points. */
  readonly points: number;
  readonly canaries: CanarySource;
  /** Own canaries, one a line. */
  readonly canaryLines: string;
  /** Whether the recommended model is tried on the other ticked tasks too. */
  readonly elsewhere: boolean;
  /** Whether experts of layers that matter less may have fewer bits. */
  readonly byLayer: boolean;
  /** Null: the newest of the model and the task. */
  readonly run: string | null;
  /** Whether the form is shown although there is a search. */
  readonly asking: boolean;
  /** Where to export; null: the proposed folder. */
  readonly into: ChosenFolder | null;
  readonly showRun: (run: string | null) => void;
}

export const fitStore = createStore<FitState>()((set) => ({
  place: 'bytes',
  size: '',
  context: '4096',
  format: null,
  minutes: 60,
  points: 2,
  canaries: 'none',
  canaryLines: '',
  elsewhere: false,
  byLayer: false,
  run: null,
  asking: false,
  into: null,
  showRun: (run) => set({ run, asking: false }),
}));
