import { createStore } from 'zustand/vanilla';
import type { ExportFormat, GgufType } from '../../main/contract/export.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { PointKey } from './selection.ts';

/** A folder that was chosen for something. */
export interface ChosenFolder {
  readonly handle: PathHandle;
  readonly path: string;
}

interface ExportState {
  /** Whether the drawer is open. */
  readonly open: boolean;
  /** The plan to export: a point's, or (null) the one on screen. */
  readonly point: PointKey | null;
  readonly format: ExportFormat;
  /** Of a GGUF file's weights; null: as they are stored. */
  readonly ggufType: GgufType | null;
  readonly into: ChosenFolder | null;
  /** Name of the new folder; null: the suggested one. */
  readonly name: string | null;
  /** The export that the verify form looks at. */
  readonly exported: ChosenFolder | null;
  /** The export or verify run whose outcome is shown. */
  readonly run: string | null;
  readonly show: (open: boolean) => void;
  readonly choosePoint: (point: PointKey | null) => void;
  readonly chooseFormat: (format: ExportFormat) => void;
  readonly chooseGgufType: (type: GgufType | null) => void;
  readonly chooseInto: (into: ChosenFolder | null) => void;
  readonly chooseName: (name: string | null) => void;
  readonly chooseExported: (exported: ChosenFolder | null) => void;
  readonly showRun: (run: string | null) => void;
}

export const exportStore = createStore<ExportState>()((set) => ({
  open: false,
  point: null,
  format: 'hf',
  ggufType: null,
  into: null,
  name: null,
  exported: null,
  run: null,
  show: (open) => set({ open }),
  choosePoint: (point) => set({ point, name: null }),
  chooseFormat: (format) => set({ format }),
  chooseGgufType: (ggufType) => set({ ggufType }),
  chooseInto: (into) => set({ into }),
  chooseName: (name) => set({ name }),
  chooseExported: (exported) => set({ exported }),
  showRun: (run) => set({ run }),
}));
