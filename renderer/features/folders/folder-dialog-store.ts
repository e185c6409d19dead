import { createStore } from 'zustand/vanilla';
import type { FolderPurpose } from '../../../main/contract/shell.ts';
import type { ChosenFolder } from '../../state/export-store.ts';

interface FolderRequest {
  readonly purpose: FolderPurpose;
  readonly answer: (folder: ChosenFolder | null) => void;
}

interface FolderDialogState {
  readonly request: FolderRequest | null;
  readonly ask: (purpose: FolderPurpose) => Promise<ChosenFolder | null>;
  readonly answer: (folder: ChosenFolder | null) => void;
}

/** The folder browser of a host without native dialogs: one question at a time. */
export const folderDialogStore = createStore<FolderDialogState>()((set, get) => ({
  request: null,
  ask: (purpose) => {
    get().answer(null);
    return new Promise((answer) => set({ request: { purpose, answer } }));
  },
  answer: (folder) => {
    const { request } = get();
    set({ request: null });
    request?.answer(folder);
  },
}));
