import { createStore } from 'zustand/vanilla';
import { finetuneSettings } from '../../main/contract/finetune.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { ChosenFolder } from './export-store.ts';

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

export const createFinetuneStore = () =>
  createStore<FinetuneState>()((set) => ({
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

export const finetuneStore = createFinetuneStore();
