import type { PathHandle } from '../../../main/contract/model.ts';
import type { FolderPurpose } from '../../../main/contract/shell.ts';
import type { Bridge } from '../../bridge.ts';
import type { ChosenFolder } from '../../state/export-store.ts';
import { folderDialogStore } from './folder-dialog-store.ts';

/** Asks for a folder: by the native dialog in the window, by the folder browser elsewhere. Null: thought better of it. */
export const chooseFolder = async (bridge: Bridge, purpose: FolderPurpose): Promise<ChosenFolder | null> => {
  if (bridge.shell === null) return folderDialogStore.getState().ask(purpose);
  const handle = await bridge.shell.chooseFolder({ purpose });
  if (handle === null) return null;
  const { path } = await bridge.call('folders.list', { handle });
  return { handle, path };
};

/** Asks for the one file of a task; the folder browser of other hosts shows files beside folders. */
export const chooseTaskFile = async (bridge: Bridge): Promise<PathHandle | null> => {
  if (bridge.shell === null) return (await folderDialogStore.getState().ask('task'))?.handle ?? null;
  return bridge.shell.chooseFolder({ purpose: 'task-file' });
};
