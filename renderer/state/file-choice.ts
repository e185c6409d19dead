import { createStore } from 'zustand/vanilla';
import { WorkbenchError } from '../../main/contract/errors.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { FolderPurpose } from '../../main/contract/shell.ts';
import type { Bridge } from '../bridge/bridge.ts';
import type { ChosenFolder, ChosenProgram } from './model-forms.ts';

/**
 * Uses a chosen folder, for example opens it, with the bridge of the button that chose it. Where it fails, the folder
 * browser stays open with the reason.
 */
type UseFolder = (folder: ChosenFolder, bridge: Bridge) => Promise<void>;

/** Purposes of the folder browser, which lists files where one of them is chosen. */
export type BrowsedPurpose = FolderPurpose | 'counts' | 'python';

interface FolderRequest {
  readonly purpose: BrowsedPurpose;
  readonly onChosen: UseFolder;
  readonly answer: (folder: ChosenFolder | null) => void;
}

interface FolderDialogState {
  readonly request: FolderRequest | null;
  readonly ask: (purpose: BrowsedPurpose, onChosen?: UseFolder) => Promise<ChosenFolder | null>;
  readonly answer: (folder: ChosenFolder | null) => void;
}

/** State of the folder browser on hosts without native dialogs: one request at a time. */
export const folderDialogStore = createStore<FolderDialogState>()((set, get) => ({
  request: null,
  ask: (purpose, onChosen = async () => undefined) => {
    get().answer(null);
    return new Promise((answer) => set({ request: { purpose, onChosen, answer } }));
  },
  answer: (folder) => {
    const { request } = get();
    set({ request: null });
    request?.answer(folder);
  },
}));

/**
 * Lets the user choose a folder: with the native dialog in the window, with the folder browser elsewhere. Null if
 * cancelled. `onChosen` is called with the folder before the browser closes.
 */
export const chooseFolder = async (
  bridge: Bridge,
  purpose: FolderPurpose,
  onChosen?: UseFolder,
): Promise<ChosenFolder | null> => {
  const chooseNatively = bridge.shell?.chooseFolder ?? null;
  if (chooseNatively === null) return folderDialogStore.getState().ask(purpose, onChosen);
  const handle = await chooseNatively({ purpose });
  if (handle === null) return null;
  const { path } = await bridge.call('paths.name', { handle });
  await onChosen?.({ handle, path }, bridge);
  return { handle, path };
};

/** Lets the user choose a file; on hosts without native dialogs, the folder browser lists files too. */
export const chooseFile = async (
  bridge: Bridge,
  kind: 'task' | 'model' | 'counts',
  onChosen: (handle: PathHandle, bridge: Bridge) => Promise<void> = async () => undefined,
): Promise<PathHandle | null> => {
  const chooseNatively = bridge.shell?.chooseFolder ?? null;
  if (chooseNatively === null)
    return (
      (await folderDialogStore.getState().ask(kind, ({ handle }, asked) => onChosen(handle, asked)))?.handle ?? null
    );
  const handle = await chooseNatively({ purpose: `${kind}-file` });
  if (handle !== null) await onChosen(handle, bridge);
  return handle;
};

/** Lets the user choose a Python for training; a native dialog returns only its handle. */
export const choosePython = async (bridge: Bridge): Promise<ChosenProgram | null> => {
  const chooseNatively = bridge.shell?.chooseFolder ?? null;
  if (chooseNatively === null) return folderDialogStore.getState().ask('python');
  const handle = await chooseNatively({ purpose: 'python' });
  return handle === null ? null : { handle, path: null };
};

/** Plans for 100 layers of 512 experts, merged, are under 3 MB; a message to the engine holds 16 MB. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Lets the user choose a text file with the host's own dialog; null if cancelled. `accept` as for `<input
 * type="file">`.
 */
export const chooseTextFile = async (
  accept: string,
): Promise<{ readonly name: string; readonly text: string } | null> => {
  // Without user activation the dialog would silently not open (commands of the application menu give none).
  if (!navigator.userActivation.isActive) {
    throw new WorkbenchError(
      'needs-click',
      'refused',
      'A file can only be chosen by a click or a key in the window.',
      'Press “Import a plan…” in the plan panel.',
    );
  }
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = accept;
  const file = await new Promise<File | null>((resolve) => {
    input.addEventListener('change', () => resolve(input.files?.[0] ?? null), { once: true });
    input.addEventListener('cancel', () => resolve(null), { once: true });
    input.click();
  });
  if (file === null) return null;
  if (file.size > MAX_BYTES) {
    throw new WorkbenchError(
      'file-too-large',
      'refused',
      `${file.name} has ${file.size} bytes; at most ${MAX_BYTES} can be read.`,
      'Choose a plan or a ranking.',
    );
  }
  return { name: file.name, text: await file.text() };
};
