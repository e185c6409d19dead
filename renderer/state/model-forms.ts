import { createStore } from 'zustand/vanilla';
import type { CompressedType, ExportFormat, GgufType, PredictionChoice } from '../../main/contract/export.ts';
import type { ModelEntry, PathHandle } from '../../main/contract/model.ts';
import { finetuneSettings, suitedRate } from '../../main/contract/finetune.ts';
import type { Canaries, FitFormat } from '../../main/contract/fit.ts';
import { maxOf } from '../../main/statistics/extremes.ts';
import type { PointKey } from './selection.ts';

// Forms of what makes a model: an export, a training, a search for the best model that fits.

export interface ChosenFolder {
  readonly handle: PathHandle;
  readonly path: string;
}

interface ExportState {
  /** Whether the drawer is open. */
  readonly open: boolean;
  /** The point whose plan to export; null: the current plan. */
  readonly point: PointKey | null;
  /** Null: that of the source (`chosenFormat`). */
  readonly format: ExportFormat | null;
  /** Weight type of a GGUF file; null: the stored type; absent: that of the source. */
  readonly ggufType: GgufType | null | undefined;
  /** Type as which a Hugging Face folder is quantised; null: as stored; absent: that of the source. */
  readonly hfType: CompressedType | null | undefined;
  /** Treatment of extra prediction layers. */
  readonly mtp: PredictionChoice;
  /** Whether transformers is asked about the folder. */
  readonly referee: boolean;
  readonly into: ChosenFolder | null;
  /** Name of the new folder; null: the default name. */
  readonly name: string | null;
  readonly exported: ChosenFolder | null;
  /** The export or verify run whose outcome is shown. */
  readonly run: string | null;
  /** The plan whose export, although it is not safe, awaits a second confirmation; null: none. */
  readonly toConfirm: string | null;
  readonly show: (open: boolean) => void;
  /** Opens the drawer with the plan of a point; null: with the current plan. */
  readonly choosePoint: (point: PointKey | null) => void;
  readonly showRun: (run: string | null) => void;
}

export const exportStore = createStore<ExportState>()((set) => ({
  open: false,
  point: null,
  format: null,
  ggufType: undefined,
  hfType: undefined,
  mtp: 'drop',
  referee: false,
  into: null,
  name: null,
  exported: null,
  run: null,
  toConfirm: null,
  show: (open) => set({ open }),
  choosePoint: (point) => set({ open: true, point, name: null }),
  showRun: (run) => set({ run, toConfirm: null }),
}));

/** A chosen Python; a native dialog does not reveal its path. */
export interface ChosenProgram {
  readonly handle: PathHandle;
  readonly path: string | null;
}

export interface FinetuneState {
  /** Whether the dialog is open, and the run whose outcome it shows (null: a new fine-tuning). */
  readonly open: boolean;
  readonly run: string | null;
  /**
   * The settings in the contract's shape, as typed and possibly invalid. NaN: a required number is empty; a rate that
   * is null: the one that suits the model.
   */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly into: ChosenFolder | null;
  /** Name of the new folder; null: the default name. */
  readonly name: string | null;
  /** Null: the environment of the workspace. */
  readonly python: ChosenProgram | null;
  /** The unpruned model, for the stage `distil`; null: not chosen. */
  readonly teacher: PathHandle | null;
  readonly show: (open: boolean) => void;
  readonly showRun: (run: string) => void;
  readonly choose: (setting: string, value: unknown) => void;
}

export const finetuneStore = createStore<FinetuneState>()((set) => ({
  open: false,
  run: null,
  settings: { ...finetuneSettings.parse({}), rate: null },
  into: null,
  name: null,
  python: null,
  teacher: null,
  show: (open) => set({ open, run: null }),
  showRun: (run) => set({ open: true, run }),
  choose: (setting, value) => set(({ settings }) => ({ settings: { ...settings, [setting]: value } })),
}));

/** What a place for a model is measured by. */
export type PlaceKind = 'bytes' | 'memory' | 'card';

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

type TypedSettings = FinetuneState['settings'];

/** Settings of a training as typed, with the rate that suits the largest of the models where none was typed. */
export const trainingFor = (models: readonly (ModelEntry | null)[], settings: TypedSettings): TypedSettings => {
  if (settings['rate'] !== null) return settings;
  const sizes = models.flatMap((model) => model?.info?.parameters.total ?? []);
  const rate = sizes.length === 0 ? finetuneSettings.parse({}).rate : suitedRate(maxOf(sizes));
  return { ...settings, rate };
};
