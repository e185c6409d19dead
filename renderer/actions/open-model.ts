import { chooseFolder } from '../features/folders/choose-folder.ts';
import { selectionStore } from '../state/selection-store.ts';
import type { Action } from './action.ts';

export const openModel: Action = {
  id: 'open-model',
  label: 'Open model folder…',
  keywords: ['checkpoint', 'hugging face', 'safetensors', 'add'],
  menu: 'file',
  shortcut: 'Mod+O',
  enabled: ({ connected }) => connected,
  perform: async ({ bridge, cache }) => {
    const folder = await chooseFolder(bridge, 'model');
    if (folder === null) return;
    const entry = await bridge.call('models.open', { handle: folder.handle });
    cache.invalidate((name) => name === 'models.list');
    selectionStore.getState().selectModel(entry.handle);
  },
};
