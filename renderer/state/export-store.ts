import { createStore } from 'zustand/vanilla';
import type { CompressedType, ExportFormat, GgufType, PredictionChoice } from '../../main/contract/export.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { PointKey } from './selection.ts';

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
  choosePoint: (point) => set({ point, name: null }),
  showRun: (run) => set({ run, toConfirm: null }),
}));
