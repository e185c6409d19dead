import { createStore } from 'zustand/vanilla';
import { finetuneSettings } from '../../main/contract/finetune.ts';
import type { FinetuneSettings, FinetuneStage } from '../../main/contract/finetune.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { ChosenFolder } from './export-store.ts';

/** A Python that was chosen; a native dialog does not tell its path. */
export interface ChosenProgram {
  readonly handle: PathHandle;
  readonly path: string | null;
}

/** Numbers of the settings that stand in fields; NaN: the field is empty. */
export type FinetuneNumber = 'routerSteps' | 'epochs' | 'batch' | 'rate' | 'length' | 'seed';

export interface FinetuneState {
  /** Whether the dialog is open, and for which run's outcome (null: a new fine-tuning). */
  readonly open: boolean;
  readonly run: string | null;
  readonly stages: readonly FinetuneStage[];
  readonly numbers: Readonly<Record<FinetuneNumber, number>>;
  /** Parts of names, separated by commas, of weights that do not move. */
  readonly freeze: string;
  readonly device: FinetuneSettings['device'];
  readonly into: ChosenFolder | null;
  /** Name of the new folder; null: the suggested one. */
  readonly name: string | null;
  /** Null: the environment of the workspace. */
  readonly python: ChosenProgram | null;
  readonly show: (open: boolean) => void;
  readonly showRun: (run: string) => void;
  readonly chooseStages: (stages: readonly FinetuneStage[]) => void;
  readonly chooseNumber: (name: FinetuneNumber, value: number) => void;
  readonly chooseFreeze: (freeze: string) => void;
  readonly chooseDevice: (device: FinetuneSettings['device']) => void;
  readonly chooseInto: (into: ChosenFolder) => void;
  readonly chooseName: (name: string) => void;
  readonly choosePython: (python: ChosenProgram | null) => void;
}

const { stages, routerSteps, epochs, batch, rate, length, seed, device } = finetuneSettings.parse({});

export const createFinetuneStore = () =>
  createStore<FinetuneState>()((set) => ({
    open: false,
    run: null,
    stages,
    numbers: { routerSteps, epochs, batch, rate, length, seed },
    freeze: '',
    device,
    into: null,
    name: null,
    python: null,
    show: (open) => set({ open, run: null }),
    showRun: (run) => set({ open: true, run }),
    chooseStages: (chosen) => set({ stages: chosen }),
    chooseNumber: (name, value) => set(({ numbers }) => ({ numbers: { ...numbers, [name]: value } })),
    chooseFreeze: (freeze) => set({ freeze }),
    chooseDevice: (chosen) => set({ device: chosen }),
    chooseInto: (into) => set({ into }),
    chooseName: (name) => set({ name }),
    choosePython: (python) => set({ python }),
  }));

export const finetuneStore = createFinetuneStore();
